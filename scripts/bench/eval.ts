/**
 * How fast a nixpkgs tree is evaluated, beside real Nix in the same run:
 *
 * - one package instantiated, in a new process, without a cache of any kind;
 * - parsing the largest Nix file of the tree, in a new process;
 * - the store derivation paths of all packages, with one thread and with two (real Nix has one), and the peak memory;
 * - the same and the one package again, where results are remembered: unchanged, and after a file was edited in a copy of the
 *   tree: that of a package that nothing needs (--leaf), and that of one that nearly everything needs (--core);
 * - the one package in a warm daemon: after another one, and again.
 *
 * Usage: node scripts/bench/eval.ts TREE [--attr PATH] [--leaf PATH] [--core PATH] [--rounds N] [--nix NIX_INSTANTIATE]
 * [--only again|daemon]. Both sides have stores and
 * settings below the system's temporary folder; what they write there is there after the rounds that are not counted.
 */

import { spawn, spawnSync } from "node:child_process";
import {
	appendFileSync,
	cpSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { connectOrStart, installationVersion, userLayout } from "@devenv/client";
import { daemonStop, evaluateExpression } from "@devenv/protocol";
import packageFile from "../../packages/cli/package.json" with { type: "json" };
import { cleanEnvironment, measure, report, timingOf } from "./measure.ts";

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		attr: { type: "string", default: "git" },
		leaf: { type: "string", default: "aalib" },
		core: { type: "string", default: "zlib" },
		only: { type: "string" },
		rounds: { type: "string", default: "5" },
		nix: { type: "string", default: "nix-instantiate" },
	},
});
const [given] = positionals;
if (given === undefined) {
	process.stderr.write(
		"usage: eval.ts TREE [--attr PATH] [--leaf PATH] [--core PATH] [--rounds N] [--nix NIX_INSTANTIATE] [--only again|daemon]\n",
	);
	process.exit(2);
}
const tree = resolve(given);
const rounds = Number(values.rounds);
const devenv = join(import.meta.dirname, "../devenv");
const scratch = mkdtempSync(join(tmpdir(), "devenv-bench-"));
mkdirSync(join(scratch, "conf"));
writeFileSync(join(scratch, "conf/nix.conf"), "build-users-group =\n");
const env = {
	...cleanEnvironment(),
	DEVENV_HOME: join(scratch, "home"),
	HOME: scratch,
	NIX_CONF_DIR: join(scratch, "conf"),
	NIX_STATE_DIR: join(scratch, "state"),
	NIX_LOG_DIR: join(scratch, "log"),
	NIX_STORE_DIR: "/nix/store",
	NIXPKGS_ALLOW_UNFREE: "1",
};
const realStore = ["--store", join(scratch, "real")];

function onePackage(): void {
	const args = [tree, "-A", values.attr];
	report(
		`'${values.attr}' instantiated, new process (${rounds} rounds)`,
		measure(
			[
				{ name: "real Nix", command: [values.nix, ...realStore, ...args], env },
				{ name: "devenv nix-instantiate", command: [devenv, "nix-instantiate", "--no-eval-cache", ...args], env },
			],
			rounds,
		),
		"real Nix",
	);
}

function parsing(): void {
	const file = largestFile(tree);
	const args = ["--parse", file];
	report(
		`parsing ${file.slice(tree.length + 1)} (${statSync(file).size} bytes), new process (${rounds} rounds)`,
		measure(
			[
				{ name: "real Nix", command: [values.nix, ...realStore, ...args], env },
				{ name: "devenv nix-instantiate", command: [devenv, "nix-instantiate", ...args], env },
			],
			rounds,
		),
		"real Nix",
	);
}

function largestFile(folder: string): string {
	let [largest, size] = ["", -1];
	for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
		const file = join(folder, name);
		const info = name.endsWith(".nix") ? statSync(file, { throwIfNoEntry: false }) : undefined;
		if (info?.isFile() === true && info.size > size) [largest, size] = [file, info.size];
	}
	return largest;
}

interface Sweep {
	readonly name: string;
	readonly command: readonly string[];
	/** Store derivations that an output tells of. */
	readonly paths: (output: string) => ReadonlySet<string>;
}

interface Job {
	readonly attr: string;
	readonly drvPath?: string;
}

