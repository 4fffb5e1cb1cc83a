/**
 * One process of a project: started, watched until it is ready, started again, ended with all that it left. Layer 4. When it
 * starts is the supervisor's to say.
 *
 * States: see ProcessState of @devenv/protocol. Each start runs in a process group of its own.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessPlan, ProcessState, ProcessStatus } from "@devenv/protocol";
import { killMarked, MARK_VARIABLE, recordGroup, signalGroup } from "./leftovers.ts";
import { isListening, type PortTable, portVariables } from "./ports.ts";
import { ProcessLog } from "./process-log.ts";
import { isReady } from "./readiness.ts";

/** How to run shell text in the project's environment. */
export interface ProcessWorld {
	readonly command: (shellText: string) => readonly [program: string, ...args: string[]];
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** What the command is started with, so that what it runs has this environment. */
	readonly carry: (
		environment: Readonly<Record<string, string | undefined>>,
	) => Readonly<Record<string, string | undefined>>;
	readonly project: string;
	/** Folder of output files. */
	readonly logs: string;
	/** Begins the marks of all processes of this project. */
	readonly mark: string;
	/** File in which the groups that were started are written down. */
	readonly groups: string;
}

export interface ManagedProcessOptions {
	readonly world: ProcessWorld;
	readonly onChange: () => void;
	readonly onLine: (line: string) => void;
}

/** Seconds of work after which earlier failures count no more. */
const STEADY = 30;
/** Seconds between two starts at the most. */
const LONGEST_BACKOFF = 30;
/** Ends that trying again does not change: no such program, not executable, bad configuration (sysexits.h). */
const HOPELESS: ReadonlyMap<number, string> = new Map([
	[126, "its program cannot be executed (126)"],
	[127, "there is no such program (127)"],
	[78, "it cannot be set up (78)"],
]);

/** Milliseconds for what is in the pipes of a process that has ended. */
const OUTPUT_PATIENCE = 2000;

export class ManagedProcess {
	plan: ProcessPlan;
	readonly #options: ManagedProcessOptions;
	readonly #log: ProcessLog;
	#ports: PortTable = new Map();
	#state: ProcessState = "waiting";
	#since = performance.now();
	#reason = "";
	#child: ChildProcess | undefined;
	#exited: Promise<void> = Promise.resolve();
	#exitCode: number | null = null;
	#restarts = 0;
	/** Failures in a row. */
	#failures = 0;
	#matched = false;
	#stopping = false;
	#timer: NodeJS.Timeout | undefined;

