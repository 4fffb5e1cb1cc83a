/** The same command lines for real Nix and for ours, on equal copies of one store. */

import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DrvPath, HashesModulo, instantiate, type StorePath } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { nodeEnvironment, removeFolder, temporaryFolder, type Teardown } from "@devenv/test-support";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

const sources = new URL("../../src", import.meta.url).href;

const MARK = "@@ end of a run @@";

/** A mark, the exit status and a mark again follow what each command line says. */
const manyRuns = `
	import { readFileSync, writeSync } from "node:fs";
	import { runNixCollectGarbage } from "${sources}/nix-collect-garbage/run-nix-collect-garbage.ts";
	import { runNixHash } from "${sources}/nix-hash/run-nix-hash.ts";
	import { runNixPrefetchUrl } from "${sources}/nix-prefetch-url/run-nix-prefetch-url.ts";
	import { runNixStore } from "${sources}/nix-store/run-nix-store.ts";
	/** Copies a path of the user's store to a binary cache. */
	async function copy([cache, path]) {
		const { ProgramStore } = await import("${sources}/nix-programs/program-store.ts");
		const world = new ProgramStore();
		await (await world.engine()).copyTo(cache, [path]);
		await world.close();
		return 0;
	}
	const programs = { "devenv copy": copy, "nix-store": runNixStore, "nix-hash": runNixHash, "nix-collect-garbage": runNixCollectGarbage, "nix-prefetch-url": runNixPrefetchUrl };
	for (const argv of JSON.parse(readFileSync(0, "utf8"))) {
		const [program, ...rest] = argv;
		const status = await programs[program](rest);
		for (const descriptor of [1, 2]) writeSync(descriptor, ${JSON.stringify(MARK)} + status + ${JSON.stringify(MARK)});
	}
	process.exit(0);
`;

export interface Run {
	readonly status: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

export interface RunOptions {
	readonly input?: Uint8Array;
	readonly cwd?: string;
	readonly environment?: Readonly<Record<string, string>>;
}

/** Objects by what they are: a chain top → middle → base of texts, a folder, a derivation with two outputs, of which one is there. */
export type SamplePaths = Readonly<Record<"base" | "middle" | "top" | "tree" | "drv" | "out" | "dev", string>>;

export class TwoStores {
	readonly folder: string;
	readonly ours: string;
	readonly real: string;
	readonly paths: SamplePaths;

	constructor(t: Teardown) {
		this.folder = temporaryFolder(t);
		this.ours = join(this.folder, "ours/root");
		this.real = join(this.folder, "real/root");
		mkdirSync(join(this.folder, "ours"));
		mkdirSync(join(this.folder, "real"));
		mkdirSync(join(this.folder, "conf"));
		// As root it would warn of a group of build users that not every machine has.
		writeFileSync(join(this.folder, "conf/nix.conf"), "build-users-group =\nsubstituters =\n");
		this.paths = fill(this.folder, this.ours);
		this.equalise();
	}

	/** Makes real Nix's store a copy of ours again. */
	equalise(): void {
		removeFolder(this.real);
		const { status, stderr } = spawnSync("cp", ["-a", this.ours, this.real], { encoding: "utf8" });
		if (status !== 0) throw new Error(stderr);
	}

	runOurs(program: string, args: readonly string[], options: RunOptions = {}): Run {
		const env = { ...nodeEnvironment(), DEVENV_HOME: join(this.folder, "ours"), HOME: this.folder };
		return run([process.execPath, main, program, ...args], env, { cwd: this.folder, ...options });
	}

	runOursAll(all: readonly (readonly string[])[]): Run[] {
		return runPrograms(join(this.folder, "ours"), this.folder, all);
	}

	runReal(program: string, args: readonly string[], options: RunOptions = {}): Run {
		const env = {
			PATH: process.env["PATH"] ?? "",
			HOME: this.folder,
			NIX_CONF_DIR: join(this.folder, "conf"),
			NIX_REMOTE: this.real,
			// Where it looks for profiles.
			NIX_STATE_DIR: join(this.real, "nix/var/nix"),
		};
		return run([program, ...args], env, { cwd: this.folder, ...options });
	}

	/** Runs both; what names one of the stores is the same for both. */
	both(program: string, args: readonly string[], options: RunOptions = {}): { readonly ours: Run; readonly real: Run } {
		const named = (root: string): string[] => args.map((word) => word.replaceAll("ROOT", root));
		return {
			ours: this.neutral(this.runOurs(program, named(this.ours), options), this.ours),
			real: this.neutral(this.runReal(program, named(this.real), options), this.real),
		};
	}

