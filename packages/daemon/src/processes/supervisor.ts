/**
 * A project's processes together: order, changes of what is declared, the end. Layer 4; knows nothing of sockets.
 *
 * Processes start when what they come after is as far as they ask for, and end before it does.
 */

import { fail, nearestNames, unreachable } from "@devenv/diagnostics";
import type { ApplyResult, ProcessList, ProcessPlan, ProcessStatus, WaitResult } from "@devenv/protocol";
import { ManagedProcess, type ProcessWorld } from "./managed-process.ts";
import { assignPorts, type PortTable } from "./ports.ts";

export interface SupervisorOptions {
	readonly world: ProcessWorld;
	readonly onLine: (process: string, line: string) => void;
	/** A process came to another state. */
	readonly onState: (status: ProcessStatus) => void;
}

export class Supervisor {
	readonly #options: SupervisorOptions;
	readonly #processes = new Map<string, ManagedProcess>();
	/** Asked to run, with what they come after. */
	readonly #wanted = new Set<string>();
	readonly #watchers = new Set<() => void>();
	readonly #told = new Map<string, string>();
	#ports: PortTable = new Map();
	#applying: Promise<unknown> = Promise.resolve();
	#ending: Promise<void> | undefined;

	constructor(options: SupervisorOptions) {
		this.#options = options;
	}

	list(): ProcessList {
		return {
			supervisor: process.pid,
			processes: [...this.#processes.values()].map(({ status }) => status).sort((a, b) => (a.name < b.name ? -1 : 1)),
		};
	}

	/** Whether nothing runs and nothing will. */
	get over(): boolean {
		return [...this.#wanted].every((name) => {
			const state = this.#processes.get(name)?.state;
			return state === "completed" || state === "failed" || state === "stopped";
		});
	}

