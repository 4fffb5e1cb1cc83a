/** Mistakes in env.yaml and env.lock: one diagnostic that says where and what to do, nothing written, and the next run works. */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { contentsOf, withoutProgress } from "./aftermath.ts";
import { FaultyMirror } from "./faulty-mirror.ts";
import { Installation } from "./installation.ts";

const installation = new Installation();
const good = "packages: [hello]\n";
const project = installation.project("project", { "env.yaml": good });
const envFile = join(project, "env.yaml");
const lockFile = join(project, "env.lock");
const enter = (cwd: string) => installation.devenv(["shell", "--", "hello", "-g", "entered"], { cwd });
const mirror = await FaultyMirror.startFor(installation);
/** The lock as it was written. */
let lock = "";

test.after.always(async () => {
	await installation.remove();
	await mirror.close();
});

/** The shell fails with this diagnostic and writes nothing. */
async function assertRefused(t: ExecutionContext, folder: string, diagnostic: string): Promise<void> {
	const before = contentsOf(folder);
	const { code, stdout, stderr } = await enter(folder);
	t.is(withoutProgress(stderr), diagnostic);
	t.is(code, 1);
	t.is(stdout, "");
	t.deepEqual(contentsOf(folder), before);
}

async function assertEntered(t: ExecutionContext, folder: string): Promise<void> {
	const { code, stdout, stderr } = await enter(folder);
	t.is(stdout, "entered\n", stderr);
	t.is(code, 0);
}

test.serial("network: a missing env.lock is written", async (t) => {
	t.timeout(600_000);
	const { code, stdout, stderr } = await enter(project);
	t.is(code, 0, stderr);
	t.is(stdout, "entered\n");
	t.true(stderr.endsWith("devenv: wrote env.lock; commit it together with env.yaml\n"), stderr);
	lock = readFileSync(lockFile, "utf8");
	t.true(lock.endsWith("\nversion: 1\n"), lock);
});

const mistakes: readonly { readonly name: string; readonly text: string; readonly diagnostic: readonly string[] }[] = [
	{
		name: "an unknown key",
		text: "packages: [hello]\nenter_shel: echo hi\n",
		diagnostic: [
			"error[ENV_UNKNOWN_KEY]: unknown key 'enter_shel'",
			"  --> env.yaml:2:1",
			" 2 | enter_shel: echo hi",
			"   | ^^^^^^^^^^",
			"  help: did you mean 'enter_shell'?",
		],
	},
	{
		name: "a wrong type",
		text: "packages: hello\n",
		diagnostic: [
			"error[ENV_TYPE]: 'packages' must be a list of packages, not a string",
			"  --> env.yaml:1:11",
			" 1 | packages: hello",
			"   |           ^^^^^",
			"  help: for example `packages: [jq, ripgrep]`",
		],
	},
	{
		name: "bad YAML",
		text: "packages: [hello\nenv: { GREETING: hi }\n",
		diagnostic: [
			"error[ENV_YAML_SYNTAX]: a '[' or '{' opened above is not closed before this",
			"  --> env.yaml:2:1",
			" 2 | env: { GREETING: hi }",
			"   | ^",
			"  help: close it, and indent what belongs inside",
		],
	},
	{
		name: "an unknown package",
		text: "packages:\n  - hello\n  - ripgrap\n",
		diagnostic: [
			"error[ENV_UNKNOWN_PACKAGE]: there is no package 'ripgrap'",
			"  --> env.yaml:3:5",
			" 3 |   - ripgrap",
			"   |     ^^^^^^^",
			"  help: did you mean: ripgrep, ipgrab, sipgrep?",
		],
	},
];

for (const { name, text, diagnostic } of mistakes) {
	test.serial(`network: env.yaml with ${name}`, async (t) => {
		installation.write(envFile, text);
		await assertRefused(t, project, `${diagnostic.join("\n")}\n`);
		t.is(readFileSync(lockFile, "utf8"), lock);
		installation.write(envFile, good);
		await assertEntered(t, project);
	});
}

test.serial("network: an unknown package in a project without env.lock", async (t) => {
	t.timeout(120_000);
	const fresh = installation.project("unlocked", { "env.yaml": "packages: [helo-world]\n" });
	const before = contentsOf(fresh);
	const { code, stderr } = await enter(fresh);
	t.regex(
		withoutProgress(stderr),
		/^error\[ENV_UNKNOWN_PACKAGE\]: there is no package 'helo-world'\n {2}--> env\.yaml:1:12\n/,
	);
	t.is(code, 1);
	// The lock is right, whatever the packages are, and the next run need not make it again.
	const { "env.lock": written, ...rest } = contentsOf(fresh);
	t.deepEqual(rest, before);
	t.is(written, lock);
});

test.serial("network: without env.yaml", async (t) => {
	const empty = installation.project("empty", {});
	await assertRefused(
		t,
		empty,
		`error[ENV_NOT_FOUND]: there is no env.yaml in ${empty} or in a folder above it\n  help: \`devenv init\` writes one here\n`,
	);
	t.is((await installation.devenv(["init"], { cwd: empty })).code, 0);
	installation.write(join(empty, "env.yaml"), good);
	installation.write(join(empty, "env.lock"), lock);
	await assertEntered(t, empty);
});

