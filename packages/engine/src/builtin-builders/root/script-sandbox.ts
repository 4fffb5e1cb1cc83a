/**
 * Runs steps in a root as a fake root of its own. Layer 3.
 *
 * The tree, whose files share inodes with the packages, is the lower layer of an overlay and cannot be written; what scripts
 * change lands in an upper folder that is merged when all have succeeded. Where no overlay can be mounted, the tree gets inodes
 * of its own first.
 */

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
	chmodSync,
	copyFileSync,
	constants,
	existsSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type BuildRequest, runBuild, type Sandbox, type SandboxRoot } from "@devenv/builder";
import { onDisk } from "../archives/tree-writer.ts";
import type { BuiltinContext } from "../builtin-builder.ts";
import { DriverWatch, logLimit } from "./driver-watch.ts";
import { readPlainFile } from "./inside-root.ts";
import type { RootTree } from "./root-tree.ts";
import { driverScript, type ScriptStep, scriptEnvironment } from "./script-driver.ts";
import { notesFolder, stubFolder, stubScripts } from "./script-stubs.ts";
import { listUpper, type UpperListing } from "./tree-changes.ts";

export interface ScriptSandboxOptions {
	readonly tree: RootTree;
	/** Commands that only leave a note, beside the built-in ones. */
	readonly stub: readonly string[];
	/** `performance.now()` at which scripts are stopped. */
	readonly deadline: number;
	readonly context: BuiltinContext;
}

/** Lists that the stubs write. */
type Notes = "triggers" | "deferred" | "calls";

/** Not the name of any stub. */
const driverName = ".driver";
const execute = promisify(execFile);

export class ScriptSandbox {
	/** Whether scripts leave the tree as it is until {@link settle}. */
	readonly usesOverlay: boolean;
	readonly #options: ScriptSandboxOptions;
	/** Host folder of this sandbox alone. */
	readonly #folder: string;
	#ran = false;

	private constructor(options: ScriptSandboxOptions, folder: string, usesOverlay: boolean) {
		this.#options = options;
		this.#folder = folder;
		this.usesOverlay = usesOverlay;
	}

	static async open(options: ScriptSandboxOptions): Promise<ScriptSandbox> {
		const { context, stub } = options;
		const folder = mkdtempSync(join(context.scratch, "scripts-"));
		for (const name of ["stubs", "notes", "upper"]) mkdirSync(join(folder, name));
		for (const [name, text] of stubScripts(stub)) writeFileSync(join(folder, "stubs", name), text, { mode: 0o755 });
		const sandbox = new ScriptSandbox(options, folder, await canMount(context, folder));
		if (!sandbox.usesOverlay) {
			context.log("no overlay can be mounted here: every file of the root gets an inode of its own");
			unshareInodes(options.tree);
		}
		return sandbox;
	}

