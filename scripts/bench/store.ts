/**
 * How fast the store and the builds are, beside real Nix in the same run. Rows (`--only NAME`, may be repeated):
 *
 * - `builds`: a graph of trivial derivations, sandboxed, two jobs, in a new store; `no-op`: the same when all is there
 * - `hash-tree`, `hash-file`: the NAR hash of a tree of small files, of one large file
 * - `add`: that tree added to a store that does not have it
 * - `substitute`: a closure from a binary cache over HTTP into a new store
 * - `gc`: dead paths collected beside a running build
 * - `closure`: the closure of the top of a graph
 *
 * Usage: node scripts/bench/store.ts [--only NAME]… [--rounds N] [--scale F]. A scale of 1 are 2,000 derivations, 10,000 files, 1 GB,
 * 200 paths in a cache, 20,000 dead paths and a closure of 5,000. Builds are compared as commands; the rest is what a warm daemon
 * does, in this process or in a daemon, beside the command of real Nix. Everything lies below the system's temporary folder.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createEngine, defaultSettings, type Engine } from "@devenv/engine";
import { parseStorePath, type DrvPath, type StorePath } from "@devenv/nix-formats";
import { hashPaths, openStore } from "@devenv/store";
import { removeFolder } from "@devenv/test-support";
import {
	addDerivation,
	Installation,
	judgeEnvironment,
	run,
	shellDerivation,
} from "../conformance/faults/installation.ts";
import { report, timingOf } from "./measure.ts";

const { values } = parseArgs({
	options: {
		only: { type: "string", multiple: true },
		rounds: { type: "string", default: "5" },
		scale: { type: "string", default: "1" },
	},
});
const rounds = Number(values.rounds);
const scaled = (count: number): number => Math.max(1, Math.round(count * Number(values.scale)));

const folder = realpathSync(mkdtempSync(join(tmpdir(), "devenv-bench-")));
const devenv = join(import.meta.dirname, "../devenv");
const helper = join(import.meta.dirname, "../../build/native/devenv-helper");
const hostPaths = ["/bin", "/usr", "/lib", "/lib64"];
const nixEnvironment = {
	...judgeEnvironment(folder),
	NIX_CONFIG: `experimental-features = nix-command\nsubstituters =\nbuild-users-group =\nsandbox = true\nmax-jobs = 2\nrequire-sigs = false\nsandbox-paths = ${hostPaths.join(" ")}\n`,
};

/** One side of a row; `before` is not timed. */
interface Side {
	readonly before?: () => unknown;
	readonly work: () => unknown;
	readonly after?: () => unknown;
}

/** Times both in turn; the first round of each warms up and does not count. */
async function compare(
	title: string,
	goal: string,
	sides: { readonly nix: Side; readonly devenv: Side },
): Promise<void> {
	const samples = { nix: [] as number[], devenv: [] as number[] };
	for (let round = -1; round < rounds; round++) {
		for (const name of ["nix", "devenv"] as const) {
			const { before, work, after } = sides[name];
			await before?.();
			const started = performance.now();
			await work();
			const milliseconds = performance.now() - started;
			await after?.();
			if (round >= 0) samples[name].push(milliseconds);
		}
	}
	report(
		`${title} (${rounds} rounds; goal: ${goal})`,
		[timingOf("real Nix", samples.nix), timingOf("devenv", samples.devenv)],
		"real Nix",
	);
}

async function good(command: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
	const { status, stdout, stderr } = await run(command, env);
	if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}:\n${stderr}`);
	return stdout.trim();
}

const nix = (...command: readonly string[]): Promise<string> => good(command, nixEnvironment);

let count = 0;
const fresh = (name: string): string => join(folder, `${name}-${++count}`);

/* Builds. */

const graph = (size: number): string => `let
  make = number: inputs: derivation {
    name = "n\${toString number}"; system = builtins.currentSystem; builder = "/bin/sh";
    args = [ "-c" "echo \${toString number} > $out" ]; inherit inputs;
  };
  nodes = builtins.genList (number: make number
    (if number < 10 then [ ] else map (back: builtins.elemAt nodes (number - back)) [ 10 7 3 ])) ${size};
