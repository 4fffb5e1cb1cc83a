/**
 * Configures the packages of a merged root: their postinst scripts in the sandbox as a fake root, then the triggers they left, then
 * what is done once for all. Layer 3.
 *
 * The merged tree, whose files share inodes with the packages, is the lower layer of an overlay and cannot be written; what
 * scripts change lands in an upper folder that is merged when all have succeeded. Where no overlay can be mounted, the tree
 * gets inodes of its own first.
 */

import { execFileSync } from "node:child_process";
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
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type BuildOutcome, type BuildRequest, runBuild, type SandboxRoot } from "@devenv/builder";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import { diskFull } from "../../system-failure.ts";
import { onDisk } from "../archives/tree-writer.ts";
import type { BuiltinContext } from "../builtin-builder.ts";
import type { ComposeRootAttributes, MaintainerScriptPolicy } from "../compose-root-attributes.ts";
import { deferredSteps } from "./deferred-steps.ts";
import { readPlainFile } from "./inside-root.ts";
import { backgroundSteps, isReplaced } from "./native-hooks.ts";
import type { RootPackage } from "./root-package.ts";
import { driverScript, parseMark, type ScriptStep, scriptEnvironment } from "./script-driver.ts";
import { notesFolder, stubFolder, stubScripts } from "./script-stubs.ts";
import { triggerSteps } from "./triggers.ts";

export interface ConfigureOptions {
	/** Host folder of the merged tree. */
	readonly root: string;
	/** In the order of configuration. */
	readonly packages: readonly RootPackage[];
	/** Paths whose inodes are shared. */
	readonly linked: Iterable<string>;
	readonly attributes: ComposeRootAttributes;
	readonly context: BuiltinContext;
}

/** Where scripts run: on the tree with an overlay, or on the tree itself. */
interface Stage {
	readonly options: ConfigureOptions;
	/** Runs something in the root as scripts see it. */
	readonly inRoot: <T>(use: (root: SandboxRoot) => Promise<T>) => Promise<T>;
	readonly policy: MaintainerScriptPolicy;
	/** Host folders bound into the sandbox. */
	readonly stubs: string;
	readonly notes: string;
	readonly deadline: number;
}

/** Not the name of any stub. */
const driverName = ".driver";
const defaultTimeoutSeconds = 1800;
const logLimit = 64 * 2 ** 20;
/** Lines of a failed script's output that are shown. */
const shownLines = 20;

