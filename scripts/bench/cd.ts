/**
 * What activation on cd costs in bash:
 *
 * - into an allowed project and out of it, with shims and with a shell of its own, beside a plain cd;
 * - the same, and the check before each prompt, beside direnv with an .envrc that sets the same variables and PATH.
 *
 * Usage: node scripts/bench/cd.ts [ROUNDS]. Uses DEVENV_HOME if set, else a temporary one; needs the Debian mirror the first
 * time, script(1), and for its rows direnv.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ShellTerminal } from "../shell-terminal.ts";
import { cleanEnvironment, report, type Timing, timingOf } from "./measure.ts";

const rounds = Number(process.argv[2] ?? "40");
const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-bench-"));
const env = {
	...cleanEnvironment(),
	DEVENV_HOME: process.env["DEVENV_HOME"] ?? join(scratch, "home"),
	HOME: join(scratch, "user"),
	SHELL: "/bin/bash",
	TERM: "xterm",
};
/** How often a prompt's check runs within one sample. */
const CHECKS = 1000;

/** How a kind of activation is set up in bash, the folder with it, and what runs before each prompt. */
interface Kind {
	readonly name: string;
	readonly setup: string;
	readonly folder: string;
	readonly prompt: string;
}

try {
	mkdirSync(env.HOME);
	const project = makeProject();
	const plain: Kind = { name: "plain cd", setup: "", folder: project, prompt: ":" };
	const shims: Kind = {
		name: "devenv, shims",
		setup: `eval "$('${devenv}' hook bash --shims)"`,
		folder: project,
		prompt: "__devenv_hook",
	};
	const kinds = [plain, shims];
	if (spawnSync("direnv", ["version"]).status === 0) kinds.push(makeDirenv(project));
	else console.log("direnv is not on this machine");
	for (const way of ["in", "out"] as const) {
		const timings = kinds.map((kind) => within(kind, way));
		report(`cd ${way}, bash (${rounds} rounds)`, timings, plain.name);
		sayDifferences(timings);
	}
	report(
		`before a prompt in the project, nothing changed (${rounds} rounds of ${CHECKS})`,
		kinds.map((kind) => within(kind, "prompt")),
		plain.name,
	);
	await views(project);
} finally {
	spawnSync(devenv, ["daemon", "stop"], { env, stdio: "ignore" });
	rmSync(scratch, { recursive: true, force: true });
}

function makeProject(): string {
	const folder = join(scratch, "project");
	mkdirSync(folder);
	writeFileSync(join(folder, "env.yaml"), "packages: [jq]\nenv: { GREETING: hello, LEVEL: debug }\n");
	for (const args of [["shell", "--", "true"], ["allow"], ["shims"]]) {
		const { status, stderr } = spawnSync(devenv, args, { cwd: folder, env, encoding: "utf8" });
		if (status !== 0) throw new Error(`devenv ${args.join(" ")}: ${stderr}`);
	}
	return folder;
}

/** A folder whose .envrc sets what the project sets. */
function makeDirenv(project: string): Kind {
	const folder = join(scratch, "direnv");
	mkdirSync(folder);
	const printed = spawnSync(devenv, ["print-env", "--shell", "direnv"], { cwd: project, env, encoding: "utf8" });
	if (printed.status !== 0) throw new Error(printed.stderr);
	// Without what has direnv watch our files: only variables and PATH are compared.
	const text = printed.stdout.replaceAll(/^watch_file .*\n/gm, "");
	writeFileSync(join(folder, ".envrc"), text);
	const allowed = spawnSync("direnv", ["allow"], { cwd: folder, env, encoding: "utf8" });
	if (allowed.status !== 0) throw new Error(allowed.stderr);
	const setup = 'export DIRENV_LOG_FORMAT=; eval "$(direnv hook bash)"';
	return { name: "direnv", setup, folder, prompt: "_direnv_hook" };
}

/** Times what happens within one bash. */
function within(kind: Kind, what: "in" | "out" | "prompt"): Timing {
	const ways = { in: `cd '${kind.folder}'; ${kind.prompt}`, out: `cd /; ${kind.prompt}` };
	const one = what === "prompt" ? `n=${CHECKS}; while [ $n -gt 0 ]; do ${kind.prompt}; n=$((n - 1)); done` : ways[what];
	const script = [
		kind.setup,
		`${ways.in}; echo "$GREETING"; ${ways.out}; echo "$GREETING"`,
		`for round in $(seq ${rounds}); do`,
		what === "in" ? ways.out : ways.in,
		`before=$EPOCHREALTIME; ${one}; echo "$((\${EPOCHREALTIME/./} - \${before/./}))"`,
		"done",
	].join("\n");
	const { status, stdout, stderr } = spawnSync("bash", ["--norc", "--noprofile", "-c", script], {
		env,
		encoding: "utf8",
	});
	const [inside, outside, ...samples] = stdout.split("\n").slice(0, -1);
	const expected = kind.setup === "" ? "" : "hello";
	if (status !== 0 || inside !== expected || outside !== "" || samples.length !== rounds) {
		throw new Error(`${kind.name}: status ${String(status)}\n${stdout}${stderr}`);
	}
	const each = what === "prompt" ? CHECKS : 1;
	return timingOf(
		kind.name,
		samples.map((text) => Number(text) / 1000 / each),
	);
}

/** A shell of its own can only be measured as its user meets it: on a terminal, from the line typed to the next one's output. */
async function views(project: string): Promise<void> {
	const names = ["plain cd", "devenv, a shell of its own"] as const;
	const samples = names.map(() => ({ enter: [] as number[], leave: [] as number[] }));
	const terminals: ShellTerminal[] = [];
	// The shell within reads the same file.
	writeFileSync(join(env.HOME, ".bashrc"), `eval "$('${devenv}' hook bash)"\n`);
	for (const name of names) {
		terminals.push(await ShellTerminal.start(name === "plain cd" ? "bash --norc" : "bash", scratch, env));
	}
	for (let round = -3; round < rounds; round++) {
		for (const [index, terminal] of terminals.entries()) {
			const enter = await timed(terminal, `cd '${project}'`, index === 0 ? "" : "hello");
			const leave = await timed(terminal, "cd /", "");
			if (round < 0) continue;
			samples[index]?.enter.push(enter);
			samples[index]?.leave.push(leave);
		}
	}
	for (const terminal of terminals) await terminal.close();
	for (const way of ["enter", "leave"] as const) {
		const timings = names.map((name, index) => timingOf(name, samples[index]?.[way] ?? []));
		report(`cd on a terminal, ${way} (${rounds} rounds)`, timings, "plain cd");
		sayDifferences(timings);
	}
}

async function timed(terminal: ShellTerminal, line: string, expected: string): Promise<number> {
	const began = performance.now();
	terminal.type(line);
	const answer = await terminal.ask('printf "%s" "$GREETING"');
	const milliseconds = performance.now() - began;
	if (answer !== expected) throw new Error(`after '${line}' GREETING is '${answer}'`);
	return milliseconds;
}

function sayDifferences([plain, ...others]: readonly Timing[]): void {
	for (const { name, median, p95 } of others) {
		console.log(
			`  ${name}: ${(median - (plain?.median ?? 0)).toFixed(2)} ms more (p95 ${(p95 - (plain?.p95 ?? 0)).toFixed(2)} ms)`,
		);
	}
}
