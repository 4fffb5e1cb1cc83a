/**
 * The build queue: a graph of goals, one per derivation however many requests want it.
 *
 * A request names derivations. Planning walks from them towards their inputs, stopping at what is valid already, and
 * makes or joins goals. A goal runs when its inputs have succeeded and the schedule of its class gives it a slot. Each goal knows the
 * requests that want it: a goal that nobody wants any more is aborted. A failed goal fails what depends on it; a request
 * that does not keep going ends at its first failure and lets go of the rest.
 *
 * What a request says that can be fetched is a goal without inputs, among the downloads; where that comes to nothing the goal
 * is planned again, with its inputs.
 *
 * Layer 3. Knows neither store nor builders: {@link QueueBackend} has them.
 */

import type { EngineEvent, EngineListener, StepIdentity } from "../engine-event.ts";
import type { BuildWishes } from "../realise/build-policy.ts";
import { BuildCancelled, type BuildFailure, failureOf } from "./build-failure.ts";
import { Schedule } from "./schedule.ts";

/** What a class of work competes for: the network, or a processor. */
export type SlotClass = "fetch" | "build";

/** Names of the wanted outputs by derivation. */
export type Wanted = ReadonlyMap<string, readonly string[]>;

export type Plan =
	/** The wanted outputs are in the store. */
	| { readonly kind: "valid" }
	/** They have to be made, after these inputs. */
	| { readonly kind: "needed"; readonly name: string; readonly slot: SlotClass; readonly inputs: Wanted };

export interface RealiseContext {
	/** Of the request that this work was begun for. */
	readonly wishes: BuildWishes;
	/** Aborted when nobody waits for this derivation any more. */
	readonly signal: AbortSignal;
	/** Tells everyone who waits. */
	readonly emit: EngineListener;
}

/** What the queue needs to know of derivations. */
export interface QueueBackend {
	/** Called again after the inputs are made when planning was long ago; must be cheap. `check`: what is valid is to be built again. */
	plan(drvPath: string, outputs: readonly string[], check: boolean): Plan;
	/** Makes the outputs valid (or builds them again, as the wishes say), or throws. Inputs are valid when it is called. */
	realise(drvPath: string, context: RealiseContext): Promise<void>;
	/**
	 * Fetches outputs that are made elsewhere. Whether they are valid then is asked by `plan`; if they are not, the result names
	 * derivations that they depend on and that can be fetched. Throws only when it is aborted.
	 */
	substitute?(drvPath: string, outputs: readonly string[], context: RealiseContext): Promise<ReadonlySet<string>>;
}

export interface QueueLimits {
	/** Builds at once. */
	readonly builds: number;
	/** Downloads at once. */
	readonly fetches: number;
}

export interface QueueRequest {
	readonly onEvent?: EngineListener;
	readonly signal?: AbortSignal;
	/** Go on with what does not depend on a failure; default false. */
	readonly keepGoing?: boolean;
	/** How to build; `check` is meant for the derivations named, not for their inputs. */
	readonly wishes?: BuildWishes;
	/** Derivations whose outputs are to be fetched as they are made elsewhere; default: none. */
	readonly substitutable?: ReadonlySet<string>;
}

/** What a request ended with: empty when all succeeded. */
export interface QueueResult {
	readonly failures: readonly BuildFailure[];
}

export interface RunningGoal extends StepIdentity {
	/** Milliseconds since the epoch. */
	readonly since: number;
}

interface Goal extends StepIdentity {
	/** By which it is found: the derivation, and whether it is built again. */
	readonly key: string;
	readonly wishes: BuildWishes;
	slot: SlotClass;
	/** The outputs that are being fetched instead of made; undefined once they are to be made. */
	substituted: Set<string> | undefined;
	readonly controller: AbortController;
	/** Goals that this one waits for. */
	readonly waitsFor: Set<Goal>;
	readonly dependents: Set<Goal>;
	readonly wantedBy: Set<Request>;
	/** Length of the longest chain of goals that ends with this one waiting to be made. */
	height: number;
	state: "waiting" | "ready" | "running" | "ended";
	since: number;
}