function jobsOf(output: string): Job[] {
	const lines = output.split("\n").filter((line) => line !== "");
	return lines.map((line) => JSON.parse(line) as Job);
}

function sweepOf(workers: number): Sweep {
	return {
		name: `devenv eval-jobs, ${workers === 1 ? "one thread" : `${workers} threads`}`,
		command: [devenv, "eval-jobs", "--impure", "--no-eval-cache", "--workers", String(workers), tree],
		paths: (output) => new Set(jobsOf(output).flatMap(({ drvPath }) => drvPath ?? [])),
	};
}

/** An expression for the packages of these jobs: with `-A` for each, real Nix would begin anew each time. */
function listFile(jobs: readonly Job[], place: string = tree): string {
	const file = join(scratch, "all.nix");
	const packages = jobs.map(({ attr }) => `pkgs.${attr}`).join("\n");
	writeFileSync(file, `let pkgs = import ${place} { }; in [\n${packages}\n]\n`);
	return file;
}

/** Real Nix is told which attributes can be instantiated: it ends at the first that cannot. */
async function sweeps(): Promise<void> {
	const { output } = await run(sweepOf(2).command);
	const good = jobsOf(output).filter(({ drvPath }) => drvPath !== undefined);
	const contestants: readonly Sweep[] = [
		{
			name: "real Nix",
			command: [values.nix, ...realStore, listFile(good)],
			paths: (text) => new Set(text.split("\n").flatMap((line) => /^\S+\.drv/.exec(line)?.[0] ?? [])),
		},
		sweepOf(1),
		sweepOf(2),
	];
	const noPaths: ReadonlySet<string> = new Set();
	const seen = contestants.map(() => ({
		times: [] as number[],
		memory: 0,
		paths: noPaths,
	}));
	for (let round = -1; round < Math.max(1, Math.ceil(rounds / 2)); round++) {
		for (const [index, { command, paths }] of contestants.entries()) {
			const { milliseconds, memory, output: text } = await run(command);
			const entry = seen[index];
			if (entry === undefined || round < 0) continue;
			entry.times.push(milliseconds);
			entry.memory = Math.max(entry.memory, memory);
			entry.paths = paths(text);
		}
	}
	report(
		`all ${good.length} packages instantiated`,
		contestants.map(({ name }, index) => timingOf(name, seen[index]?.times ?? [])),
		contestants[0]?.name ?? "",
	);
	const expected = seen[0]?.paths ?? new Set();
	for (const [index, { name }] of contestants.entries()) {
		const { memory = 0, paths = new Set<string>() } = seen[index] ?? {};
		const equal = [...expected].filter((path) => paths.has(path)).length;
		console.log(`  ${name.padEnd(44)} ${equal} of ${expected.size} the same   peak ${memory.toFixed(0)} MiB`);
	}
}

/** What a change costs where the rest is remembered; real Nix does all of it each time. */
async function again(): Promise<void> {
	const copy = join(scratch, "tree");
	cpSync(tree, copy, { recursive: true, verbatimSymlinks: true });
	const walk = [devenv, "eval-jobs", "--impure", copy];
	const one = [devenv, "nix-instantiate", copy, "-A", values.attr];
	const { output } = await run(walk);
	await run(one);
	const good = jobsOf(output).filter(({ drvPath }) => drvPath !== undefined);
	const list = [values.nix, ...realStore, listFile(good, copy)];
	await run(list);
	const edits = [undefined, values.leaf, values.core].map((attr) =>
		attr === undefined ? undefined : fileOf(copy, attr),
	);
	const named = (what: string, file: string | undefined): string =>
		`${what}, ${file === undefined ? "unchanged" : `${file.slice(copy.length + 1)} edited`}`;
	const rows: { readonly name: string; readonly file: string | undefined; readonly command: readonly string[] }[] = [
		{ name: "real Nix, all packages", file: undefined, command: list },
		...edits.map((file) => ({ name: named("devenv eval-jobs", file), file, command: walk })),
		{ name: "real Nix, one package", file: undefined, command: [values.nix, ...realStore, copy, "-A", values.attr] },
		{ name: named("devenv nix-instantiate", undefined), file: undefined, command: one },
		{ name: named("devenv nix-instantiate", edits[1]), file: edits[1], command: one },
	];
	const times = rows.map((): number[] => []);
	for (let round = 0; round < rounds; round++) {
		for (const [index, { file, command }] of rows.entries()) {
			if (file !== undefined) appendFileSync(file, `# ${round} ${index}\n`);
			times[index]?.push((await run(command)).milliseconds);
			// What the edit changed is not to be counted for the next row.
			if (file !== undefined) for (const each of [walk, one]) if (each !== command) await run(each);
		}
	}
	const timings = rows.map(({ name }, index) => timingOf(name, times[index] ?? []));
	report(`all ${good.length} packages again (${rounds} rounds)`, timings.slice(0, 4), "real Nix, all packages");
	report(`'${values.attr}' again (${rounds} rounds)`, timings.slice(4), "real Nix, one package");
}

