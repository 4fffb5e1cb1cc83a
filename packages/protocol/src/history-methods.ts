/** Requests about a project's generations: the environments it had. Layer 1 (pure). */

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
	optional,
	recordOf,
	string,
} from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import type { Method, ProjectParams } from "./methods.ts";

export interface HistoryParams {
	/** Folder that holds env.yaml. */
	readonly project: string;
}

/** One environment that the project had. */
export interface GenerationInfo {
	/** From 1; never given twice. */
	readonly number: number;
	/** Milliseconds since 1970 when it was first prepared. */
	readonly time: number;
	/** Store path of the environment, and whether it is still in the store. */
	readonly environment: string;
	readonly ready: boolean;
	/** SHA-256, base 16, of env.lock, and of env.yaml with env.local.yaml. */
	readonly lock: string;
	readonly spec: string;
	/** What changed from the generation before, in one line; of the first, what it has. */
	readonly summary: string;
	/** Shells that open now get this one. */
	readonly current: boolean;
}

export interface HistoryResult {
	readonly project: string;
	/** The newest last. */
	readonly generations: readonly GenerationInfo[];
	/** The generation that `devenv rollback` went back to, while that holds. */
	readonly rolledBackTo: number | null;
}

export interface DiffParams extends ProjectParams {
	/** Numbers of generations. `from` null: the current one; `to` null: what the files say now. */
	readonly from: number | null;
	readonly to: number | null;
}

/** What is compared: a generation, or (null) what the files say now. */
export interface GenerationLabel {
	readonly generation: number | null;
	readonly time: number | null;
	readonly environment: string;
}

/** A text that differs; null where there is none on that side. */
export interface TextChange {
	readonly name: string;
	readonly before: string | null;
	readonly after: string | null;
}

/** How many packages there are in the roots, with all that those asked for need. */
export interface CountedChange {
	readonly before: number;
	readonly after: number;
	/** Those that differ, by name. */
	readonly changes: readonly TextChange[];
}

export interface DiffResult {
	readonly before: GenerationLabel;
	readonly after: GenerationLabel;
	/** In one line; empty: nothing differs that people ask for. */
	readonly summary: string;
	/** Versions of what env.yaml names. */
	readonly packages: readonly TextChange[];
	readonly closure: CountedChange;
	readonly variables: readonly TextChange[];
	/** Texts that are run: `enter_shell`. */
	readonly scripts: readonly TextChange[];
	/** Folders that come first on PATH, joined by colons. */
	readonly path: readonly TextChange[];
	/** The revisions of inputs. */
	readonly inputs: readonly TextChange[];
	readonly diagnostics: readonly Diagnostic[];
}

export interface RollbackParams extends ProjectParams {
	readonly uid: number;
	readonly gid: number;
	readonly groups: readonly number[];
	/** Null: the one before the current one. */
	readonly generation: number | null;
}

export interface RollbackResult {
	readonly from: number;
	readonly to: number;
	/** How many shells of the project are open. */
	readonly shells: number;
	/** What changes for them, in one line. */
	readonly summary: string;
	readonly diagnostics: readonly Diagnostic[];
}

const project = { project: absolutePath, variables: recordOf(string), offline: optional(boolean) };
const label = object<GenerationLabel>({
	generation: nullable(count),
	time: nullable(number),
	environment: string,
});
const change: Decoder<TextChange> = object<TextChange>({
	name: string,
	before: nullable(string),
	after: nullable(string),
});

export const listGenerations: Method<HistoryParams, HistoryResult> = {
	name: "generations.list",
	params: object<HistoryParams>({ project: absolutePath }),
	result: object<HistoryResult>({
		project: absolutePath,
		generations: arrayOf(
			object<GenerationInfo>({
				number: count,
				time: number,
				environment: string,
				ready: boolean,
				lock: string,
				spec: string,
				summary: string,
				current: boolean,
			}),
		),
		rolledBackTo: nullable(count),
	}),
	progress: false,
};

/** Compares two generations, or one with what the files say now, which is evaluated but not built. */
export const diffGenerations: Method<DiffParams, DiffResult> = {
	name: "generations.diff",
	params: object<DiffParams>({ ...project, from: nullable(count), to: nullable(count) }),
	result: object<DiffResult>({
		before: label,
		after: label,
		summary: string,
		packages: arrayOf(change),
		closure: object<CountedChange>({ before: count, after: count, changes: arrayOf(change) }),
		variables: arrayOf(change),
		scripts: arrayOf(change),
		path: arrayOf(change),
		inputs: arrayOf(change),
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};

/** Has open and new shells use an earlier generation until the project's files change or a reload is asked for. */
export const rollBack: Method<RollbackParams, RollbackResult> = {
	name: "generations.rollback",
	params: object<RollbackParams>({
		...project,
		uid: count,
		gid: count,
		groups: arrayOf(count),
		generation: nullable(count),
	}),
	result: object<RollbackResult>({
		from: count,
		to: count,
		shells: count,
		summary: string,
		diagnostics: arrayOf(diagnostic),
	}),
	progress: true,
};