in make (-1) nodes
`;

async function builds(noOp: boolean): Promise<void> {
	const size = scaled(2000);
	const file = join(folder, "graph.nix");
	writeFileSync(file, graph(size));
	let [real, drvPath] = ["", ""];
	const installation = (): Installation => new Installation(fresh("installation"), "max_jobs: 2\n");
	let own = installation();
	const instantiateNix = async (): Promise<void> => {
		real = fresh("real");
		drvPath = await nix("nix-instantiate", "--store", real, file);
	};
	const instantiateOwn = async (): Promise<void> => {
		own = installation();
		const made = await good([devenv, "nix-instantiate", file], own.environment);
		if (made.split("!")[0] !== drvPath) throw new Error(`${made} is not ${drvPath}`);
	};
	const buildNix = (): Promise<string> => nix("nix-store", "--store", real, "--realise", drvPath, "--quiet");
	const buildOwn = (): Promise<string> =>
		good([devenv, "nix-build", drvPath, "--no-out-link", "--quiet"], own.environment);
	const title = `${size} trivial derivations in a graph`;
	if (!noOp) {
		await compare(`${title}, sandboxed, 2 jobs`, "0.333 x, that is 3 times the builds per second", {
			nix: { before: instantiateNix, work: buildNix },
			devenv: { before: instantiateOwn, work: buildOwn },
		});
		return;
	}
	await instantiateNix();
	await instantiateOwn();
	await buildNix();
	await buildOwn();
	await compare(`${title}, everything built already`, "0.5 x", { nix: { work: buildNix }, devenv: { work: buildOwn } });
}

/* Hashes and trees. */

function tree(): string {
	const path = join(folder, "tree");
	for (let index = 0; index < scaled(10_000); index++) {
		const inner = join(path, String(index % 100));
		if (index < 100) mkdirSync(inner, { recursive: true });
		writeFileSync(join(inner, `file-${index}`), `${index}\n`.repeat(200));
	}
	return path;
}

async function hash(title: string, path: string): Promise<void> {
	await compare(title, "1.1 x", {
		nix: { work: () => nix("nix-hash", "--type", "sha256", path) },
		devenv: { work: () => hashPaths([{ path }]) },
	});
}

async function add(): Promise<void> {
	const source = tree();
	let root = "";
	const before = (): void => {
		root = fresh("store");
		openStore({ root }).close();
	};
	await compare(`a tree of ${scaled(10_000)} files added`, "0.9 x", {
		nix: { before, work: () => nix("nix-store", "--store", root, "--add", source) },
		devenv: {
			before,
			work: () => {
				using store = openStore({ root });
				store.addPath({ name: "tree", source });
			},
		},
	});
}

/* A binary cache. */

async function substitute(): Promise<void> {
	const paths = scaled(200);
	const root = fresh("source");
	const bytes = Math.round(1e9 / 200);
	const top = ((): StorePath => {
		using store = openStore({ root });
		const all: StorePath[] = [];
		for (let index = 0; index < paths; index++) {
			const source = join(folder, "part");
			writeFileSync(source, contentsOf(index, bytes));
			all.push(store.addPath({ name: `part-${index}`, source }));
		}
		const top = store.addText({ name: "top", contents: all.join("\n"), references: all });
		store.addRoot(join(folder, "top"), top);
		return top;
	})();
	const cache = join(folder, "cache");
	await nix(
		"nix",
		"copy",
		"--store",
		root,
		"--from",
		root,
		"--to",
		`file://${cache}?compression=zstd`,
		"--no-check-sigs",
		top,
	);
	const server = await serve(cache);
	let target = "";
	let engine: Engine | undefined;
	try {
		const title = `a closure of ${paths + 1} paths (${Math.round((paths * bytes) / 1e6)} MB) from a cache over HTTP`;
		await compare(title, "0.8 x", {
			nix: {
				before: () => {
					target = fresh("target");
				},
				work: () => nix("nix", "copy", "--from", server.address, "--to", target, "--no-check-sigs", top),
			},
			devenv: {
				before: async () => {
					target = fresh("target");
					const own = { storeRoot: target, state: `${target}/state`, cache: `${target}/cache` };
					engine = createEngine({ ...own, settings: defaultSettings(), helper });
					// Its evaluator starts with it, as the daemon's.
					const asked = { environment: null, expression: "1", name: "<bench>", baseDir: "/", attrPath: "" } as const;
					await engine.evaluate({ ...asked, format: "json", strict: false, variables: {} });
				},
				work: async () => {
					const outcome = await engine?.copyFrom(server.address, [parseStorePath(top)]);
					if (outcome?.copied !== 1) throw new Error("nothing was copied");
				},
				after: () => engine?.close(),
			},
		});
	} finally {
		server.process.kill();
	}
}

/** Half of it can be compressed. */
function contentsOf(seed: number, bytes: number): Buffer {
	const contents = Buffer.alloc(bytes, `part ${seed}\n`);
	let state = seed + 1;
	for (let at = 0; at + 4 <= bytes / 2; at += 4) {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		contents.writeUInt32LE(state, at);
	}
	return contents;
}

