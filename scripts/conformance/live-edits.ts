/**
 * Random edits of a project while shells are open in it: each shell must end in the environment that a fresh one gets, and
 * nothing may be left over: no file descriptor or process of the daemon, no mount of a view.
 *
 * Usage: node scripts/conformance/live-edits.ts [--edits 1000] [--shells 20] [--seed N]. Uses DEVENV_HOME if set, else a
 * temporary one; needs the Debian mirror the first time, and script(1). Ends with status 1 on any difference.
 */

import { spawnSync } from "node:child_process";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { cleanEnvironment } from "../bench/measure.ts";
import { ShellTerminal } from "../shell-terminal.ts";

const { values } = parseArgs({
	options: {
		edits: { type: "string", default: "1000" },
		shells: { type: "string", default: "20" },
		seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
	},
});
const edits = Number(values.edits);
/** Edits between two comparisons. */
const PERIOD = 50;
/** Milliseconds for the shells to follow. */
const PATIENCE = 120_000;
const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-edits-"));
const project = join(scratch, "project");
const env = {
	...cleanEnvironment(),
	DEVENV_HOME: process.env["DEVENV_HOME"] ?? join(scratch, "home"),
	HOME: join(scratch, "user"),
	TERM: "xterm",
	SHELL: "/bin/bash",
};

/** mulberry32: the same edits for the same seed. */
let state = Number(values.seed);
function random(below: number): number {
	state = (state + 0x6d2b79f5) | 0;
	let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
	mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
	return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
}
function pick<T>(list: readonly T[]): T {
	return list[random(list.length)] as T;
}

const packagePool = ["tree", "pv", "pwgen", "entr", "jo", "figlet"];
const variablePool = ["ALPHA", "BETA", "GAMMA", "DELTA", "LONGER_NAME", "LC_TIME"];
const valuePool = [
	"plain",
	"two words",
	"it's",
	'"quoted"',
	"$HOME",
	"`id`",
	"ä€",
	"a\\b",
	"",
	"*",
	"-n",
	"x".repeat(500),
];

/** What the project's files say. */
const model = {
	packages: new Set<string>(["tree"]),
	variables: new Map<string, string>(),
	local: new Map<string, string>(),
	/** The package that the overlay calls `extra`, by way of a file of its own; null: no overlay. */
	extra: null as string | null,
	/** What an imported folder says, while it is imported. */
	shared: new Map<string, string>(),
	imports: false,
	/** What env.nix says; null: there is none. */
	module: null as string | null,
	aliases: new Map<string, string>(),
};

function writeModel(way: number): void {
	const { packages, variables, local, extra, shared, imports, module, aliases } = model;
	const names = [...packages, ...(extra === null ? [] : ["extra"])];
	const overlays = extra === null ? "" : "overlays: [./overlay.nix]\n";
	if (extra !== null) {
		replace("choice.nix", `"${extra}"\n`, way);
		replace("overlay.nix", "final: prev: { extra = prev.${import ./choice.nix}; }\n", way);
	}
	const table = (of: ReadonlyMap<string, string>): string => JSON.stringify(Object.fromEntries(of));
	const text = (of: ReadonlyMap<string, string>): string => `env: ${table(of)}\n`;
	const imported = imports ? "imports: [./shared]\n" : "";
	replace("shared/env.yaml", text(shared), way);
	if (module === null) rmSync(join(project, "env.nix"), { force: true });
	else
		replace("env.nix", `{ config, ... }: { env.MODULE = ${JSON.stringify(module)} + config.env.ALPHA or ""; }\n`, way);
	const all = `packages: ${JSON.stringify(names)}\n${imported}${overlays}${text(variables)}aliases: ${table(aliases)}\n`;
	replace("env.yaml", all, way);
	if (local.size > 0) replace("env.local.yaml", text(local), way);
	else rmSync(join(project, "env.local.yaml"), { force: true });
}

/** The ways in which editors and version control write files. */
function replace(name: string, text: string, way: number): void {
	const file = join(project, name);
	if (existsSync(file) && readFileSync(file, "utf8") === text) return;
	if (way === 0) {
		writeFileSync(`${file}.new`, text);
		renameSync(`${file}.new`, file);
	} else if (way === 1) {
		writeFileSync(file, text);
	} else {
		rmSync(file, { force: true });
		writeFileSync(file, text);
	}
}

function edit(): void {
	const { packages, variables, local, shared, aliases } = model;
	const toggle = (set: Set<string>, name: string): unknown => (set.has(name) ? set.delete(name) : set.add(name));
	switch (random(11)) {
		case 0:
			toggle(packages, pick(packagePool));
			break;
		case 1:
			model.extra = random(3) === 0 ? null : pick(packagePool);
			break;
		case 2:
			variables.delete(pick(variablePool));
			break;
		case 3:
			if (local.size > 0) local.clear();
			else local.set(pick(variablePool), pick(valuePool));
			break;
		case 4:
			// What fails leaves everything as it was, until what follows.
			replace(
				pick(["env.yaml", "overlay.nix", "choice.nix", "env.nix", "shared/env.yaml"]),
				pick(["packages: [", "}", "", "packages: [no-such-thing]\n"]),
				random(3),
			);
			return;
		case 5:
			model.imports = !model.imports;
			shared.set(pick(variablePool), pick(valuePool));
			break;
		case 6:
			model.module = random(3) === 0 ? null : pick(valuePool);
			break;
		case 7:
			if (random(3) === 0) aliases.clear();
			else aliases.set(pick(["ll", "g.s", "a-b"]), pick(["ls -l", 'echo it\'s "$HOME"', "printf '%s'"]));
			break;
		default:
			variables.set(pick(variablePool), pick(valuePool));
	}
	writeModel(random(3));
}