	/** Whether one has failed for good. */
	get failed(): boolean {
		return [...this.#processes.values()].some(({ state }) => state === "failed");
	}

	/** Runs these processes (all: no names), with what they come after; one change at a time. */
	apply(plans: readonly ProcessPlan[], names: readonly string[]): Promise<ApplyResult> {
		const work = this.#applying.then(() => this.#apply(plans, names));
		this.#applying = work.catch(() => undefined);
		return work;
	}

	/** Ends a process and starts it again. Fails with `PROCESS_UNKNOWN`. */
	async restart(name: string): Promise<ProcessList> {
		const found = this.#require(name);
		await found.stop();
		this.#wanted.add(name);
		found.reset();
		this.#advance();
		return this.list();
	}

	/** Resolves when the named processes are ready or completed, one of them has failed, or the time (seconds) is over. */
	async wait(names: readonly string[], timeout: number, signal: AbortSignal): Promise<WaitResult> {
		const watched = names.length === 0 ? [...this.#wanted] : names;
		for (const name of watched) this.#require(name);
		const states = (): string[] => watched.map((name) => this.#processes.get(name)?.state ?? "failed");
		const isReady = (): boolean => states().every((state) => state === "running" || state === "completed");
		const { promise, resolve } = Promise.withResolvers<undefined>();
		const look = (): void => {
			if (isReady() || states().some((state) => state === "failed" || state === "stopped")) resolve(undefined);
		};
		const timer = setTimeout(() => {
			resolve(undefined);
		}, timeout * 1000);
		signal.addEventListener("abort", () => {
			resolve(undefined);
		});
		this.#watchers.add(look);
		look();
		await promise;
		clearTimeout(timer);
		this.#watchers.delete(look);
		return { ...this.list(), ready: isReady() };
	}

	/** Resolves when nothing runs any more by itself. */
	async untilOver(): Promise<void> {
		const { promise, resolve } = Promise.withResolvers<undefined>();
		const look = (): void => {
			if (this.over) resolve(undefined);
		};
		this.#watchers.add(look);
		look();
		await promise;
		this.#watchers.delete(look);
	}

	/** Ends all, dependents first. */
	stop(): Promise<void> {
		this.#ending ??= this.#stopAll([...this.#processes.keys()]).then(() => {
			for (const each of this.#processes.values()) each.close();
		});
		return this.#ending;
	}

	async #apply(plans: readonly ProcessPlan[], names: readonly string[]): Promise<ApplyResult> {
		const byName = new Map(plans.map((plan) => [plan.name, plan]));
		for (const name of names) if (!byName.has(name)) unknown(name, [...byName.keys()]);
		const ended = [...this.#processes.keys()].filter((name) => !byName.has(name));
		const changed = [...this.#processes]
			.filter(([name, each]) => byName.has(name) && JSON.stringify(byName.get(name)) !== JSON.stringify(each.plan))
			.map(([name]) => name);
		const ran = new Set([...this.#processes].filter(([, each]) => isActive(each)).map(([name]) => name));
		await this.#stopAll([...ended, ...changed]);
		for (const name of ended) {
			this.#processes.get(name)?.close();
			this.#processes.delete(name);
			this.#wanted.delete(name);
		}
		this.#ports = await assignPorts(plans, this.#ports);
		const wanted = withDependencies(names.length === 0 ? [...byName.keys()] : names, byName);
		const started: string[] = [];
		const restarted: string[] = [];
		for (const name of wanted) {
			const plan = byName.get(name);
			if (plan === undefined) continue;
			this.#wanted.add(name);
			const existing = this.#processes.get(name);
			if (existing === undefined) {
				this.#add(plan);
				started.push(name);
			} else if (changed.includes(name)) {
				existing.plan = plan;
				existing.reset();
				(ran.has(name) ? restarted : started).push(name);
			} else if (existing.state === "failed" || existing.state === "stopped") {
				existing.reset();
				started.push(name);
			}
		}
		// What is declared but not asked for is listed, and does not run.
		for (const [name, plan] of byName) if (!this.#processes.has(name)) void this.#add(plan).stop();
		for (const name of changed) {
			const [existing, plan] = [this.#processes.get(name), byName.get(name)];
			if (existing !== undefined && plan !== undefined) existing.plan = plan;
		}
		this.#advance();
		return { ...this.list(), started, restarted, ended };
	}

	#add(plan: ProcessPlan): ManagedProcess {
		const { world, onLine } = this.#options;
		const added = new ManagedProcess(plan, {
			world,
			onChange: () => {
				this.#changed(plan.name);
			},
			onLine: (line) => {
				onLine(plan.name, line);
			},
		});
		this.#processes.set(plan.name, added);
		return added;
	}

	#changed(name: string): void {
		const status = this.#processes.get(name)?.status;
		if (status !== undefined) {
			const key = `${status.state} ${status.reason}`;
			if (this.#told.get(name) !== key) this.#options.onState(status);
			this.#told.set(name, key);
		}
		this.#advance();
		for (const watcher of this.#watchers) watcher();
	}

	/** Starts what waits and need not any more. */
	#advance(): void {
		if (this.#ending !== undefined) return;
		for (const [name, each] of this.#processes) {
			if (each.state !== "waiting" || !this.#wanted.has(name)) continue;
			const verdict = this.#mayStart(each.plan);
			if (verdict === "yes") void each.start(this.#ports);
			else if (verdict !== "not yet") each.giveUp(verdict);
		}
	}

	/** `yes`, `not yet`, or why it never will. */
	#mayStart(plan: ProcessPlan): string {
		for (const { process: name, condition } of plan.after) {
			const state = this.#processes.get(name)?.state ?? "failed";
			if (state === "failed") return `'${name}' has failed`;
			if (state === "stopped" && condition !== "started") return `'${name}' was stopped`;
			const isDone = state === "completed";
			const far =
				condition === "completed"
					? isDone
					: condition === "ready"
						? isDone || state === "running"
						: isDone || state === "running" || state === "starting";
			if (!far) return "not yet";
		}
		return "yes";
	}

	/** Ends processes, each after those among them that come after it. */
	async #stopAll(names: readonly string[]): Promise<void> {
		const set = new Set(names);
		const ends = new Map<string, Promise<void>>();
		const end = (name: string): Promise<void> => {
			const known = ends.get(name);
			if (known !== undefined) return known;
			const dependents = [...this.#processes].filter(
				([other, each]) => set.has(other) && each.plan.after.some((dependency) => dependency.process === name),
			);
			const promise = Promise.all(dependents.map(([other]) => end(other))).then(() =>
				this.#processes.get(name)?.stop(),
			);
			ends.set(name, promise);
			return promise;
		};
		await Promise.all(names.map(end));
	}

	#require(name: string): ManagedProcess {
		return this.#processes.get(name) ?? unknown(name, [...this.#processes.keys()]);
	}
}

function unknown(name: string, known: readonly string[]): never {
	const near = nearestNames(name, known, { most: 1 })[0];
	fail("PROCESS_UNKNOWN", `there is no process '${name}'`, {
		hint: near === undefined ? `declared are: ${known.join(", ")}` : `did you mean '${near}'?`,
	});
}

function isActive({ state }: ManagedProcess): boolean {
	switch (state) {
		case "starting":
		case "running":
		case "restarting":
			return true;
		case "waiting":
		case "completed":
		case "failed":
		case "stopped":
			return false;
		default:
			return unreachable(state);
	}
}

/** The names with all that they come after. */
function withDependencies(names: readonly string[], plans: ReadonlyMap<string, ProcessPlan>): Set<string> {
	const all = new Set<string>();
	const pending = [...names];
	for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
		if (all.has(name)) continue;
		all.add(name);
		for (const { process } of plans.get(name)?.after ?? []) pending.push(process);
	}
	return all;
}