/** A server of files in a process of its own, so that it is beside both sides alike. */
async function serve(cache: string): Promise<{ readonly address: string; readonly process: ChildProcess }> {
	const program = `const { statSync, readFileSync } = require("node:fs");
		const server = require("node:http").createServer((request, response) => {
			const file = process.argv[1] + request.url;
			if (statSync(file, { throwIfNoEntry: false })?.isFile()) response.end(readFileSync(file));
			else response.writeHead(404).end();
		});
		server.listen(0, "127.0.0.1", () => console.log(server.address().port));`;
	const child = spawn(process.execPath, ["-e", program, cache], { stdio: ["ignore", "pipe", "inherit"] });
	const port = await new Promise<string>((resolve) =>
		child.stdout.once("data", (data: Buffer) => {
			resolve(data.toString().trim());
		}),
	);
	return { address: `http://127.0.0.1:${port}`, process: child };
}

/* Garbage. */

async function gc(): Promise<void> {
	const dead = scaled(20_000);
	const template = fresh("garbage");
	const { busy } = ((): { busy: DrvPath } => {
		using store = openStore({ root: `${template}/root` });
		for (let index = 0; index < dead; index++) store.addText({ name: `dead-${index % 100}`, contents: String(index) });
		const made = addDerivation(store, shellDerivation({ name: "busy", script: "sleep 1000" }));
		store.addRoot(join(folder, "busy"), made.drvPath);
		store.forgetTempRoots();
		return { busy: made.drvPath };
	})();
	const settle = 1500;
	let real = "";
	let building: ChildProcess | undefined;
	let own: Installation | undefined;
	const ending: (() => Promise<unknown>)[] = [];
	await compare(`${dead} dead paths collected beside a build`, "1.0 x", {
		nix: {
			before: async () => {
				real = fresh("real");
				cpSync(`${template}/root`, real, { recursive: true });
				building = spawn("nix-store", ["--store", real, "--realise", busy], { env: nixEnvironment, stdio: "ignore" });
				await sleep(settle);
			},
			work: () => nix("nix-store", "--store", real, "--gc"),
			after: () => building?.kill(),
		},
		devenv: {
			before: async () => {
				own = new Installation(fresh("installation"));
				cpSync(`${template}/root`, own.root, { recursive: true });
				await own.start();
				const builder = await own.connect();
				void builder.build([busy]).catch(() => undefined);
				await sleep(settle);
				ending.push(async () => {
					builder.close();
					await own?.end("SIGTERM");
				});
			},
			work: async () => {
				const client = await own?.connect();
				const deleted = await client?.collectGarbage();
				if ((deleted?.length ?? 0) < dead) throw new Error(`${deleted?.length ?? 0} of ${dead} were deleted`);
				client?.close();
			},
			after: () => ending.pop()?.(),
		},
	});
}

async function closure(): Promise<void> {
	const size = scaled(5000);
	const root = fresh("closure");
	using store = openStore({ root });
	const all: StorePath[] = [];
	for (let index = 0; index < size; index++) {
		const references = [1, 2, 10].flatMap((back) => all[index - back] ?? []).sort();
		all.push(
			store.addText({
				name: `n${index}`,
				contents: `${index} ${references.join(" ")}`,
				references: [...new Set(references)],
			}),
		);
	}
	const top = all.at(-1);
	if (top === undefined) return;
	await compare(`the closure of ${size} paths`, "0.5 x", {
		nix: { work: () => nix("nix-store", "--store", root, "-qR", top) },
		devenv: {
			work: () => {
				const found = store.computeClosure([top]);
				if (found.length < size / 2) throw new Error(`${found.length} of ${size}`);
			},
		},
	});
}

const rows: ReadonlyMap<string, () => Promise<void>> = new Map([
	["builds", () => builds(false)],
	["no-op", () => builds(true)],
	["hash-tree", () => hash(`the NAR hash of ${scaled(10_000)} files`, tree())],
	[
		"hash-file",
		() => {
			const file = join(folder, "large");
			execFileSync("sh", ["-c", `head -c ${scaled(1e9)} /dev/zero | tr '\\0' x > ${file}`]);
			return hash(`the NAR hash of a file of ${scaled(1e9)} bytes`, file);
		},
	],
	["add", add],
	["substitute", substitute],
	["gc", gc],
	["closure", closure],
]);

try {
	for (const name of values.only ?? rows.keys()) {
		const row = rows.get(name);
		if (row === undefined) throw new Error(`no row '${name}': ${[...rows.keys()].join(", ")}`);
		await row();
	}
} finally {
	removeFolder(folder);
}
