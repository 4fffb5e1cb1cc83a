/**
 * One project's open shells, kept in the environment that its files ask for. Layer 4.
 *
 * A change of a file that the last evaluation read leads to a new evaluation and, if need be, builds, behind the shells'
 * backs: one at a time, and what is newer ends what is older. Each shell then gets a text to read before its next
 * prompt, and its view the new root at once. What fails leaves the shells as they are and is said once; an environment that
 * is refused when shells have it already gives way to the last one that was not.
 */

import { readlinkSync } from "node:fs";
import { type Diagnostic, DiagnosticError, diagnose, renderDiagnostic } from "@devenv/diagnostics";
import type { PrepareParams } from "@devenv/protocol";
import {
	type ActivationOutcome,
	type ChangeScript,
	changeScript,
	type EnvironmentDescription,
	firstChanged,
	lastGeneration,
	type LiveShellProcess,
	type OutsideEnvironment,
	type PathCondition,
	pushChange,
	readEnvironment,
	type ShellName,
	summarizeAliases,
	summarizeChange,
} from "@devenv/shell";
import { BuildCancelled } from "@devenv/engine";
import type { Log } from "../log.ts";
import { PathWatch } from "./path-watch.ts";
import { rootConflict } from "./root-compatibility.ts";

/** A project's environment, made for one caller. */
export interface Prepared {
	readonly outcome: ActivationOutcome;
	/** The same for those in no view, and what puts it in place once it may be taken. */
	readonly outside: OutsideEnvironment;
	readonly placeOutside: () => void;
	readonly project: string;
	/** Physical path of the environment store object. */
	readonly environment: string;
	/** Of the outcome's conditions, those that evaluation depends on: files of the project and what overlays read. */
	readonly watched: readonly PathCondition[];
	/** Of the content that it was made from: see {@link contentDigest}. */
	readonly digest: string;
	/** What env.yaml says of following changes. */
	readonly reload: "auto" | "manual" | "off";
	/** Rejects where it turns out that the environment cannot stay: shells have to let go of it. */
	readonly registered: Promise<void>;
}

/** Why a project's environment could not be made, and what has to change for another outcome. */
export class NotPrepared extends Error {
	override readonly cause: unknown;
	readonly watched: readonly PathCondition[];

	constructor(cause: unknown, watched: readonly PathCondition[]) {
		super("the environment cannot be made");
		this.name = "NotPrepared";
		this.cause = cause;
		this.watched = watched;
	}
}

export interface FollowerOptions {
	readonly project: string;
	/** Folder of registrations and change texts. */
	readonly folder: string;
	readonly log: Log;
	/** Rejects with {@link NotPrepared}. */
	readonly prepare: (params: PrepareParams, signal: AbortSignal) => Promise<Prepared>;
	/** Null: this environment may be taken; else why it has to wait, for people. */
	readonly hold: (prepared: Prepared) => string | null;
	/** Gives a view a new root and /etc. */
	readonly swap: (process: number, target: { readonly root: string; readonly etc?: string }) => Promise<void>;
}

/** What a shell has. */
interface Followed {
	readonly process: LiveShellProcess;
	environment: string;
	/** What the environment says of itself, once it was given: it may be taken away. */
	description?: EnvironmentDescription;
	root: string | null;
	etc: string | null;
	promptName: string | null;
	aliases: Readonly<Record<string, string>>;
	/** The changes as a text, to see whether others are due; unknown before the first look. */
	changes: string | undefined;
	/** What was said last, which is not said twice. */
	message: string;
	generation: number;
}

/** Milliseconds for which further changes are waited for, from the first and from the last. */
const MOST_WAIT = 100;
const WAIT = 10;
/** A work that was ended this often in a row by newer changes is let finish. */
const MOST_ENDED = 5;
/** Milliseconds after which the times of a file that was just written tell it from a later state. */
const UNSETTLED_WAIT = 50;
/** Milliseconds between two readings, at most, of files that are not settled: one with a time in the future never is. */
const MOST_UNSETTLED_WAIT = 60_000;

export class ProjectFollower {
	readonly #options: FollowerOptions;
	readonly #watch: PathWatch;
	readonly #shells = new Map<number, Followed>();
	/** By caller: the last environment that is known to stay. */
	readonly #kept = new Map<string, Prepared>();
	#conditions: readonly PathCondition[] = [];
	#timer: NodeJS.Timeout | undefined;
	#firstChange: number | undefined;
	/** `asked`: somebody waits for the outcome, so that what is newer does not end it. */
	#running: { readonly controller: AbortController; readonly done: Promise<void>; readonly asked: boolean } | undefined;
	#again = false;
	#ended = 0;
	/** Readings in a row in which files may have changed between being read and being looked at. */
	#unsettled = 0;
	#unsettledTimer: NodeJS.Timeout | undefined;
	#closed = false;

