/**
 * What following files costs, and how soon an open shell has a change:
 *
 * - the check before each prompt with nothing changed, in bash, zsh and fish, beside an empty function;
 * - from the save of a changed `env:` value, and of a package added to `packages` (itself in the store, but no root with it;
 *   without maintainer scripts), until the shell's next prompt has it, beside `node -e 0` on the pinned Node;
 * - processor time and resident memory of the daemon while 100 projects are watched and nothing happens.
 *
 * Usage: node scripts/bench/live-reload.ts [ROUNDS [PROJECTS]]. Uses DEVENV_HOME if set, else a temporary one; needs the
 * Debian mirror the first time, and script(1) and tmux(1). The shells are the machine's own.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ShellTerminal } from "../shell-terminal.ts";
import { cleanEnvironment, measure, report, type Timing, timingOf } from "./measure.ts";

const rounds = Number(process.argv[2] ?? "20");
const projects = Number(process.argv[3] ?? "100");
const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-bench-"));
const env = {
	...cleanEnvironment(),
	DEVENV_HOME: process.env["DEVENV_HOME"] ?? join(scratch, "home"),
	HOME: join(scratch, "user"),
	TERM: "xterm",
};
mkdirSync(env.HOME);
writeFileSync(join(env.HOME, ".zshrc"), "");

/** How often the check runs within one sample. */
const CHECKS = 10_000;
/** Small packages without maintainer scripts. */
const smallPackages = [
	"bat",
	"datamash",
	"duf",
	"entr",
	"fd-find",
	"gron",
	"hyperfine",
	"jo",
	"ncdu",
	"pv",
	"pwgen",
	"sd",
	"tree",
	"zoxide",
];
/** Seconds for which the idle daemon is watched. */
const IDLE = 30;

async function promptCheck(shell: string): Promise<void> {
	const program = spawnSync("sh", ["-c", `command -v ${shell}`], { encoding: "utf8" }).stdout.trim();
	if (program === "") {
		console.log(`\n${shell} is not on this machine`);
		return;
	}
	const folder = makeProject(`prompt-${shell}`, shell === "bash" ? "jq" : `jq, ${shell}`);
	const terminal = await ShellTerminal.open(folder, { ...env, SHELL: program });
	const loops =
		shell === "fish"
			? (body: string): string => `for i in (seq ${CHECKS}); ${body}; end`
			: (body: string): string => `for i in {1..${CHECKS}}; do ${body}; done`;
	await terminal.ask(shell === "fish" ? "function __nothing; end; echo 1" : "__nothing() { :; }; echo 1");
	const samples: Record<"empty" | "check", number[]> = { empty: [], check: [] };
	for (let round = 0; round < rounds; round++) {
		for (const [name, body] of [
			["empty", "__nothing"],
			["check", "__devenv_prompt"],
		] as const) {
			const began = performance.now();
			await terminal.ask(`${loops(body)}; echo 1`);
			samples[name].push((performance.now() - began) / CHECKS);
		}
	}
	await terminal.close();
	report(
		`the check before a prompt of ${shell}, nothing changed (${rounds} rounds of ${CHECKS})`,
		[timingOf("an empty function", samples.empty), timingOf("the check", samples.check)],
		"an empty function",
	);
}

async function changes(): Promise<void> {
	const folder = makeProject("changes", "jq");
	const terminal = await ShellTerminal.open(folder, { ...env, SHELL: "/bin/bash" });
	const timings: Timing[] = [
		...measure([{ name: "node -e 0", command: [process.execPath, "-e", "0"], repeat: 10 }], rounds),
	];
	const variable: number[] = [];
	for (let round = -3; round < rounds; round++) {
		const value = `value-${round + 3}`;
		const milliseconds = await terminal.until("printf '%s\\n' \"$VALUE\"", value, () => {
			save(folder, "jq", value);
		});
		if (round >= 0) variable.push(milliseconds);
		await sleep(200);
	}
	timings.push(timingOf("env: value changed", variable));
	await terminal.close();
	for (const base of ["jq", "jq, python3, nodejs, ripgrep, postgresql, git, gcc"]) {
		timings.push(timingOf(`package added to ${base.split(", ").length}`, await additions(base)));
	}
	report(`from a save until the next prompt has it (${rounds} rounds)`, timings, "node -e 0");
}