const restore =
	"  help: env.lock is written by devenv alone; restore it from version control, or delete it and run `devenv update`";

const damages: readonly {
	readonly name: string;
	readonly damage: (text: string) => string;
	readonly diagnostic: (text: string) => readonly string[];
}[] = [
	{
		name: "cut off after a line",
		damage: (text) => text.slice(0, text.indexOf("        archive:")),
		diagnostic: () => [
			"error[LOCK_TRUNCATED]: env.lock ends too early: its last line, 'version', is missing",
			"  --> env.lock:7:21",
			" 7 |       - suite: trixie",
			"   |                     ^",
			restore,
		],
	},
	{
		name: "cut off in a quoted hash",
		damage: (text) => text.slice(0, text.indexOf('sha256: "') + 20),
		diagnostic: (text) => [
			'error[LOCK_YAML_SYNTAX]: missing closing "quote',
			"  --> env.lock:13:33",
			` 13 | ${text.split("\n")[12] ?? ""}`,
			"    |                                 ^",
			restore,
		],
	},
	{
		name: "with conflict markers",
		damage: (text) => `<<<<<<< HEAD\n${text}=======\n${text}>>>>>>> other\n`,
		diagnostic: () => [
			"error[LOCK_CONFLICT]: env.lock has unresolved git conflict markers",
			"  --> env.lock:1:1",
			" 1 | <<<<<<< HEAD",
			"   | ^^^^^^^^^^^^",
			"  help: `devenv lock --resolve` takes the newer pin of each input",
		],
	},
	{
		name: "of a newer version",
		damage: (text) => text.replace("version: 1\n", "version: 2\n"),
		diagnostic: (text) => {
			const line = text.split("\n").length - 1;
			return [
				"error[LOCK_NEWER]: env.lock has version 2, and this devenv reads up to version 1",
				`  --> env.lock:${line}:10`,
				` ${line} | version: 2`,
				`${" ".repeat(String(line).length + 2)}|          ^`,
				"  help: a newer devenv wrote it: use that one here, or delete env.lock and run `devenv update` with this one",
			];
		},
	},
	{
		name: "with nothing in it",
		damage: () => "",
		diagnostic: () => ["error[LOCK_EMPTY]: env.lock is empty", "  --> env.lock:1:1", " 1 | ", "   | ^", restore],
	},
	{
		name: "with another hash of the index",
		damage: (text) => text.replace(/narHash: sha256-(.)/, (_, first) => `narHash: sha256-${swapped(String(first))}`),
		diagnostic: (text) => {
			const named = /narHash: (\S+)/.exec(text)?.[1] ?? "";
			const real = /narHash: (\S+)/.exec(lock)?.[1] ?? "";
			return [
				"error[DEBIAN_INDEX_MISMATCH]: the index of the input 'debian' is not the one that env.lock names",
				`  note: env.lock: ${named}`,
				`  note: from the locked Packages files: ${real}`,
				"  help: env.lock was changed by hand or made by another version: run 'devenv update debian'.",
			];
		},
	},
];

function swapped(character: string): string {
	return character === "A" ? "B" : "A";
}

for (const { name, damage, diagnostic } of damages) {
	test.serial(`network: an env.lock ${name}`, async (t) => {
		t.timeout(120_000);
		const text = damage(lock);
		t.not(text, lock);
		installation.write(lockFile, text);
		await assertRefused(t, project, `${diagnostic(text).join("\n")}\n`);
		t.is(readFileSync(lockFile, "utf8"), text);
		installation.write(lockFile, lock);
		await assertEntered(t, project);
	});
}

test.serial(
	"network: an env.lock with another hash of a Packages file, on a machine that has nothing yet",
	async (t) => {
		t.timeout(120_000);
		const other = new Installation();
		t.teardown(() => other.remove());
		other.write(join(other.home, "config/config.yaml"), mirror.config);
		other.environment = mirror.environment;
		const path = "dists/trixie/main/binary-amd64/Packages.xz";
		const text = lock.replace(
			/(binary-amd64\/Packages\.xz\n *sha256: ")(.)/,
			(_, before, first) => `${String(before)}${first === "0" ? "1" : "0"}`,
		);
		const folder = other.project("project", { "env.yaml": good, "env.lock": text });
		const before = contentsOf(folder);
		const { code, stderr } = await other.devenv(["shell", "--", "true"], { cwd: folder });
		t.is(code, 1);
		t.true(
			withoutProgress(stderr).startsWith(
				`error[FETCH_HASH_MISMATCH]: 'mirror://debian/${path}' is not the file that was asked for: its hash is sha256-`,
			),
			stderr,
		);
		t.deepEqual(contentsOf(folder), before);
	},
);

test.serial("network: a deleted env.lock is written again as it was", async (t) => {
	t.timeout(120_000);
	rmSync(lockFile);
	await assertEntered(t, project);
	t.is(readFileSync(lockFile, "utf8"), lock);
});