interface Request {
	readonly goals: Set<Goal>;
	readonly onEvent: EngineListener;
	readonly keepGoing: boolean;
	readonly wishes: BuildWishes;
	readonly substitutable: ReadonlySet<string>;
	readonly failures: BuildFailure[];
	readonly settle: (error: unknown) => void;
	open: number;
	settled: boolean;
}

/** What goals are planned for. */
interface Planning {
	readonly request: Request;
	/** New goals are added here. */
	readonly made: Goal[];
	/** The goal whose inputs are planned. */
	readonly dependent?: Goal;
	/** Default: that of the request. */
	readonly substitutable?: ReadonlySet<string>;
}

export class BuildQueue {
	readonly #backend: QueueBackend;
	readonly #schedules: Readonly<Record<SlotClass, Schedule<Request, Goal>>>;
	readonly #goals = new Map<string, Goal>();
	readonly #idle = new Set<() => void>();
	/** Goals whose work has not come to rest, aborted ones included. */
	#active = 0;

	constructor(backend: QueueBackend, limits: QueueLimits) {
		this.#backend = backend;
		const scheduleOf = (slot: SlotClass, limit: number): Schedule<Request, Goal> =>
			new Schedule(limit, (goal) => goal.state === "ready" && goal.slot === slot);
		this.#schedules = { build: scheduleOf("build", limits.builds), fetch: scheduleOf("fetch", limits.fetches) };
	}

