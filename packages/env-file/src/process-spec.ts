/** What env.yaml says of a project's processes, checked and with defaults filled in. Layer 1 (pure): plain data. */

import type { EnvVariable, Located } from "./env-spec.ts";

/** What has to have happened to a process before another one starts. */
export type DependencyCondition = "started" | "ready" | "completed";

export interface ProcessDependency {
	readonly process: string;
	readonly condition: DependencyCondition;
}

/** How it is known that a process does its work. Times in seconds. */
export interface ReadyProbe {
	readonly check: /** Shell text, run like the process itself; ready when it ends with 0. */
		| { readonly kind: "exec"; readonly exec: string }
		/** A GET request; ready when the status is below 400. */
		| { readonly kind: "http"; readonly url: string }
		/** A port of this machine: a number, or the name of one of the process's ports; ready when it takes connections. */
		| { readonly kind: "port"; readonly port: string }
		/** A regular expression (JavaScript's, with the flag `u`); ready when a line of output matches. */
		| { readonly kind: "log"; readonly pattern: string };
	/** Between two attempts. */
	readonly interval: number;
	/** After which the process counts as failed. */
	readonly timeout: number;
}

export interface RestartRule {
	readonly policy: "never" | "on_failure" | "always";
	/** How often in a row. */
	readonly most: number;
	/** Seconds before the first; doubled for each further one in a row. */
	readonly backoff: number;
}

export interface PortSpec {
	readonly name: string;
	/** `auto`: any free one. */
	readonly port: number | "auto";
}

export interface StopRule {
	/** Without `SIG`: `TERM`. */
	readonly signal: string;
	/** Seconds after which it is killed. */
	readonly timeout: number;
}

export interface ProcessSpec {
	readonly name: string;
	/** Shell text. */
	readonly exec: string;
	/** Empty: none. */
	readonly description: string;
	readonly after: readonly ProcessDependency[];
	/** Null: ready as soon as it has started. */
	readonly ready: ReadyProbe | null;
	readonly restart: RestartRule;
	readonly ports: readonly PortSpec[];
	readonly env: readonly Omit<EnvVariable, "location">[];
	/** Relative to the project; empty: the project itself. */
	readonly cwd: string;
	readonly stop: StopRule;
}

/** One file's declaration of a process: what was not written is absent. */
export interface ProcessDeclaration {
	readonly exec: Located<string>;
	readonly description?: Located<string>;
	readonly after?: readonly Located<string>[];
	readonly ready?: ReadyDeclaration;
	readonly restart?: RestartDeclaration;
	readonly ports?: readonly (readonly [string, number | "auto"])[];
	readonly env?: readonly (readonly [string, Located<string>])[];
	readonly cwd?: Located<string>;
	readonly stop?: StopDeclaration;
}

export interface ReadyDeclaration {
	readonly exec?: Located<string>;
	readonly http?: Located<string>;
	readonly port?: Located<string>;
	readonly log?: Located<string>;
	readonly interval?: number;
	readonly timeout?: number;
}

export interface RestartDeclaration {
	readonly policy?: RestartRule["policy"];
	readonly max?: number;
	readonly backoff?: number;
}

export interface StopDeclaration {
	readonly signal?: string;
	readonly timeout?: number;
}
