/** Requests about a project's processes: what is to run, and what its supervisor answers. Layer 1 (pure). */

import type { Diagnostic } from "@devenv/diagnostics";
import {
	absolutePath,
	arrayOf,
	boolean,
	count,
	type Decoder,
	nullable,
	number,
	object,
	oneOf,
	recordOf,
	string,
	unionOf,
} from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import { type Method, type NoParams, type NoResult, type PrepareParams, prepareEnvironment } from "./methods.ts";

/** A process as it is to run: `ProcessSpec` of @devenv/env-file, which documents it. */
export interface ProcessPlan {
	readonly name: string;
	readonly exec: string;
	readonly description: string;
	readonly after: readonly { readonly process: string; readonly condition: "started" | "ready" | "completed" }[];
	readonly ready: ProbePlan | null;
	readonly restart: {
		readonly policy: "never" | "on_failure" | "always";
		readonly most: number;
		readonly backoff: number;
	};
	readonly ports: readonly { readonly name: string; readonly port: number | "auto" }[];
	readonly env: readonly { readonly name: string; readonly value: string }[];
	readonly cwd: string;
	readonly stop: { readonly signal: string; readonly timeout: number };
	/** Stands for the variables that the project sets: another value, other variables. */
	readonly variables: string;
}

export interface ProbePlan {
	readonly check:
		| { readonly kind: "exec"; readonly exec: string }
		| { readonly kind: "http"; readonly url: string }
		| { readonly kind: "port"; readonly port: string }
		| { readonly kind: "log"; readonly pattern: string };
	readonly interval: number;
	readonly timeout: number;
}

export interface PrepareProcessesResult {
	/** The activation stamp that they run in. */
	readonly stamp: string;
	readonly processes: readonly ProcessPlan[];
	/** The project's commands, with their text for the shell (empty `interpreter`) or another program. */
	readonly scripts: readonly {
		readonly name: string;
		readonly exec: string;
		readonly description: string;
		readonly interpreter: string;
	}[];
	/** env.lock was written by this request. */
	readonly lockWritten: boolean;
	readonly diagnostics: readonly Diagnostic[];
}

/**
 * - `waiting`: for others; `starting`: runs, not ready yet; `running`: ready; `restarting`: waits before the next start;
 * - `completed`: ended with 0 and stays so; `failed`: for good; `stopped`: was asked to.
 */
export type ProcessState = "waiting" | "starting" | "running" | "restarting" | "completed" | "failed" | "stopped";

export interface ProcessStatus {
	readonly name: string;
	readonly state: ProcessState;
	/** While it runs. */
	readonly pid: number | null;
	/** How it ended last: a status, 128 + N for signal N. */
	readonly exitCode: number | null;
	/** How often it was started again. */
	readonly restarts: number;
	/** Seconds in this state. */
	readonly seconds: number;
	/** Why it waits or failed; empty: nothing to say. */
	readonly reason: string;
	readonly ports: readonly { readonly name: string; readonly port: number }[];
	/** File of its output. */
	readonly log: string;
}

export interface ProcessList {
	/** Process id of the supervisor. */
	readonly supervisor: number;
	readonly processes: readonly ProcessStatus[];
}

export interface ApplyParams {
	readonly stamp: string;
	readonly processes: readonly ProcessPlan[];
	/** What is to run; empty: all. What they come after runs too. */
	readonly names: readonly string[];
}

export interface ApplyResult extends ProcessList {
	/** Started, restarted because they changed, ended because they are declared no more. */
	readonly started: readonly string[];
	readonly restarted: readonly string[];
	readonly ended: readonly string[];
}

export interface WaitParams {
	readonly names: readonly string[];
	/** Seconds. */
	readonly timeout: number;
}

export interface WaitResult extends ProcessList {
	/** Whether all are ready, or completed. */
	readonly ready: boolean;
}

type Check<Kind> = Extract<ProbePlan["check"], { readonly kind: Kind }>;

const port: Decoder<number | "auto"> = (value, path) => (value === "auto" ? value : count(value, path));
const variable = object<ProcessPlan["env"][number]>({ name: string, value: string });