	constructor(plan: ProcessPlan, options: ManagedProcessOptions) {
		this.plan = plan;
		this.#options = options;
		this.#log = new ProcessLog(`${options.world.logs}/${plan.name}.log`, (line) => {
			this.#line(line);
		});
	}

	get state(): ProcessState {
		return this.#state;
	}

	get status(): ProcessStatus {
		return {
			name: this.plan.name,
			state: this.#state,
			pid: this.#child?.pid ?? null,
			exitCode: this.#exitCode,
			restarts: this.#restarts,
			seconds: (performance.now() - this.#since) / 1000,
			reason: this.#reason,
			ports: [...(this.#ports.get(this.plan.name) ?? [])].map(([name, port]) => ({ name, port })),
			log: this.#log.path,
		};
	}

	/** Back to the beginning: what it waits for is looked at again. */
	reset(): void {
		clearTimeout(this.#timer);
		this.#failures = 0;
		this.#exitCode = null;
		this.#enter("waiting");
	}

	/** It will not be started: what it comes after has failed. */
	giveUp(reason: string): void {
		this.#enter("failed", reason);
	}

	/** Starts it; the process must not run. */
	async start(ports: PortTable): Promise<void> {
		this.#ports = ports;
		this.#stopping = false;
		this.#matched = false;
		this.#enter("starting");
		const taken = await this.#takenPort();
		// It may have been asked to end meanwhile.
		if (this.#state !== "starting") return;
		if (taken !== undefined) {
			this.#enter("failed", `its port ${taken} is taken by another program`);
			return;
		}
		const child = this.#spawn(this.plan.exec);
		if (child.pid !== undefined) recordGroup(this.#options.world.groups, child.pid);
		this.#child = child;
		const { promise, resolve } = Promise.withResolvers<undefined>();
		this.#exited = promise;
		for (const stream of [child.stdout, child.stderr]) {
			stream?.on("data", (chunk: Buffer) => {
				this.#log.write(chunk);
			});
		}
		let failure: string | undefined;
		child.once("error", (error) => {
			failure = error.message;
			if (child.pid === undefined) child.emit("exit", 127, null);
		});
		child.once("exit", (code, signal) => {
			void this.#ended(child, code ?? 128 + (signal === null ? 0 : constants.signals[signal]), failure).then(() => {
				resolve(undefined);
			});
		});
		if (this.plan.ready === null) this.#enter("running");
		else void this.#watchReadiness(child, this.plan.ready);
	}

	/** Ends it and what it left; resolves when all is gone. */
	async stop(): Promise<void> {
		clearTimeout(this.#timer);
		this.#stopping = true;
		const child = this.#child;
		if (child?.pid !== undefined) await this.#end(child.pid);
		if (this.#state !== "failed" && this.#state !== "completed") this.#enter("stopped");
	}

	close(): void {
		clearTimeout(this.#timer);
		this.#log.close();
	}

	#isAlive(): boolean {
		return this.#child !== undefined;
	}

	get #mark(): string {
		return `${this.#options.world.mark}/${this.plan.name}/`;
	}

	async #end(group: number): Promise<void> {
		const { signal, timeout } = this.plan.stop;
		signalGroup(group, `SIG${signal}` as NodeJS.Signals);
		const patience = new AbortController();
		await Promise.race([this.#exited, sleep(timeout * 1000, undefined, { signal: patience.signal, ref: false })]).catch(
			() => undefined,
		);
		patience.abort();
		if (this.#isAlive()) this.#log.note(`devenv: it did not end within ${timeout} seconds, and is killed`);
		signalGroup(group, "SIGKILL");
		await this.#exited;
	}

	#spawn(text: string, output: "pipe" | "ignore" = "pipe"): ChildProcess {
		const { world } = this.#options;
		const { plan } = this;
		const [program, ...args] = world.command(text);
		return spawn(program, args, {
			cwd: plan.cwd === "" ? world.project : `${world.project}/${plan.cwd}`,
			detached: true,
			env: world.carry({
				...world.environment,
				...portVariables(this.#ports, plan.name),
				...Object.fromEntries(plan.env.map(({ name, value }) => [name, value])),
				[MARK_VARIABLE]: `${this.#mark}${process.pid}`,
			}),
			stdio: ["ignore", output, output],
		});
	}

	async #takenPort(): Promise<number | undefined> {
		for (const port of this.#ports.get(this.plan.name)?.values() ?? []) if (await isListening(port)) return port;
		return undefined;
	}

	#line(line: string): void {
		const check = this.plan.ready?.check;
		if (!this.#matched && check?.kind === "log") this.#matched = new RegExp(check.pattern, "u").test(line);
		this.#options.onLine(line);
	}

	async #watchReadiness(child: ChildProcess, probe: NonNullable<ProcessPlan["ready"]>): Promise<void> {
		const end = performance.now() + probe.timeout * 1000;
		const context = {
			ports: this.#ports.get(this.plan.name) ?? new Map<string, number>(),
			run: (text: string, milliseconds: number) => this.#runProbe(text, milliseconds),
			matched: () => this.#matched,
		};
		const isOver = (): boolean => this.#child !== child || this.#stopping;
		// The first attempts come faster: most processes are ready soon.
		for (let pause = 50; ; pause = Math.min(pause * 2, probe.interval * 1000)) {
			const ready = await isReady(probe.check, context);
			if (isOver()) return;
			if (ready) {
				this.#enter("running");
				return;
			}
			if (performance.now() > end) break;
			await sleep(pause, undefined, { ref: false });
			if (isOver()) return;
		}
		this.#reason = `it was not ready within ${probe.timeout} seconds`;
		this.#log.note(`devenv: ${this.#reason}`);
		if (child.pid !== undefined) await this.#end(child.pid);
	}

	async #runProbe(text: string, milliseconds: number): Promise<number> {
		const child = this.#spawn(text, "ignore");
		const { promise, resolve } = Promise.withResolvers<number>();
		child.once("error", () => {
			resolve(127);
		});
		child.once("exit", (code) => {
			resolve(code ?? 128);
		});
		const timer = setTimeout(() => {
			if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
		}, milliseconds);
		const status = await promise;
		clearTimeout(timer);
		return status;
	}

	/** A start has ended: what it left is ended too, and it is decided what comes next. */
	async #ended(child: ChildProcess, code: number, failure: string | undefined): Promise<void> {
		if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
		await killMarked(this.#mark);
		await outputEnd(child);
		this.#log.flush();
		this.#child = undefined;
		this.#exitCode = code;
		const wasReady = this.#state === "running" && performance.now() - this.#since > STEADY * 1000;
		if (wasReady) this.#failures = 0;
		if (this.#stopping) {
			this.#enter("stopped");
			return;
		}
		const { policy, most, backoff } = this.plan.restart;
		const notReady = this.#state === "starting" && this.#reason !== "";
		const why = failure ?? (notReady ? this.#reason : HOPELESS.get(code)) ?? `it ended with ${code}`;
		if (code === 0 && !notReady && policy !== "always") {
			this.#enter("completed");
			return;
		}
		this.#failures++;
		const again = policy !== "never" && !HOPELESS.has(code) && this.#failures <= most;
		if (!again) {
			const times = this.#failures > 1 ? `, ${this.#failures} times in a row` : "";
			this.#enter("failed", `${why}${times}`);
			return;
		}
		const wait = Math.min(LONGEST_BACKOFF, backoff * 2 ** (this.#failures - 1));
		this.#enter("restarting", `${why}; it is started again in ${wait} s`);
		this.#timer = setTimeout(() => {
			this.#restarts++;
			this.#enter("waiting");
		}, wait * 1000);
	}

	#enter(state: ProcessState, reason = ""): void {
		this.#state = state;
		this.#reason = reason;
		this.#since = performance.now();
		this.#options.onChange();
	}
}

/** Resolves when all output has been read; what others still hold open is let go. */
async function outputEnd(child: ChildProcess): Promise<void> {
	const open = [child.stdout, child.stderr].filter((stream) => stream !== null && !stream.closed);
	const ends = open.map((stream) => new Promise((resolve) => stream?.once("close", resolve)));
	await Promise.race([Promise.all(ends), sleep(OUTPUT_PATIENCE, undefined, { ref: false })]);
	for (const stream of open) stream?.destroy();
}
