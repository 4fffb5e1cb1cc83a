/**
 * Compares instantiation of a Nixpkgs-like tree with real Nix's: the same attributes must give the same store derivation
 * paths, and the same bytes in every `.drv` of their closures.
 *
 *     node scripts/conformance/tree.ts TREE [ATTRIBUTE…] [--sweep] [--limit N] [--nix NIX_INSTANTIATE]
 *
 * Attributes are selection paths; by default `stdenv`, `hello` and `git`. `--sweep` takes all that `nix-env -qa` lists
 * (every N-th with `--limit`, so that about N are left). Both sides work on stores of their own below the system's
 * temporary folder. The exit status is 1 where anything differs, 2 where real Nix is missing.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { NodeEvalIO } from "../../packages/engine/src/eval-io/index.ts";
import { ContextString, EvalError, Evaluator } from "../../packages/evaluator/src/index.ts";
import { textFromBytes } from "../../packages/nix-formats/src/index.ts";
import { openStore } from "../../packages/store/src/index.ts";

interface Task {
	readonly tree: string;
	readonly attributes: readonly string[];
	readonly storeRoot: string;
	/** Physical store folder of real Nix, whose derivations are compared with ours. */
	readonly reference: string;
}

type Outcome =
	| { readonly kind: "instantiated"; readonly attribute: string; readonly drvPath: string }
	| { readonly kind: "failed"; readonly attribute: string; readonly message: string }
	/** A store derivation whose bytes differ from those of the same path in the reference. */
	| { readonly kind: "bytes"; readonly drvPath: string }
	| { readonly kind: "done"; readonly compared: number; readonly milliseconds: number };

/** Stack of the evaluating thread, MiB. */
const STACK_SIZE = 256;