export const processPlan: Decoder<ProcessPlan> = object<ProcessPlan>({
	name: string,
	exec: string,
	description: string,
	after: arrayOf(
		object<ProcessPlan["after"][number]>({ process: string, condition: oneOf("started", "ready", "completed") }),
	),
	ready: nullable(
		object<ProbePlan>({
			check: unionOf<ProbePlan["check"]>({
				exec: object<Check<"exec">>({ kind: oneOf("exec"), exec: string }),
				http: object<Check<"http">>({ kind: oneOf("http"), url: string }),
				port: object<Check<"port">>({ kind: oneOf("port"), port: string }),
				log: object<Check<"log">>({ kind: oneOf("log"), pattern: string }),
			}),
			interval: number,
			timeout: number,
		}),
	),
	restart: object<ProcessPlan["restart"]>({
		policy: oneOf("never", "on_failure", "always"),
		most: count,
		backoff: number,
	}),
	ports: arrayOf(object<ProcessPlan["ports"][number]>({ name: string, port })),
	env: arrayOf(variable),
	cwd: string,
	stop: object<ProcessPlan["stop"]>({ signal: string, timeout: number }),
	variables: string,
});

const processStatus = object<ProcessStatus>({
	name: string,
	state: oneOf("waiting", "starting", "running", "restarting", "completed", "failed", "stopped"),
	pid: nullable(count),
	exitCode: nullable(count),
	restarts: count,
	seconds: number,
	reason: string,
	ports: arrayOf(object<ProcessStatus["ports"][number]>({ name: string, port: count })),
	log: absolutePath,
});
const processList = { supervisor: count, processes: arrayOf(processStatus) };

/** What a supervisor is told when it is started, in a file that only the caller can read. */
export interface SupervisorOrder {
	readonly project: string;
	/** The activation stamp that the processes run in. */
	readonly stamp: string;
	readonly processes: readonly ProcessPlan[];
	/** What is to run; empty: all. */
	readonly names: readonly string[];
	/** The caller's environment, on which the processes' is built. */
	readonly environment: Readonly<Record<string, string>>;
	/** The compiled helper; null: `bwrap`, a path or a name. */
	readonly helper: string | null;
	readonly bwrap: string;
	/** Prints what the processes say, and ends with the last of them. */
	readonly foreground: boolean;
	readonly color: boolean;
}

export const supervisorOrder: Decoder<SupervisorOrder> = object<SupervisorOrder>({
	project: absolutePath,
	stamp: absolutePath,
	processes: arrayOf(processPlan),
	names: arrayOf(string),
	environment: recordOf(string),
	helper: nullable(absolutePath),
	bwrap: string,
	foreground: boolean,
	color: boolean,
});

/** As {@link prepareEnvironment}, with what is to run in the environment. */
export const prepareProcesses: Method<PrepareParams, PrepareProcessesResult> = {
	name: "processes.prepare",
	params: prepareEnvironment.params,
	result: object<PrepareProcessesResult>({
		stamp: absolutePath,
		processes: arrayOf(processPlan),
		scripts: arrayOf(
			object<PrepareProcessesResult["scripts"][number]>({
				name: string,
				exec: string,
				description: string,
				interpreter: string,
			}),
		),
		lockWritten: boolean,
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};

/** Of a supervisor: the processes. */
export const listProcesses: Method<NoParams, ProcessList> = {
	name: "supervisor.list",
	params: object<NoParams>({}),
	result: object<ProcessList>(processList),
	progress: false,
};

/** Of a supervisor: makes it run these processes, starting again what changed. */
export const applyProcesses: Method<ApplyParams, ApplyResult> = {
	name: "supervisor.apply",
	params: object<ApplyParams>({ stamp: absolutePath, processes: arrayOf(processPlan), names: arrayOf(string) }),
	result: object<ApplyResult>({
		...processList,
		started: arrayOf(string),
		restarted: arrayOf(string),
		ended: arrayOf(string),
	}),
	progress: false,
};

/** Of a supervisor: ends a process and starts it again. Fails with `PROCESS_UNKNOWN`. */
export const restartProcess: Method<{ readonly name: string }, ProcessList> = {
	name: "supervisor.restart",
	params: object<{ readonly name: string }>({ name: string }),
	result: object<ProcessList>(processList),
	progress: false,
};

/** Of a supervisor: answers when all named processes (all: none named) are ready or one of them failed, or in time. */
export const waitForProcesses: Method<WaitParams, WaitResult> = {
	name: "supervisor.wait",
	params: object<WaitParams>({ names: arrayOf(string), timeout: number }),
	result: object<WaitResult>({ ...processList, ready: boolean }),
	progress: false,
};

/** Of a supervisor: ends all processes, answers, and leaves. */
export const stopProcesses: Method<NoParams, NoResult> = {
	name: "supervisor.stop",
	params: object<NoParams>({}),
	result: object<NoResult>({}),
	progress: false,
};