/** The environment without what differs between any two shells (each has a host agent of its own), and the programs of the view. */
const question =
	"env -0 | sort -z | grep -zvE '^(SHLVL|_|PWD|OLDPWD|DEVENV_HOST_SOCKET)=' | tr '\\0\\n' '\\n ' | cat -A; alias; ls /usr/bin | sha256sum";
const mounts = "wc -l </proc/self/mountinfo";

function run(args: readonly string[]): string {
	const { status, stdout, stderr } = spawnSync(devenv, args, { cwd: project, env, encoding: "utf8" });
	if (status !== 0) throw new Error(`devenv ${args.join(" ")} ended with ${String(status)}:\n${stderr}`);
	return stdout;
}

/** The daemon's descriptors by what they are, as {@link held} saw them last. */
let kinds = new Map<string, string[]>();

function kindOf(link: string): string {
	try {
		return readlinkSync(link).replaceAll(/\d+/g, "N");
	} catch {
		return "closed";
	}
}

/** What the daemon holds. */
function held(): { readonly descriptors: number; readonly children: number; readonly resident: number } {
	const { pid } = JSON.parse(run(["daemon", "status", "--json"])) as { pid: number };
	kinds = Map.groupBy(
		readdirSync(`/proc/${pid}/fd`).map((name) => kindOf(`/proc/${pid}/fd/${name}`)),
		(kind) => kind,
	);
	const resident = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
	const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").length - 1;
	return { descriptors: readdirSync(`/proc/${pid}/fd`).length, children, resident: Math.round(resident / 1024) };
}

async function compare(shells: readonly ShellTerminal[], edit: number): Promise<number> {
	writeModel(0);
	const fresh = await ShellTerminal.open(project, env);
	const expected = await fresh.ask(question);
	await fresh.close();
	const end = Date.now() + PATIENCE;
	let left = [...shells.entries()];
	for (;;) {
		const different: typeof left = [];
		for (const entry of left) if ((await entry[1].ask(question)) !== expected) different.push(entry);
		left = different;
		if (left.length === 0) return 0;
		if (Date.now() > end) break;
		await sleep(200);
	}
	for (const [index, shell] of left) {
		console.log(`after edit ${edit}, shell ${index} differs from a fresh one:`);
		const lines = new Set(expected.split(/\r?\n/));
		const own = new Set((await shell.ask(question)).split(/\r?\n/));
		for (const line of lines) if (!own.has(line)) console.log(`  lacks ${line}`);
		for (const line of own) if (!lines.has(line)) console.log(`  has   ${line}`);
	}
	return left.length;
}

let differences = 0;
try {
	mkdirSync(env.HOME);
	mkdirSync(project);
	mkdirSync(join(project, "shared"));
	console.log(`${edits} edits, ${values.shells} shells, seed ${values.seed}`);
	for (const name of packagePool) model.packages.add(name);
	writeModel(0);
	run(["shell", "--", "true"]);
	run(["allow", "--always"]);
	const shells: ShellTerminal[] = [];
	for (let index = 0; index < Number(values.shells); index++) shells.push(await ShellTerminal.open(project, env));
	differences += await compare(shells, 0);
	const before = held();
	const kindsBefore = kinds;
	const mountsBefore = await Promise.all(shells.map((shell) => shell.ask(mounts)));
	for (let done = 1; done <= edits; done++) {
		edit();
		await sleep(random(4) === 0 ? random(400) : random(10));
		if (done % PERIOD === 0 || done === edits) differences += await compare(shells, done);
	}
	// A further evaluator thread, with files of its own, ends a minute after its last work.
	await sleep(75_000);
	const after = held();
	const mountsAfter = await Promise.all(shells.map((shell) => shell.ask(mounts)));
	console.log(`held before: ${JSON.stringify(before)}, after: ${JSON.stringify(after)}`);
	if (after.descriptors > before.descriptors + 8 || after.children > before.children) {
		differences++;
		for (const [kind, { length }] of kinds) {
			const more = length - (kindsBefore.get(kind)?.length ?? 0);
			if (more > 0) console.log(`  ${more} more: ${kind}`);
		}
	}
	if (mountsAfter.some((count, index) => count !== mountsBefore[index])) {
		console.log(`mounts before: ${mountsBefore.join(" ")}, after: ${mountsAfter.join(" ")}`);
		differences++;
	}
	for (const shell of shells) await shell.close();
} finally {
	spawnSync(devenv, ["daemon", "stop"], { env, stdio: "ignore" });
	rmSync(scratch, { recursive: true, force: true });
}
console.log(differences === 0 ? "no difference" : `${differences} differences`);
process.exitCode = differences === 0 ? 0 : 1;