async function main(): Promise<number> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			sweep: { type: "boolean", default: false },
			limit: { type: "string" },
			nix: { type: "string", default: "nix-instantiate" },
		},
	});
	const [tree, ...given] = positionals;
	if (tree === undefined) {
		process.stderr.write("usage: tree.ts TREE [ATTRIBUTE…] [--sweep] [--limit N] [--nix NIX_INSTANTIATE]\n");
		return 2;
	}
	const folder = mkdtempSync(join(tmpdir(), "devenv-tree-"));
	try {
		const real = new RealNix(values.nix, resolve(tree), folder);
		if (!real.exists()) {
			process.stderr.write(`'${values.nix}' cannot be run: nothing to compare with\n`);
			return 2;
		}
		const attributes = given.length > 0 || values.sweep ? given : ["stdenv", "hello", "git"];
		const expected = new Map<string, string>();
		for (const attribute of attributes) expected.set(attribute, real.instantiate(attribute));
		if (values.sweep) for (const [attribute, drvPath] of real.sweep(values.limit)) expected.set(attribute, drvPath);
		return await compare(expected, {
			tree: resolve(tree),
			storeRoot: join(folder, "ours"),
			reference: real.storeFolder,
		});
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Real Nix on a store and settings of its own. */
class RealNix {
	readonly storeFolder: string;
	readonly #program: string;
	readonly #tree: string;
	readonly #root: string;
	readonly #environment: Record<string, string | undefined>;

	constructor(program: string, tree: string, folder: string) {
		this.#program = program;
		this.#tree = tree;
		this.#root = join(folder, "real");
		this.storeFolder = join(this.#root, "nix/store");
		this.#environment = {
			PATH: process.env["PATH"],
			HOME: join(folder, "home"),
			NIX_CONF_DIR: join(folder, "conf"),
			NIX_STATE_DIR: join(folder, "state"),
			NIX_LOG_DIR: join(folder, "log"),
			NIX_CONFIG: "experimental-features = nix-command",
		};
	}

	exists(): boolean {
		return this.#run(this.#program, ["--version"]).status === 0;
	}

	instantiate(attribute: string): string {
		const run = this.#run(this.#program, ["--store", this.#root, this.#tree, "-A", attribute]);
		if (run.status !== 0) throw new Error(`real Nix cannot instantiate ${attribute}:\n${run.stderr}`);
		return run.stdout.trim().replace(/!.*$/, "");
	}

	/** All packages, as selection path and path of the store derivation. */
	sweep(limit: string | undefined): [string, string][] {
		const program = this.#program.replace(/nix-instantiate$/, "nix-env");
		const options = ["--store", this.#root, "-f", this.#tree, "-qaP", "--drv-path", "--no-name"];
		const run = this.#run(program, options);
		if (run.status !== 0) throw new Error(`nix-env fails:\n${run.stderr}`);
		const all = run.stdout.split("\n").flatMap((line): [string, string][] => {
			const [attribute, drvPath] = line.trim().split(/\s+/);
			return attribute === undefined || drvPath === undefined ? [] : [[attribute, drvPath]];
		});
		const step = limit === undefined ? 1 : Math.max(1, Math.floor(all.length / Number(limit)));
		return all.filter((_, index) => index % step === 0);
	}

	#run(program: string, options: readonly string[]): { status: number | null; stdout: string; stderr: string } {
		return spawnSync(program, options, { env: this.#environment, encoding: "utf8", maxBuffer: 2 ** 30 });
	}
}

async function compare(expected: ReadonlyMap<string, string>, where: Omit<Task, "attributes">): Promise<number> {
	const task: Task = { ...where, attributes: [...expected.keys()] };
	const worker = new Worker(new URL(import.meta.url), {
		workerData: task,
		resourceLimits: { stackSizeMb: STACK_SIZE, maxOldGenerationSizeMb: 8192 },
	});
	let different = 0;
	let equal = 0;
	const report = (text: string): void => {
		different++;
		process.stdout.write(`${text}\n`);
	};
	worker.on("message", (outcome: Outcome) => {
		switch (outcome.kind) {
			case "instantiated": {
				const wanted = expected.get(outcome.attribute);
				if (wanted === outcome.drvPath) equal++;
				else report(`${outcome.attribute}: ${outcome.drvPath} instead of ${wanted ?? "?"}`);
				return;
			}
			case "failed":
				report(`${outcome.attribute}: ${outcome.message}`);
				return;
			case "bytes":
				report(`${outcome.drvPath}: different bytes`);
				return;
			case "done": {
				const seconds = (outcome.milliseconds / 1000).toFixed(1);
				process.stdout.write(`${equal} of ${expected.size} attributes equal, in ${seconds} s; `);
				process.stdout.write(`${outcome.compared} store derivations equal byte for byte\n`);
			}
		}
	});
	await new Promise((done, fail) => worker.on("exit", done).on("error", fail));
	return different === 0 ? 0 : 1;
}

/** In the worker: instantiates and compares what it wrote with the reference. */
function evaluateAll(task: Task): void {
	const say = (outcome: Outcome): void => parentPort?.postMessage(outcome);
	const started = performance.now();
	const store = openStore({ root: task.storeRoot });
	const io = new NodeEvalIO({ store, environment: {}, log: () => undefined });
	const evaluator = new Evaluator({ io, currentSystem: process.arch === "arm64" ? "aarch64-linux" : "x86_64-linux" });
	const root = evaluator.autoCall(evaluator.evalFile(join(task.tree, "default.nix")));
	for (const attribute of task.attributes) {
		try {
			const { value } = evaluator.select(root, `${attribute}.drvPath`);
			const drvPath = evaluator.force(value);
			say({ kind: "instantiated", attribute, drvPath: drvPath instanceof ContextString ? drvPath.text : "" });
		} catch (error) {
			if (!(error instanceof EvalError)) throw error;
			say({ kind: "failed", attribute, message: textFromBytes(evaluator.formatError(error)) });
		}
	}
	const milliseconds = performance.now() - started;
	let compared = 0;
	for (const drvPath of io.derivations()) {
		const reference = join(task.reference, drvPath.slice(store.storeDir.length));
		if (!existsSync(reference)) continue;
		const text = readFileSync(reference, "latin1");
		if (text === io.readFile(drvPath)) compared++;
		else say({ kind: "bytes", drvPath });
	}
	store.close();
	say({ kind: "done", compared, milliseconds });
}

if (isMainThread) process.exitCode = await main();
else evaluateAll(workerData as Task);