/** Adds packages one at a time, in an order of this run, so that no root is in the store. */
async function additions(base: string): Promise<number[]> {
	const order = smallPackages.map((name) => ({ name, key: Math.random() })).sort((a, b) => a.key - b.key);
	const names = order.map(({ name }) => name);
	const folder = makeProject(`additions-${base.length}`, base);
	// All packages come to the store.
	save(folder, [base, ...names].join(", "), "none");
	run(folder, ["shell", "--", "true"]);
	const first = Math.floor(names.length / 2);
	save(folder, [base, ...names.slice(0, first)].join(", "), "none");
	run(folder, ["shell", "--", "true"]);
	const terminal = await ShellTerminal.open(folder, { ...env, SHELL: "/bin/bash" });
	const samples: number[] = [];
	for (let count = first + 1; count < names.length; count++) {
		const mark = `/usr/share/doc/${names[count - 1] ?? ""}`;
		samples.push(
			await terminal.until(`test -e ${mark} && echo there`, "there", () => {
				save(folder, [base, ...names.slice(0, count)].join(", "), "none");
			}),
		);
		await sleep(500);
	}
	await terminal.close();
	return samples;
}

async function idle(): Promise<void> {
	const first = makeProject("idle-0", "jq");
	const tmux = (...args: readonly string[]): void => {
		execFileSync("tmux", ["-S", join(scratch, "tmux"), "-f", "/dev/null", ...args], { env });
	};
	for (let index = 0; index < projects; index++) {
		const folder = index === 0 ? first : makeProject(`idle-${index}`, "jq");
		tmux(...(index === 0 ? ["new-session", "-d"] : ["new-window", "-d"]), "-c", folder, devenv, "shell");
	}
	const status = (): { readonly pid: number; readonly shells: number } =>
		JSON.parse(run(first, ["daemon", "status", "--json"])) as { pid: number; shells: number };
	for (let turn = 0; status().shells < projects; turn++) {
		if (turn > 600) throw new Error(`only ${status().shells} of ${projects} shells are followed`);
		await sleep(100);
	}
	await sleep(5000);
	const { pid } = status();
	const before = processorTime(pid);
	await sleep(IDLE * 1000);
	const share = (processorTime(pid) - before) / IDLE;
	const resident = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
	tmux("kill-server");
	console.log(`\n${projects} projects watched, nothing happens (${IDLE} seconds)`);
	console.log(`  processor ${(share * 100).toFixed(2)} %   resident ${resident.toFixed(0)} MiB`);
}

/** Seconds that a process has computed; the kernel counts in hundredths. */
function processorTime(pid: number): number {
	const text = readFileSync(`/proc/${pid}/stat`, "utf8");
	const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** A project whose changes are taken without being asked; entered once. */
function makeProject(name: string, packages: string): string {
	const folder = join(scratch, name);
	mkdirSync(folder);
	save(folder, packages, "none");
	const lock = join(scratch, "env.lock");
	if (spawnSync("test", ["-e", lock]).status === 0) copyFileSync(lock, join(folder, "env.lock"));
	run(folder, ["shell", "--", "true"]);
	copyFileSync(join(folder, "env.lock"), lock);
	run(folder, ["allow", "--always"]);
	return folder;
}

/** As editors do: a new file takes the place of the old one. */
function save(folder: string, packages: string, value: string): void {
	writeFileSync(join(folder, ".new"), `packages: [${packages}]\nenv: { VALUE: ${value} }\n`);
	renameSync(join(folder, ".new"), join(folder, "env.yaml"));
}

function run(folder: string, args: readonly string[]): string {
	const { status, stdout, stderr } = spawnSync(devenv, args, { cwd: folder, env, encoding: "utf8" });
	if (status !== 0) throw new Error(`devenv ${args.join(" ")} ended with ${String(status)}:\n${stderr}`);
	return stdout;
}

try {
	for (const shell of ["bash", "zsh", "fish"]) await promptCheck(shell);
	await changes();
	await idle();
} finally {
	spawnSync(devenv, ["daemon", "stop"], { env, stdio: "ignore" });
	rmSync(scratch, { recursive: true, force: true });
}
