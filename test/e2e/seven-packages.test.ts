/** The main job on real input: seven packages of the Debian archive, from nothing to a shell. Needs the mirror. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Installation } from "./installation.ts";

const files = {
	"env.yaml": [
		"packages: [python3, nodejs, jq, ripgrep, postgresql, git, gcc]",
		"env: { GREETING: hello }",
		'enter_shell: echo "$GREETING"',
		"",
	].join("\n"),
};

const installation = new Installation();
const project = installation.project("project", files);
const shell = (script: string, args: readonly string[] = []) =>
	installation.devenv(["shell", ...args, "--", "sh", "-c", script], { cwd: project });

test.after.always(() => installation.remove());

test.serial("network: the first entry writes env.lock and gives trixie's versions from the environment", async (t) => {
	t.timeout(900_000);
	const first = await shell(
		"python3 --version; node --version; jq --version; rg --version | head -n 1; psql --version; git --version; gcc --version | head -n 1",
	);
	t.is(first.code, 0, first.stderr);
	const patterns = [
		/^Python 3\.13\./,
		/^v20\./,
		/^jq-1\.7/,
		/^ripgrep 14\./,
		/^psql \(PostgreSQL\) 17\./,
		/^git version 2\.47\./,
		/^gcc \(Debian 14\./,
	];
	const lines = first.stdout.trimEnd().split("\n");
	t.is(lines.length, patterns.length, first.stdout);
	for (const [index, pattern] of patterns.entries()) t.regex(lines[index] ?? "", pattern);
	t.true(existsSync(join(project, "env.lock")));
});

test.serial("network: the programs and variables are the environment's", async (t) => {
	const { stdout } = await shell(
		'for each in python3 node jq rg psql git gcc; do command -v $each; done; cat /etc/debian_version; echo "$GREETING"',
	);
	const lines = stdout.trimEnd().split("\n");
	t.deepEqual(
		lines.slice(0, 7).map((path) => path.replace(/^.*\//, "")),
		["python3", "node", "jq", "rg", "psql", "git", "gcc"],
	);
	for (const path of lines.slice(0, 7)) t.true(path.startsWith("/usr/"), path);
	t.regex(lines[7] ?? "", /^13\./);
	t.is(lines[8], "hello");
});

test.serial("network: exit codes, signals and standard streams pass through", async (t) => {
	t.is((await shell("exit 3")).code, 3);
	t.is((await shell("kill -TERM $$")).code, 143);
	const piped = await installation.devenv(["shell", "--", "sh", "-c", "cat; echo err >&2"], {
		cwd: project,
		input: "through\u0000bytes\n",
	});
	t.deepEqual(piped, { code: 0, stdout: "through\u0000bytes\n", stderr: "err\n" });
	t.is((await installation.devenv(["shell", "--", "no-such-command"], { cwd: project })).code, 127);
});

test.serial("network: a C program compiled inside runs inside", async (t) => {
	installation.write(join(project, "main.c"), '#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n');
	const { stdout, stderr } = await shell("gcc -o main main.c && ./main");
	t.is(stdout, "compiled\n", stderr);
});

test.serial("network: PostgreSQL is initialised, started and answers", async (t) => {
	const script = [
		"set -e",
		'export PGDATA="$PWD/data" PGHOST="$PWD"',
		"rm -rf data",
		"initdb --auth=trust >initdb.log",
		`pg_ctl --wait --log=server.log --options="-k $PWD -c listen_addresses=''" start >start.log`,
		"trap 'pg_ctl --wait stop >stop.log' EXIT",
		"psql --no-psqlrc --tuples-only --no-align --command='select 1' postgres",
	].join("\n");
	const asRoot = process.getuid?.() === 0;
	const { stdout, stderr } = await shell(script, asRoot ? ["--user"] : []);
	t.is(stdout, "1\n", stderr);
});

test.serial(
	"network: env.lock is not written again, and without network and daemon the shell still starts",
	async (t) => {
		const lock = join(project, "env.lock");
		const before = { text: readFileSync(lock, "utf8"), time: statSync(lock).mtimeMs };
		t.is((await installation.devenv(["daemon", "stop"])).code, 0);
		const offline = {
			cwd: project,
			prefix: process.getuid?.() === 0 ? ["unshare", "--net"] : ["unshare", "--net", "--map-root-user"],
		};
		const stamped = await installation.devenv(["shell", "--", "jq", "-n", "1+1"], offline);
		t.is(stamped.stdout, "2\n", stamped.stderr);
		// A changed variable needs the daemon and an evaluation, but no network.
		installation.write(join(project, "env.yaml"), files["env.yaml"].replace("hello", "changed"));
		const evaluated = await installation.devenv(["shell", "--", "sh", "-c", 'echo "$GREETING"'], offline);
		t.is(evaluated.stdout, "changed\n", evaluated.stderr);
		t.deepEqual({ text: readFileSync(lock, "utf8"), time: statSync(lock).mtimeMs }, before);
	},
);

test.serial("network: info --json describes the environment", async (t) => {
	const { stdout } = await installation.devenv(["info", "--json"], { cwd: project });
	const info = JSON.parse(stdout) as {
		storeRoot: string;
		environment: string;
		packages: { attr: string; version: string }[];
		inputs: { name: string; url: string; revision: string | null }[];
	};
	t.is(info.storeRoot, join(installation.home, "root"));
	t.regex(info.environment, /^\/nix\/store\/[0-9a-z]{32}-/);
	t.true(existsSync(join(info.storeRoot, info.environment, "environment.json")));
	t.deepEqual(info.packages.map(({ attr }) => attr).sort(), [
		"gcc",
		"git",
		"jq",
		"nodejs",
		"postgresql",
		"python3",
		"ripgrep",
	]);
	for (const { version } of info.packages) t.regex(version, /^[0-9]/);
	t.deepEqual(
		info.inputs.map(({ name, url }) => ({ name, url })),
		[{ name: "debian", url: "debian:trixie" }],
	);
});

test.serial("network: nothing is written outside DEVENV_HOME, .devenv and env.lock", async (t) => {
	const { stdout } = await installation.run(["find", join(installation.folder, "user-home"), "-mindepth", "1"]);
	t.is(stdout, "");
	const { stdout: inProject } = await installation.run([
		"find",
		project,
		"-mindepth",
		"1",
		"-maxdepth",
		"1",
		"-name",
		".*",
	]);
	t.true(inProject === "" || inProject === `${join(project, ".devenv")}\n`, inProject);
});