	/** Runs both on each; for the stores and what names them see {@link both}. */
	bothAll(all: readonly (readonly string[])[]): { readonly ours: Run[]; readonly real: Run[] } {
		const named = (root: string): string[][] => all.map((args) => args.map((word) => word.replaceAll("ROOT", root)));
		return {
			ours: this.runOursAll(named(this.ours)).map((each) => this.neutral(each, this.ours)),
			real: named(this.real).map(([program = "", ...args]) => this.neutral(this.runReal(program, args), this.real)),
		};
	}

	neutral({ status, stdout, stderr }: Run, root: string): Run {
		const plain = (text: string): string => text.replaceAll(root, "ROOT").replace(/\x1b\[[\d;]*m/g, "");
		return { status, stdout: plain(stdout), stderr: plain(stderr) };
	}

	/** What lies in a store and is valid. */
	state(root: string): unknown {
		using store = openStore({ root, readOnly: true });
		const files = readdirSync(store.physical("/nix/store")).filter((name) => name !== ".links");
		return { files: files.sort(), valid: store.queryAllValidPaths() };
	}
}

/** Runs many command lines, programs' names first, one after the other in one process, which spares the start of each. */
export function runPrograms(home: string, cwd: string, all: readonly (readonly string[])[]): Run[] {
	const env = { ...nodeEnvironment(), DEVENV_HOME: home, HOME: cwd };
	const program = join(home, "runs.mjs");
	writeFileSync(program, manyRuns);
	// Not as a variable: paths in the environment of a process are in use.
	const input = Buffer.from(JSON.stringify(all));
	const { stdout, stderr } = run([process.execPath, program], env, { cwd, input });
	const [out, err] = [stdout.split(MARK), stderr.split(MARK)];
	return all.map((_, index) => ({
		status: Number(out[2 * index + 1]),
		stdout: out[2 * index] ?? "",
		stderr: err[2 * index] ?? "",
	}));
}

function run(
	[file = "", ...args]: readonly string[],
	env: Readonly<Record<string, string | undefined>>,
	{ input = Buffer.alloc(0), cwd, environment = {} }: RunOptions,
): Run {
	const { status, stdout, stderr } = spawnSync(file, args, {
		cwd,
		input,
		encoding: "latin1",
		maxBuffer: 1 << 28,
		env: { ...env, ...environment },
	});
	return { status, stdout, stderr };
}

function fill(folder: string, root: string): SamplePaths {
	mkdirSync(join(folder, "tree/sub"), { recursive: true });
	writeFileSync(join(folder, "tree/sub/file"), "content\n");
	writeFileSync(join(folder, "tree/twin"), "content\n");
	chmodSync(join(folder, "tree/twin"), 0o755);
	symlinkSync("sub/file", join(folder, "tree/link"));
	const store = openStore({ root });
	try {
		const text = (name: string, references: readonly StorePath[]): StorePath =>
			store.addText({ name, contents: `${name}\n${references.join("\n")}\n`, references });
		const base = text("base-1.0", []);
		const middle = text("middle", [base]);
		const top = text("top", [base, middle].sort());
		const tree = store.addPath({ name: "tree", source: join(folder, "tree") });
		const unfilled = {
			name: "made",
			outputs: new Map(["dev", "out"].map((output) => [output, { path: "", hashAlgo: "", hash: "" }] as const)),
			inputDrvs: new Map<DrvPath, string[]>(),
			inputSrcs: [middle],
			system: "x86_64-linux",
			builder: "/bin/sh",
			args: ["-c", "it's here"],
			env: new Map([
				["name", "made"],
				["quoted", "a 'b' c"],
			]),
		};
		const hashes = new HashesModulo((path) => store.readDerivation(path));
		const { drvPath, outputPaths } = instantiate(unfilled, hashes, store.storeDir);
		store.addDerivation(unfilled);
		store.addRoot(join(folder, "result"), top);
		const outputs = new Map(outputPaths);
		return { base, middle, top, tree, drv: drvPath, out: outputs.get("out") ?? "", dev: outputs.get("dev") ?? "" };
	} finally {
		store.close();
		// Else they count as long as the process of the tests lives.
		rmSync(join(root, "nix/var/nix/temproots", String(process.pid)), { force: true });
	}
}