	/** The goals at work now, oldest first. */
	get running(): readonly RunningGoal[] {
		return [...this.#goals.values()]
			.filter((goal) => goal.state === "running")
			.map(({ drvPath, name, since }) => ({ drvPath, name, since }))
			.sort((a, b) => a.since - b.since);
	}

	/** Resolves when no goal is left and aborted work has come to rest. */
	whenIdle(): Promise<void> {
		if (this.#goals.size === 0 && this.#active === 0) return Promise.resolve();
		return new Promise((resolve) => this.#idle.add(resolve));
	}

	/**
	 * Makes the wanted outputs valid. Resolves with the failures (one when not keeping going); rejects with
	 * {@link BuildCancelled} when the signal aborts, and with whatever the backend's `plan` throws.
	 */
	async request(wanted: Wanted, options: QueueRequest = {}): Promise<QueueResult> {
		const { promise, resolve, reject } = Promise.withResolvers<undefined>();
		const request: Request = {
			goals: new Set(),
			onEvent: options.onEvent ?? (() => undefined),
			keepGoing: options.keepGoing ?? false,
			wishes: options.wishes ?? {},
			substitutable: options.substitutable ?? new Set(),
			failures: [],
			open: 0,
			settled: false,
			settle: (error) => {
				if (request.settled) return;
				request.settled = true;
				this.#release(request);
				if (error === undefined) resolve(undefined);
				else reject(error);
			},
		};
		const abort = (): void => request.settle(new BuildCancelled());
		if (options.signal?.aborted === true) throw new BuildCancelled();
		options.signal?.addEventListener("abort", abort, { once: true });
		try {
			this.#admit(wanted, request);
			await promise;
		} finally {
			options.signal?.removeEventListener("abort", abort);
		}
		return { failures: request.failures };
	}

	/** Plans a request and starts what is ready. */
	#admit(wanted: Wanted, request: Request): void {
		const made: Goal[] = [];
		try {
			this.#planGoals(wanted, { request, made });
		} catch (error) {
			for (const goal of made) this.#remove(goal);
			request.settle(error);
			return;
		}
		const goals = [...request.goals];
		const fetches = goals.filter((goal) => goal.slot === "fetch").length;
		request.open = goals.length;
		if (goals.length === 0) {
			request.settle(undefined);
			return;
		}
		request.onEvent({ kind: "planned", builds: goals.length - fetches, fetches });
		for (const goal of goals) {
			if (goal.state === "running" && goal.slot === "build") {
				request.onEvent({ kind: "building", drvPath: goal.drvPath, name: goal.name });
			}
		}
		this.#measure(request);
		for (const goal of made) this.#readyIfFree(goal);
		// Goals of others that are ready already are wanted more than before.
		for (const goal of goals) if (goal.state === "ready") this.#offer(goal, [request]);
		this.#startAll();
	}

	/** Heights of a request's goals, dependents before what they wait for. */
	#measure({ goals }: Request): void {
		const open = new Map<Goal, number>();
		for (const goal of goals) for (const input of goal.waitsFor) open.set(input, (open.get(input) ?? 0) + 1);
		const next = [...goals].filter((goal) => !open.has(goal));
		for (let goal = next.pop(); goal !== undefined; goal = next.pop()) {
			for (const input of goal.waitsFor) {
				input.height = Math.max(input.height, goal.height + 1);
				const left = (open.get(input) ?? 0) - 1;
				open.set(input, left);
				if (left === 0) next.push(input);
			}
		}
	}

	/** Walks from the wanted derivations to their inputs without recursion: chains can be thousands long. */
	#planGoals(
		wanted: Wanted,
		{ request, made, dependent: first, substitutable = request.substitutable }: Planning,
	): void {
		const pending: { drvPath: string; outputs: readonly string[]; dependent: Goal | undefined }[] = [];
		const { check = false, ...wishes } = request.wishes;
		const push = (inputs: Wanted, dependent: Goal | undefined): void => {
			for (const [drvPath, outputs] of inputs) pending.push({ drvPath, outputs, dependent });
		};
		push(wanted, first);
		const valid = new Set<string>();
		for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
			const { drvPath, outputs, dependent } = next;
			const again = check && dependent === undefined;
			const asked = `${drvPath}!${outputs.join(",")}`;
			if (!again && valid.has(asked)) continue;
			const key = again ? `${drvPath} again` : drvPath;
			let goal = this.#goals.get(key);
			if (goal === undefined) {
				const plan = this.#backend.plan(drvPath, outputs, again);
				if (plan.kind === "valid") {
					valid.add(asked);
					continue;
				}
				const fetched = !again && substitutable.has(drvPath);
				goal = {
					key,
					wishes: again ? request.wishes : wishes,
					drvPath,
					name: plan.name,
					slot: fetched ? "fetch" : plan.slot,
					substituted: fetched ? new Set(outputs) : undefined,
					controller: new AbortController(),
					waitsFor: new Set(),
					dependents: new Set(),
					wantedBy: new Set([request]),
					height: 1,
					state: "waiting",
					since: 0,
				};
				this.#goals.set(key, goal);
				made.push(goal);
				request.goals.add(goal);
				if (!fetched) push(plan.inputs, goal);
			} else {
				for (const output of outputs) goal.substituted?.add(output);
				this.#join(goal, request);
			}
			if (dependent !== undefined && dependent !== goal) {
				dependent.waitsFor.add(goal);
				goal.dependents.add(dependent);
			}
		}
	}

	/** Adds a request to a goal that exists, and to all that it waits for. */
	#join(goal: Goal, request: Request): void {
		const pending = [goal];
		for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
			if (next.wantedBy.has(request)) continue;
			next.wantedBy.add(request);
			request.goals.add(next);
			pending.push(...next.waitsFor);
		}
	}

	#readyIfFree(goal: Goal): void {
		if (goal.state !== "waiting" || goal.waitsFor.size > 0) return;
		goal.state = "ready";
		this.#offer(goal, goal.wantedBy);
	}

	#offer(goal: Goal, requests: Iterable<Request>): void {
		this.#schedules[goal.slot].add(goal, requests, goal.height);
	}

	/** Fills the free slots. */
	#startAll(): void {
		for (const schedule of Object.values(this.#schedules)) {
			for (;;) {
				const goal = schedule.take(({ wantedBy }) => wantedBy);
				if (goal === undefined) break;
				void this.#run(goal);
			}
		}
	}

	async #run(goal: Goal): Promise<void> {
		const { drvPath, name, controller, wishes, slot, substituted } = goal;
		const emit = (event: EngineEvent): void => {
			for (const request of [...goal.wantedBy]) request.onEvent(event);
		};
		this.#active++;
		goal.state = "running";
		goal.since = Date.now();
		const context = { wishes, signal: controller.signal, emit };
		try {
			if (substituted !== undefined) {
				const others = await this.#backend.substitute?.(drvPath, [...substituted], context);
				if (!hasEnded(goal)) this.#concludeSubstitution(goal, substituted, others ?? new Set());
				return;
			}
			if (slot === "build") emit({ kind: "building", drvPath, name });
			await this.#backend.realise(drvPath, context);
			if (!hasEnded(goal)) {
				if (slot === "build") emit({ kind: "built", drvPath, name });
				this.#succeed(goal);
			}
		} catch (error) {
			if (!hasEnded(goal)) {
				const failure = failureOf(error, goal);
				emit({ kind: "failed", drvPath, name, message: failure.message });
				this.#fail(goal, failure);
			}
		} finally {
			this.#active--;
			this.#schedules[slot].done(goal);
			this.#startAll();
			this.#announceIdle();
		}
	}

	/** Where not all that is wanted by now has come, it is to be made, after its inputs. */
	#concludeSubstitution(goal: Goal, outputs: ReadonlySet<string>, substitutable: ReadonlySet<string>): void {
		const plan = this.#backend.plan(goal.drvPath, [...outputs], false);
		if (plan.kind === "valid") {
			this.#succeed(goal);
			return;
		}
		goal.state = "waiting";
		goal.slot = plan.slot;
		goal.substituted = undefined;
		const made: Goal[] = [];
		try {
			for (const request of goal.wantedBy) {
				this.#planGoals(plan.inputs, { request, made, dependent: goal, substitutable });
				request.open = request.goals.size;
				this.#measure(request);
			}
		} catch (error) {
			for (const each of made) this.#remove(each);
			for (const request of goal.wantedBy) {
				for (const each of made) request.goals.delete(each);
				request.open = request.goals.size;
			}
			throw error;
		}
		for (const each of [...made, goal]) this.#readyIfFree(each);
	}

	#succeed(goal: Goal): void {
		this.#remove(goal);
		for (const dependent of goal.dependents) {
			dependent.waitsFor.delete(goal);
			this.#readyIfFree(dependent);
		}
		for (const request of [...goal.wantedBy]) this.#close(goal, request);
	}

	/** Ends a goal and everything that waits for it; each request hears of the failure once. */
	#fail(goal: Goal, failure: BuildFailure): void {
		const lost = [goal];
		const seen = new Set(lost);
		const requests = new Set<Request>();
		for (const each of lost) {
			this.#remove(each);
			for (const request of each.wantedBy) requests.add(request);
			for (const dependent of each.dependents) {
				if (seen.has(dependent)) continue;
				seen.add(dependent);
				lost.push(dependent);
			}
		}
		for (const request of requests) {
			request.failures.push(failure);
			if (!request.keepGoing) request.settle(undefined);
		}
		for (const each of lost) {
			for (const request of [...each.wantedBy]) this.#close(each, request);
		}
	}

	#close(goal: Goal, request: Request): void {
		if (!request.goals.delete(goal)) return;
		goal.wantedBy.delete(request);
		request.open--;
		if (request.open === 0) request.settle(undefined);
	}

	/** A request lets go of its goals; those that nobody else wants are aborted. */
	#release(request: Request): void {
		for (const schedule of Object.values(this.#schedules)) schedule.forget(request);
		for (const goal of request.goals) {
			goal.wantedBy.delete(request);
			if (goal.wantedBy.size > 0 || goal.state === "ended") continue;
			this.#remove(goal);
			goal.controller.abort(new BuildCancelled());
		}
		request.goals.clear();
	}

	#remove(goal: Goal): void {
		goal.state = "ended";
		if (this.#goals.get(goal.key) === goal) this.#goals.delete(goal.key);
		for (const input of goal.waitsFor) input.dependents.delete(goal);
		this.#announceIdle();
	}

	#announceIdle(): void {
		if (this.#goals.size > 0 || this.#active > 0) return;
		for (const resolve of this.#idle) resolve();
		this.#idle.clear();
	}
}

/** Asked anew: somebody may have let go of the goal since. */
function hasEnded(goal: Goal): boolean {
	return goal.state === "ended";
}