/** Requests to a daemon that has evaluated other packages of the tree before, beside real Nix in a new process. */
async function inDaemon(): Promise<void> {
	const client = await connectOrStart({
		layout: userLayout(env),
		version: installationVersion(join(import.meta.dirname, "../.."), packageFile.version),
		start: {
			argv: [process.execPath, join(import.meta.dirname, "../../packages/daemon/src/main.ts")],
			environment: env,
		},
	});
	const ask = async (attr: string, expression: string): Promise<number> => {
		const started = performance.now();
		await client.call(evaluateExpression, {
			project: null,
			variables: { HOME: scratch },
			expression,
			name: "<bench>",
			baseDir: scratch,
			attrPath: `${attr}.drvPath`,
			format: "raw",
			strict: false,
		});
		return performance.now() - started;
	};
	const [real, first, again]: [number[], number[], number[]] = [[], [], []];
	try {
		for (let round = -1; round < rounds; round++) {
			// Written otherwise each round, so that nothing of the package is known.
			const expression = `/* ${round} */ import ${tree} { }`;
			await ask(values.leaf, expression);
			const timed = await ask(values.attr, expression);
			const repeated = await ask(values.attr, expression);
			const { milliseconds } = await run([values.nix, ...realStore, tree, "-A", values.attr]);
			if (round < 0) continue;
			first.push(timed);
			again.push(repeated);
			real.push(milliseconds);
		}
		await client.call(daemonStop, { mode: "now" });
	} finally {
		client.close();
	}
	report(
		`'${values.attr}' in a warm daemon, the request alone (${rounds} rounds)`,
		[
			timingOf("real Nix, new process", real),
			timingOf("devenv, after another package", first),
			timingOf("devenv, unchanged", again),
		],
		"real Nix, new process",
	);
}

/** The file in which a package is written. */
function fileOf(place: string, attr: string): string {
	const told = spawnSync(
		values.nix,
		[...realStore, "--eval", "--read-write-mode", "--json", place, "-A", `${attr}.meta.position`],
		{
			env,
			encoding: "utf8",
		},
	);
	if (told.status !== 0) throw new Error(`where is ${attr}? ${told.stderr}`);
	return (JSON.parse(told.stdout) as string).replace(/:\d+$/, "");
}

/** Runs a command to its end; `memory` is the most that it had resident, MiB. */
async function run(
	command: readonly string[],
): Promise<{ readonly milliseconds: number; readonly memory: number; readonly output: string }> {
	const [program = "", ...args] = command;
	const started = performance.now();
	const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "ignore"] });
	let memory = 0;
	const watch = setInterval(() => {
		memory = Math.max(memory, peakOf(child.pid));
	}, 20);
	const pieces: Buffer[] = [];
	child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
	const status = await new Promise<number | null>((settle) => child.once("close", settle));
	clearInterval(watch);
	if (status !== 0) throw new Error(`${command.join(" ")} ended with ${String(status)}`);
	return { milliseconds: performance.now() - started, memory, output: Buffer.concat(pieces).toString("utf8") };
}

/** The kernel's own count of the most that a process had; 0 once it has ended. */
function peakOf(pid: number | undefined): number {
	try {
		return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid ?? 0}/status`, "utf8"))?.[1] ?? 0) / 1024;
	} catch (error) {
		if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return 0;
		throw error;
	}
}

try {
	if (values.only === undefined) {
		onePackage();
		parsing();
		await sweeps();
	}
	if (values.only !== "daemon") await again();
	if (values.only !== "again") await inDaemon();
} finally {
	rmSync(scratch, { recursive: true, force: true });
}