	/** Rejects with `COMPOSE_SCRIPT_FAILED`, `COMPOSE_TIMEOUT`, `DISK_FULL` or `SANDBOX_*`. */
	async run(steps: readonly ScriptStep[]): Promise<void> {
		if (steps.length === 0) return;
		this.#ran = true;
		try {
			await this.#run(steps);
		} catch (error) {
			for (const folder of [join(this.#folder, "upper"), this.#options.tree.root]) makeRemovable(folder);
			throw error;
		}
	}

	async #run(steps: readonly ScriptStep[]): Promise<void> {
		const { context, deadline, tree } = this.#options;
		const stubs = join(this.#folder, "stubs");
		const marker = `@${randomBytes(9).toString("hex")}`;
		/* Among the stubs, which scripts cannot write: in place of a note they may have put a link to a file of the host. */
		writeFileSync(join(stubs, driverName), driverScript(steps, marker), { mode: 0o755 });
		const watch = new DriverWatch(steps, marker, context);
		const request: Omit<BuildRequest, "root"> = {
			name: "compose-root",
			temporary: this.#folder,
			binds: [
				{ source: stubs, target: stubFolder },
				{ source: join(this.#folder, "notes"), target: notesFolder, writable: true },
			],
			builder: "/bin/sh",
			args: [`${stubFolder}/${driverName}`],
			env: scriptEnvironment(stubFolder),
			cwd: "/",
			network: false,
			uid: 0,
			gid: 0,
			fakeRoot: true,
			limits: { timeoutMs: Math.max(1, deadline - performance.now()), logBytes: logLimit },
			onOutput: (chunk) => {
				watch.push(chunk);
			},
			signal: context.signal,
		};
		const run = (root: SandboxRoot) => runBuild(context.sandbox, { ...request, root }).done;
		const layers = { lower: tree.root, upper: join(this.#folder, "upper"), scratch: this.#folder };
		const outcome = await (this.usesOverlay ? onOverlay(layers, run) : run({ kind: "tree", path: tree.root }));
		watch.flush();
		context.signal.throwIfAborted();
		const problem = watch.problem(outcome);
		if (problem !== undefined) throw problem;
	}

	notes(name: Notes): readonly string[] {
		const contents = readPlainFile(join(this.#folder, "notes", name))?.toString("utf8") ?? "";
		return contents.split("\n").filter((line) => line !== "");
	}

	/** Puts what scripts changed into the tree; after that none may run. Undefined where they changed the tree itself. */
	async settle(): Promise<UpperListing | undefined> {
		const { context, tree } = this.#options;
		if (!this.usesOverlay || !this.#ran) return undefined;
		if (context.sandbox.kind !== "helper") throw new Error("an overlay without the helper");
		const upper = join(this.#folder, "upper");
		const listing = listUpper(upper, tree.root);
		/* Only the helper can read the overlay's attributes. */
		await execute(context.sandbox.helper, ["merge-upper", upper, tree.root]);
		return listing;
	}
}

/** Which file systems let us mount an overlay, by device number, for each sandbox. */
const mountable = new WeakMap<Sandbox, Map<number, Promise<boolean>>>();

/** Whether this machine lets us mount such a root on the folder's file system: tried once, with a program that does not exist. */
function canMount(context: BuiltinContext, folder: string): Promise<boolean> {
	const { sandbox } = context;
	if (sandbox.kind !== "helper") return Promise.resolve(false);
	const known = mountable.get(sandbox) ?? new Map<number, Promise<boolean>>();
	mountable.set(sandbox, known);
	const { dev } = statSync(folder);
	let answer = known.get(dev);
	if (answer === undefined) {
		answer = tryMount(sandbox, folder);
		known.set(dev, answer);
		/* A trial that failed for another reason says nothing. */
		answer.catch(() => known.delete(dev));
	}
	return answer;
}

async function tryMount(sandbox: Sandbox, scratch: string): Promise<boolean> {
	const lower = mkdtempSync(join(scratch, "lower-"));
	const upper = mkdtempSync(join(scratch, "upper-"));
	const outcome = await onOverlay({ lower, upper, scratch }, (root) => {
		return runBuild(sandbox, {
			name: "overlay",
			temporary: scratch,
			root,
			binds: [],
			builder: "/bin/true",
			args: [],
			env: new Map(),
			cwd: "/",
			network: false,
			uid: 0,
			gid: 0,
			limits: { timeoutMs: 20_000 },
		}).done;
	});
	/* That the program is missing is no matter; other faults are for the scripts to show. */
	return !(outcome.kind === "setup-failed" && outcome.step.includes("overlay"));
}

/**
 * Gives `use` the tree with the overlay. The work folder is new each time: the overlay is mounted without syncing, and the kernel
 * refuses to mount one again on a work folder that such a mount has left.
 */
async function onOverlay<T>(
	layers: { readonly lower: string; readonly upper: string; readonly scratch: string },
	use: (root: SandboxRoot) => Promise<T>,
): Promise<T> {
	const work = mkdtempSync(join(layers.scratch, "work-"));
	try {
		return await use({ kind: "overlay", lower: layers.lower, upper: layers.upper, work });
	} finally {
		/* The kernel's folders in it have no permissions at all. */
		for (const folder of ["work", "work/incompat", "work/incompat/volatile"]) {
			if (existsSync(join(work, folder))) chmodSync(join(work, folder), 0o700);
		}
		rmSync(work, { recursive: true });
	}
}

/** Folders without write permission, as a script may make them, could not be emptied by an ordinary user. */
function makeRemovable(folder: string, below: string = ""): void {
	const path = onDisk(`${folder}/${below}`, below);
	chmodSync(path, 0o755);
	for (const entry of readdirSync(path, { withFileTypes: true, encoding: "latin1" })) {
		if (entry.isDirectory()) makeRemovable(folder, below === "" ? entry.name : `${below}/${entry.name}`);
	}
}

/** With the times of the files kept: scripts see them, and what they make of them must not differ between two runs. */
function unshareInodes(tree: RootTree): void {
	for (const path of tree.linked.keys()) {
		const from = onDisk(`${tree.root}/${path}`, path);
		const to = onDisk(`${tree.root}/.devenv-unshared`);
		copyFileSync(from, to, constants.COPYFILE_FICLONE);
		const { atime, mtime } = lstatSync(from);
		utimesSync(to, atime, mtime);
		renameSync(to, from);
	}
	tree.linked.clear();
	for (const [path, target] of tree.links()) {
		const to = onDisk(`${tree.root}/.devenv-unshared`);
		symlinkSync(onDisk(target), to);
		renameSync(to, onDisk(`${tree.root}/${path}`, path));
	}
}