	constructor(options: FollowerOptions) {
		this.#options = options;
		const { log, project } = options;
		this.#watch = new PathWatch({
			onEvent: () => {
				this.#look();
			},
			onDegraded: (reason) => {
				log.write("warning", "watch-degraded", { project, reason });
				this.#sayAll(`devenv: ${reason}: changes are seen up to a second later`);
			},
		});
	}

	/** How many shells there are. */
	get size(): number {
		return this.#shells.size;
	}

	/** The shells that run now: new ones are brought to what the project's files say, ended ones forgotten. */
	setShells(shells: readonly LiveShellProcess[]): void {
		const present = new Set(shells.map(({ pid }) => pid));
		for (const pid of this.#shells.keys()) if (!present.has(pid)) this.#shells.delete(pid);
		let fresh = false;
		for (const process of shells) {
			if (this.#shells.has(process.pid)) continue;
			fresh = true;
			const { environment, root, etc, promptName, aliases } = process;
			const generation = lastGeneration(this.#options.folder, process.pid);
			this.#shells.set(process.pid, {
				process,
				environment,
				root,
				etc,
				promptName,
				aliases,
				changes: undefined,
				message: "",
				generation,
			});
		}
		if (fresh) this.#schedule();
	}

	/** Brings all shells to what the files say now, also where they wait for that to be asked for; what changed, for people. */
	reload(): Promise<string> {
		return this.#alone((signal) => this.#update(signal, true));
	}

	/** Does something that somebody waits for, after what is under way. */
	async #alone<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
		while (this.#running !== undefined) await this.#running.done;
		const controller = new AbortController();
		const { promise, resolve } = Promise.withResolvers<undefined>();
		this.#running = { controller, done: promise, asked: true };
		try {
			return await work(controller.signal);
		} finally {
			this.#finish();
			resolve(undefined);
		}
	}

	async close(): Promise<void> {
		this.#closed = true;
		clearTimeout(this.#timer);
		clearTimeout(this.#unsettledTimer);
		this.#running?.controller.abort();
		await this.#watch.close();
		await this.#running?.done;
	}

	/** An event came: a change counts only where a path is not as evaluation saw it. */
	#look(): void {
		if (this.#closed || firstChanged(this.#conditions) === undefined) return;
		this.#schedule();
	}

	#schedule(least = WAIT): void {
		const now = performance.now();
		this.#firstChange ??= now;
		clearTimeout(this.#timer);
		const wait = Math.max(0, Math.min(least, this.#firstChange + MOST_WAIT - now));
		this.#timer = setTimeout(() => {
			this.#firstChange = undefined;
			this.#start();
		}, wait);
	}

	#start(): void {
		if (this.#closed) return;
		if (this.#running !== undefined) {
			this.#again = true;
			if (this.#ended < MOST_ENDED && !this.#running.asked) this.#running.controller.abort();
			return;
		}
		if (this.#shells.size === 0) return;
		const controller = new AbortController();
		const done = this.#update(controller.signal, false)
			.then(
				() => {
					this.#ended = 0;
				},
				(error: unknown) => {
					if (controller.signal.aborted || error instanceof BuildCancelled) this.#ended++;
					else this.#sayFailure(error);
				},
			)
			.finally(() => {
				this.#finish();
			});
		this.#running = { controller, done, asked: false };
	}

	/** A work has ended: what changed meanwhile is the next. */
	#finish(): void {
		this.#running = undefined;
		if (!this.#again) return;
		this.#again = false;
		this.#schedule();
	}

	/** Evaluates once for each kind of caller among the shells; gives what changed, for people. */
	async #update(signal: AbortSignal, asked: boolean): Promise<string> {
		const { project, log } = this.#options;
		const groups = Map.groupBy(this.#shells.values(), ({ process }) => callerKey(process));
		const started = performance.now();
		let said = "";
		let settled = true;
		const conditions: PathCondition[] = [];
		for (const [caller, shells] of groups) {
			const first = shells[0];
			if (first === undefined) continue;
			const prepared = await this.#prepare(first.process, { signal, conditions });
			if (signal.aborted) return said;
			settled &&= prepared.outcome.lasting;
			for (const shell of shells) said = (await this.#give(shell, prepared, { asked })) || said;
			this.#awaitRegistration(caller, prepared);
		}
		this.#countUnsettled(settled);
		log.write("debug", "followed", { project, milliseconds: Math.round(performance.now() - started) });
		return said;
	}

	/** Does not wait. */
	#awaitRegistration(caller: string, prepared: Prepared): void {
		prepared.registered.then(
			() => {
				this.#kept.set(caller, prepared);
			},
			(error: unknown) => {
				if (this.#closed || error instanceof BuildCancelled) return;
				this.#alone(() => this.#takeBack(prepared, error)).catch((fault: unknown) => {
					this.#sayFailure(fault);
				});
			},
		);
	}

	/** Brings shells that have an environment which was refused back to the last one that was not. */
	async #takeBack(refused: Prepared, error: unknown): Promise<void> {
		const why = this.#describeFailure(error);
		for (const shell of this.#shells.values()) {
			if (shell.environment !== refused.environment) continue;
			const before = this.#kept.get(callerKey(shell.process));
			if (before === undefined) this.#say(shell, `${why}devenv: this shell's environment is not in the store any more`);
			else await this.#give(shell, before, { asked: true, backFor: why });
		}
	}

	/**
	 * A file may have changed between being read and being looked at: what is known of it then is newer than what was made of it, and no
	 * event will say so. All is read again, after ever longer waits.
	 */
	#countUnsettled(settled: boolean): void {
		clearTimeout(this.#unsettledTimer);
		if (settled) {
			this.#unsettled = 0;
			return;
		}
		const wait = Math.min(UNSETTLED_WAIT * 4 ** this.#unsettled, MOST_UNSETTLED_WAIT);
		this.#unsettled++;
		this.#unsettledTimer = setTimeout(() => {
			this.#schedule();
		}, wait);
	}

	/** Makes the environment for a shell, and watches what that depends on, also where it fails. */
	async #prepare(
		process: LiveShellProcess,
		{ signal, conditions }: { readonly signal: AbortSignal; readonly conditions: PathCondition[] },
	): Promise<Prepared> {
		try {
			const prepared = await this.#options.prepare(paramsOf(process), signal);
			conditions.push(...prepared.watched);
			await this.#follow(conditions);
			return prepared;
		} catch (error) {
			if (!(error instanceof NotPrepared)) throw error;
			if (!signal.aborted) await this.#follow([...conditions, ...error.watched]);
			throw error.cause;
		}
	}

	async #follow(conditions: readonly PathCondition[]): Promise<void> {
		this.#conditions = conditions;
		await this.#watch.set(conditions.map(({ path }) => path));
		// What changed since it was read, and before it was watched.
		this.#look();
	}

	/** Brings one shell to an environment; gives what changed. `backFor`: it had that before, and why it has to go back. */
	async #give(
		shell: Followed,
		prepared: Prepared,
		{ asked, backFor }: { readonly asked: boolean; readonly backFor?: string },
	): Promise<string> {
		const { outcome, environment, reload } = prepared;
		const { outside, shell: form } = shell.process;
		const { root, etc, promptName, aliases } = outcome.registration;
		const due = outside ? prepared.outside.changes : outcome.changes;
		const changes = JSON.stringify(due);
		const isSame = shell.environment === environment && shell.root === root;
		const otherAliases = form === "json" ? "" : summarizeAliases(shell.aliases, aliases);
		if (isSame && shell.etc === etc && otherAliases === "") {
			// Equal environments set equal variables, but for what the caller's own folders add.
			if (shell.changes === changes) return "";
			const known = shell.changes !== undefined;
			shell.changes = changes;
			shell.message = "";
			if (known) this.#push(shell, { changes: due, message: "" }, prepared);
			return "";
		}
		const [before, description] = [
			shell.description ?? readEnvironment(shell.environment),
			readEnvironment(environment),
		];
		const summary = [summarizeChange(before, description), otherAliases].filter((each) => each !== "").join(", ");
		const what = summary === "" ? "files of the environment" : summary;
		if (reload === "off") return "";
		if (reload === "manual" && !asked) {
			this.#say(shell, `devenv: ${what}: waits for \`devenv reload\``);
			return "";
		}
		const why = asked ? null : this.#options.hold(prepared);
		if (why !== null) {
			this.#say(shell, `devenv: ${what}: ${why}`);
			return "";
		}
		const fits = outside || form === "json" || backFor !== undefined;
		const conflict = fits ? undefined : this.#conflict(shell, root, form);
		if (conflict !== undefined) {
			const { profile } = shell.process;
			const choice = profile === null ? "" : ` --profile ${profile}`;
			this.#say(shell, `devenv: ${what}: ${conflict}: \`exec devenv shell${choice}\` enters it`);
			return "";
		}
		if (outside) prepared.placeOutside();
		else if (shell.root !== root || shell.etc !== etc) await this.#swap(shell, { root, etc });
		const promptBefore = shell.promptName;
		Object.assign(shell, { environment, description, root, etc, promptName, aliases, changes, message: "" });
		this.#push(
			shell,
			{
				changes: due,
				message: `${backFor ?? ""}${summary === "" ? "" : `devenv: ${summary}`}`,
				...(promptBefore === null || promptName === null
					? {}
					: { promptName: { before: promptBefore, now: promptName } }),
			},
			prepared,
		);
		return summary;
	}

	/** Why a shell cannot have that root while it runs. */
	#conflict(shell: Followed, root: string | null, name: ShellName): string | undefined {
		if (shell.root === root) return undefined;
		if (shell.root === null || root === null) return "the environment has packages now, or no more";
		if (!shell.process.swappable) return "without the compiled helper a running shell keeps its programs";
		const conflict = rootConflict(shell.root, root, name);
		return conflict === undefined ? undefined : `the new environment ${conflict}`;
	}

	/** Gives the shell's view the root; other shells in the same view have it then too. */
	async #swap(shell: Followed, target: { readonly root: string | null; readonly etc: string | null }): Promise<void> {
		const { root, etc } = target;
		if (root === null) return;
		const view = viewOf(shell.process.pid);
		if (view === undefined) return; // it has just ended
		await this.#options.swap(shell.process.pid, { root, ...(etc === null || etc === shell.etc ? {} : { etc }) });
		for (const other of this.#shells.values()) {
			if (other !== shell && viewOf(other.process.pid) === view) Object.assign(other, { root, etc });
		}
	}

	#sayFailure(error: unknown): void {
		this.#sayAll(`${this.#describeFailure(error)}devenv: the environment stays as it was`);
	}

	/** Lines for people; a bug is logged. */
	#describeFailure(error: unknown): string {
		const diagnostics: readonly Diagnostic[] =
			error instanceof DiagnosticError
				? error.diagnostics
				: [diagnose("RELOAD_FAILED", error instanceof Error ? error.message : String(error))];
		if (!(error instanceof DiagnosticError)) {
			const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
			this.#options.log.write("error", "bug", { message: "reload", stack });
		}
		return diagnostics.map((each) => renderDiagnostic(each)).join("");
	}

	#sayAll(message: string): void {
		for (const shell of this.#shells.values()) this.#say(shell, message);
	}

	#say(shell: Followed, message: string): void {
		if (shell.message === message) return;
		shell.message = message;
		this.#push(shell, { changes: null, message });
	}

	/** `prepared`: what the changes come from; absent where the environment stays. */
	#push(shell: Followed, script: ChangeScript, prepared?: Prepared): void {
		shell.generation++;
		const { shell: form, pid } = shell.process;
		const text = form === "json" ? reportLine(script, prepared) : changeScript(form, script);
		pushChange(this.#options.folder, pid, { generation: shell.generation, text });
	}
}

/** One line of JSON for a program that prints what it follows. */
function reportLine({ message }: ChangeScript, prepared: Prepared | undefined): string {
	const line =
		prepared === undefined
			? { kind: "message", message }
			: { kind: "environment", message, environment: prepared.outside.report };
	return `${JSON.stringify(line)}\n`;
}

/** Shells with the same key get the same environment. */
function callerKey({ variables, uid, gid, groups, asUser, clean, shell, profile }: LiveShellProcess): string {
	return JSON.stringify([Object.entries(variables).sort(), uid, gid, groups, asUser, clean, shell, profile]);
}

function paramsOf({ project, variables, uid, gid, groups, asUser, clean, profile }: LiveShellProcess): PrepareParams {
	const chosen = profile === null ? {} : { profile };
	return { project, variables, uid, gid, groups, asUser, clean, ...chosen, lock: "frozen" };
}

/** What tells one mount namespace from another; undefined where the process has ended. */
function viewOf(pid: number): string | undefined {
	try {
		return readlinkSync(`/proc/${pid}/ns/mnt`);
	} catch {
		return undefined;
	}
}