/** Rejects with `COMPOSE_SCRIPT_FAILED`, `COMPOSE_TIMEOUT`, `DISK_FULL` or `SANDBOX_*`. */
export async function configurePackages(options: ConfigureOptions): Promise<void> {
	const { attributes, context, packages } = options;
	const policy = attributes.maintainerScripts ?? {};
	const stubs = join(context.scratch, "stubs");
	const notes = join(context.scratch, "notes");
	mkdirSync(stubs);
	mkdirSync(notes);
	for (const [name, text] of stubScripts(policy.stub ?? [])) writeFileSync(join(stubs, name), text, { mode: 0o755 });
	const deadline = performance.now() + (policy.timeout ?? defaultTimeoutSeconds) * 1000;
	const upper = join(context.scratch, "upper");
	mkdirSync(upper);
	const overlay: Stage["inRoot"] = (use) => onOverlay({ lower: options.root, upper, scratch: context.scratch }, use);
	const usesOverlay = context.sandbox.kind === "helper" && (await overlay((root) => canMount(context, root)));
	if (!usesOverlay) {
		context.log("no overlay can be mounted here: every file of the root gets an inode of its own");
		unshareInodes(options.root, options.linked);
	}
	const inRoot: Stage["inRoot"] = usesOverlay ? overlay : (use) => use({ kind: "tree", path: options.root });
	const stage: Stage = { options, inRoot, policy, stubs, notes, deadline };

	try {
		await runSteps(stage, [...backgroundSteps(options.root), ...configureSteps(packages, attributes, policy)]);
		await runSteps(stage, triggerSteps(packages, readNotes(notes, "triggers"), policy));
		await runSteps(stage, deferredSteps(options.root, attributes, readNotes(notes, "deferred")));
	} catch (error) {
		for (const folder of [upper, options.root]) makeRemovable(folder);
		throw error;
	}
	reportStubs(context, readNotes(notes, "calls"));
	if (usesOverlay) mergeUpper(context, upper, options.root);
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

function configureSteps(
	packages: readonly RootPackage[],
	attributes: ComposeRootAttributes,
	policy: MaintainerScriptPolicy,
): ScriptStep[] {
	const steps: ScriptStep[] = [
		/* Libraries in folders that only the linker's configuration names must be found by the first script already. */
		{ kind: "shell", label: "ldconfig", text: "if [ -x /usr/sbin/ldconfig ]; then /usr/sbin/ldconfig; fi" },
	];
	if (attributes.preConfigure !== undefined) {
		steps.push({ kind: "shell", label: "preConfigure", text: attributes.preConfigure });
	}
	for (const rootPackage of packages) {
		if (!rootPackage.controlFiles.has("postinst") || isReplaced(rootPackage.name)) continue;
		if (policy.skip?.includes(rootPackage.name) === true) continue;
		/* dpkg passes the version last configured: none. */
		steps.push(postinstStep(rootPackage, ["configure", ""], attributes.architecture, policy));
	}
	return steps;
}

function postinstStep(
	rootPackage: RootPackage,
	args: readonly string[],
	native: string,
	policy: MaintainerScriptPolicy,
): ScriptStep {
	return {
		kind: "postinst",
		package: rootPackage.name,
		infoName: rootPackage.infoName,
		architecture: rootPackage.architecture === "all" ? native : rootPackage.architecture,
		arguments: args,
		mayFail: policy.allowFailure?.includes(rootPackage.name) === true,
	};
}

async function runSteps(stage: Stage, steps: readonly ScriptStep[]): Promise<void> {
	if (steps.length === 0) return;
	const { context } = stage.options;
	const marker = `@${randomBytes(9).toString("hex")}`;
	/* Among the stubs, which scripts cannot write: in place of a note they may have put a link to a file of the host. */
	writeFileSync(join(stage.stubs, driverName), driverScript(steps, marker), { mode: 0o755 });
	const watch = new DriverWatch(steps, marker, context);
	const request: Omit<BuildRequest, "root"> = {
		name: "compose-root",
		binds: [
			{ source: stage.stubs, target: stubFolder },
			{ source: stage.notes, target: notesFolder, writable: true },
		],
		builder: "/bin/sh",
		args: [`${stubFolder}/${driverName}`],
		env: scriptEnvironment(stubFolder),
		cwd: "/",
		network: false,
		uid: 0,
		gid: 0,
		fakeRoot: true,
		limits: { timeoutMs: Math.max(1, stage.deadline - performance.now()), logBytes: logLimit },
		onOutput: (chunk) => {
			watch.push(chunk);
		},
		signal: context.signal,
	};
	const outcome = await stage.inRoot((root) => runBuild(context.sandbox, { ...request, root }).done);
	watch.flush();
	context.signal.throwIfAborted();
	const problem = watch.problem(outcome);
	if (problem !== undefined) throw problem;
}

/** Follows the driver's output: hands lines to the log, knows which script is running and how it ends. */
class DriverWatch {
	readonly #steps: readonly ScriptStep[];
	readonly #marker: string;
	readonly #context: BuiltinContext;
	readonly #decoder = new TextDecoder();
	#rest = "";
	#current: ScriptStep | undefined;
	#tail: string[] = [];
	#failure: { readonly step: ScriptStep; readonly status: number; readonly tail: readonly string[] } | undefined;
	#ended = false;

	constructor(steps: readonly ScriptStep[], marker: string, context: BuiltinContext) {
		this.#steps = steps;
		this.#marker = marker;
		this.#context = context;
	}

	push(chunk: Uint8Array): void {
		const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) this.#line(line);
	}

	flush(): void {
		if (this.#rest !== "") this.#line(this.#rest);
		this.#rest = "";
	}

	#line(line: string): void {
		/* A script's last line may lack its end, and the marker then follows on the same one. */
		const at = line.indexOf(`${this.#marker} `);
		if (at > 0) {
			this.#line(line.slice(0, at));
			this.#line(line.slice(at));
			return;
		}
		const mark = parseMark(line, this.#marker);
		if (mark === undefined) {
			this.#tail.push(line);
			if (this.#tail.length > shownLines) this.#tail.shift();
			this.#context.log(line);
			return;
		}
		switch (mark.kind) {
			case "begin":
				this.#begin(mark.step);
				return;
			case "failed":
				this.#failed(mark.status);
				return;
			case "end":
				this.#ended = true;
				return;
		}
	}

	#begin(index: number): void {
		this.#current = this.#steps[index];
		this.#tail = [];
		const subject = stepName(this.#current);
		this.#context.log(`Setting up ${subject}`);
		this.#context.progress({
			phase: "configure",
			subject,
			done: index,
			total: this.#steps.length,
			unit: "packages",
		});
	}

	#failed(status: number): void {
		const step = this.#current;
		if (step === undefined) return;
		if (step.kind === "postinst" && step.mayFail) {
			this.#context.log(`the postinst of ${step.package} failed with status ${status}, as it may`);
			return;
		}
		this.#failure = { step, status, tail: this.#tail };
	}

	problem(outcome: BuildOutcome): DiagnosticError | undefined {
		const failure = this.#failure;
		if (failure !== undefined) return scriptFailure(failure.step, `failed with status ${failure.status}`, failure.tail);
		switch (outcome.kind) {
			case "exited":
				if (outcome.status === 0 && this.#ended) return undefined;
				return scriptFailure(this.#current, `ended the composition with status ${outcome.status}`, this.#tail);
			case "killed":
				return scriptFailure(this.#current, `was ended by signal ${outcome.signal}`, this.#tail);
			case "timed-out":
				return scriptFailure(this.#current, "took too long", this.#tail, "COMPOSE_TIMEOUT");
			case "log-limit":
				return scriptFailure(this.#current, `wrote more than ${logLimit} bytes`, this.#tail);
			case "setup-failed":
				return new DiagnosticError(
					diagnose(
						"SANDBOX_SETUP",
						`the sandbox for maintainer scripts cannot be made: ${outcome.step}: ${outcome.error}`,
						{
							notes: this.#tail.map((message) => ({ message })),
						},
					),
				);
			default:
				return scriptFailure(this.#current, `was stopped (${outcome.kind})`, this.#tail);
		}
	}
}

function stepName(step: ScriptStep | undefined): string {
	if (step === undefined) return "the driver";
	return step.kind === "postinst" ? step.package : step.label;
}

function scriptFailure(
	step: ScriptStep | undefined,
	what: string,
	tail: readonly string[],
	code: string = "COMPOSE_SCRIPT_FAILED",
): DiagnosticError {
	if (tail.some((line) => line.includes("No space left on device"))) {
		return new DiagnosticError(diskFull({ notes: [{ message: tail.join("\n") }] }));
	}
	const script =
		step !== undefined && step.kind !== "postinst" ? `the step '${step.label}'` : `the postinst of '${stepName(step)}'`;
	return new DiagnosticError(
		diagnose(code, `${script} ${what}`, {
			notes: tail.length === 0 ? [{ message: "it printed nothing" }] : [{ message: tail.join("\n") }],
			...(step?.kind === "postinst"
				? {
						hint: `if '${step.package}' works without it, let it fail: maintainerScripts.allowFailure in an overlay of mkRoot`,
					}
				: {}),
		}),
	);
}

/** Whether this machine lets us mount such a root: tried with a program that does nothing. */
async function canMount(context: BuiltinContext, root: SandboxRoot): Promise<boolean> {
	const outcome = await runBuild(context.sandbox, {
		name: "overlay",
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
		...(context.signal.aborted ? {} : { signal: context.signal }),
	}).done;
	/* That the program is missing or fails is for the scripts to show. */
	return !(outcome.kind === "setup-failed" && outcome.step.includes("overlay"));
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
function unshareInodes(root: string, linked: Iterable<string>): void {
	for (const path of linked) {
		const from = onDisk(`${root}/${path}`, path);
		const to = onDisk(`${root}/.devenv-unshared`);
		copyFileSync(from, to, constants.COPYFILE_FICLONE);
		const { atime, mtime } = lstatSync(from);
		utimesSync(to, atime, mtime);
		renameSync(to, from);
	}
}

function readNotes(folder: string, name: string): readonly string[] {
	const contents = readPlainFile(join(folder, name))?.toString("utf8") ?? "";
	return contents.split("\n").filter((line) => line !== "");
}

function reportStubs(context: BuiltinContext, calls: readonly string[]): void {
	if (calls.length === 0) return;
	context.log(`${calls.length} calls had no effect in a root (package, command):`);
	for (const call of calls) context.log(`  ${call.replace("\t", ": ")}`);
}

/** Applies the overlay's changes to the tree, through the helper: only it can read the overlay's attributes. */
function mergeUpper(context: BuiltinContext, upper: string, root: string): void {
	if (context.sandbox.kind !== "helper") throw new Error("an overlay without the helper");
	chmodSync(upper, 0o755);
	execFileSync(context.sandbox.helper, ["merge-upper", upper, root], { stdio: ["ignore", "ignore", "pipe"] });
}
