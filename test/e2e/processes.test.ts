/** `devenv up` with services and a process of the project's own. Needs the mirror. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessList } from "@devenv/protocol";
import test from "ava";
import { processesNaming, processesOf } from "./aftermath.ts";
import { Installation, launcher } from "./installation.ts";

const installation = new Installation();

test.after.always(() => installation.remove());

test.serial("network: services run in the background, answer in shells, and leave nothing", async (t) => {
	t.timeout(600_000);
	const project = installation.project("services", {
		"env.yaml": `
services:
  postgres: { databases: [app] }
  redis: true
processes:
  web: { exec: 'echo "on $PORT"; exec sleep 600', after: [postgres, redis], ports: { http: auto } }
`,
	});
	const devenv = (...args: readonly string[]): ReturnType<Installation["devenv"]> =>
		installation.devenv(args, { cwd: project });
	t.teardown(() => devenv("down"));
	const up = await devenv("up", "-d");
	t.is(up.code, 0, up.stderr);
	const wait = await devenv("processes", "wait", "--timeout", "120");
	t.is(wait.code, 0, `${wait.stdout}${(await devenv("processes", "logs")).stdout}`);
	const psql = await devenv("shell", "--", "psql", "-d", "app", "-Atc", "select 6 * 7");
	t.is(psql.stdout, "42\n", psql.stderr);
	const redis = await devenv("shell", "--", "sh", "-c", "redis-cli -s ${REDIS_URL#unix://} ping");
	t.is(redis.stdout, "PONG\n", redis.stderr);

	const list = async (): Promise<ProcessList> =>
		JSON.parse((await devenv("processes", "list", "--json")).stdout) as ProcessList;
	const before = await list();
	const port = before.processes.find(({ name }) => name === "web")?.ports[0]?.port;
	t.is((await devenv("processes", "logs", "web")).stdout, `on ${port}\n`);

	// Killed with everything that it watches left behind, the next one begins from what is sound.
	process.kill(before.supervisor, "SIGKILL");
	t.is((await devenv("up", "-d")).code, 0);
	t.is((await devenv("processes", "wait", "--timeout", "120")).code, 0);
	t.is((await devenv("shell", "--", "psql", "-d", "app", "-Atc", "select 1")).stdout, "1\n");
	const again = await devenv("up", "-d");
	t.regex(again.stdout, /^They run already \(process \d+\), unchanged\.\n/);

	installation.write(
		join(project, "env.yaml"),
		readFileSync(join(project, "env.yaml"), "utf8").replace("sleep 600", "sleep 601"),
	);
	t.regex((await devenv("up", "-d")).stdout, /started again: web\.\n/);
	const text = readFileSync(join(project, "env.yaml"), "utf8");
	installation.write(join(project, "env.yaml"), `${text}packages: [hello]\n`);
	t.regex((await devenv("up", "-d")).stdout, /, unchanged\.\n/);
	installation.write(join(project, "env.yaml"), `${text}env: { GREETING: changed }\n`);
	t.regex((await devenv("up", "-d")).stdout, /started again: postgres, redis, web\.\n/);
	t.is((await devenv("processes", "wait", "--timeout", "120")).code, 0);

	t.is((await devenv("down")).stdout, "All processes have ended.\n");
	t.true(existsSync(join(project, ".devenv/state/postgres/PG_VERSION")));
	const left = (): readonly string[] => processesOf(installation).filter((line) => !line.includes("daemon/src/main"));
	for (let turn = 0; turn < 100 && left().length > 0; turn++) await sleep(50);
	t.deepEqual(left(), []);
	// Redis writes its title over its environment: it is known by its socket.
	t.deepEqual(processesNaming(join(installation.home, "run")), []);
});

test.serial("network: scripts run in the environment, in the project's folder, with their own arguments", async (t) => {
	t.timeout(600_000);
	const project = installation.project("scripts", {
		"env.yaml": `
packages: [jq, ruby]
env: { GREETING: hello }
scripts:
  show: { exec: 'command -v jq; echo "$GREETING $PWD $0 $#:$*"; exit 7', description: what it gets }
  count: { exec: 'puts "#{Dir.pwd} #{ARGV.inspect} #{ENV["GREETING"]}"', interpreter: ruby }
  yes: echo hidden
`,
		"sub/file": "",
	});
	const cwd = join(project, "sub");
	const { code, stdout, stderr } = await installation.devenv(["run", "show", "--json", "two words", "-x"], { cwd });
	t.is(code, 7, stderr);
	t.is(stdout, `/usr/bin/jq\nhello ${project} show 3:--json two words -x\n`);
	t.is((await installation.devenv(["run"], { cwd })).stdout, "count\nshow   what it gets\nyes\n");
	const ruby = await installation.devenv(["run", "count", "a b"], { cwd });
	t.is(ruby.stdout, `${project} ["a b"] hello\n`, ruby.stderr);
	t.regex(ruby.stderr, /^warning\[SCRIPT_HIDES_PROGRAM\]: the script 'yes' hides/m);
	// In a shell they are programs, and a changed text is there at once.
	const inside = await installation.devenv(
		[
			"shell",
			"--",
			"sh",
			"-c",
			'show one two | tail -n 1; count "c d"; yes; sed -i s/hidden/changed/ "$DEVENV_ROOT/env.yaml"',
		],
		{ cwd },
	);
	t.regex(inside.stdout, /^hello \S+ \S+\/show 2:one two\n\S+ \["c d"\] hello\nhidden\n$/, inside.stderr);
	t.is((await installation.devenv(["shell", "--", "yes"], { cwd })).stdout, "changed\n");
	const wrong = await installation.devenv(["run", "shwo"], { cwd });
	t.is(wrong.code, 1);
	t.is(
		wrong.stderr.replace(/^warning[^]*?\n(?=error)/m, ""),
		"error[SCRIPT_UNKNOWN]: there is no script 'shwo'\n  help: did you mean 'show'?\n",
	);
});

test.serial("network: in the foreground the terminal shows them, and Ctrl-C ends them", async (t) => {
	t.timeout(600_000);
	const project = installation.project("foreground", {
		"env.yaml": `
processes:
  web: 'echo ready to serve; trap "echo bye; exit" INT TERM; while :; do sleep 0.1; done'
  bad: { exec: 'exit 3', restart: never }
`,
	});
	const { promise: input, resolve } = Promise.withResolvers<string>();
	let typed = false;
	const outcome = await installation.run(["script", "-qefc", `${launcher} up`, "/dev/null"], {
		cwd: project,
		env: { TERM: "xterm" },
		input,
		onOutput: (text) => {
			if (typed || !text.includes("ready to serve") || !text.includes("it ended with 3")) return;
			typed = true;
			resolve("\u0003");
		},
	});
	const shown = outcome.stdout.replaceAll(/\u001b\[[0-9;]*m|\r/g, "");
	t.is(outcome.code, 130, shown);
	t.regex(shown, /^web {4}\| ready to serve$/m);
	t.regex(shown, /^bad {4}\| failed: it ended with 3$/m);
	t.regex(shown, /^web {4}\| bye$/m);
	t.regex(shown, /^web {4}\| stopped$/m);
});

test.serial(
	"network: `down` ends them in another terminal's foreground, and SIGTERM those in the background",
	async (t) => {
		t.timeout(600_000);
		const cwd = installation.project("ended", {
			"env.yaml": "processes: { web: 'echo ready to serve; exec sleep 600' }\n",
		});
		let asked: ReturnType<Installation["devenv"]> | undefined;
		const foreground = await installation.devenv(["up"], {
			cwd,
			onOutput: (text) => {
				if (text.includes("ready to serve")) asked ??= installation.devenv(["down"], { cwd });
			},
		});
		t.is(foreground.code, 0, foreground.stdout + foreground.stderr);
		const down = await asked;
		t.is(down?.stdout, "All processes have ended.\n", down?.stderr);

		t.is((await installation.devenv(["up", "-d"], { cwd })).code, 0);
		const list = await installation.devenv(["processes", "list", "--json"], { cwd });
		process.kill((JSON.parse(list.stdout) as ProcessList).supervisor, "SIGTERM");
		const left = (): readonly string[] => processesOf(installation).filter((line) => !line.includes("daemon/src/main"));
		for (let turn = 0; turn < 100 && left().length > 0; turn++) await sleep(50);
		t.deepEqual(left(), []);
	},
);
