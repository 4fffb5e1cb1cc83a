/** The request that says why an environment was made anew. Layer 1 (pure). */

import { absolutePath, arrayOf, count, nullable, number, object, oneOf, string } from "./decoder.ts";
import type { Method } from "./methods.ts";

export interface ExplainRebuildParams {
	/** Folder that holds env.yaml. */
	readonly project: string;
	/** The generation to explain; null: the newest. */
	readonly generation: number | null;
}

/** Something that an evaluation depends on, and that differed from the time before. */
export interface RebuildCause {
	/**
	 * `option`: what env.yaml or env.local.yaml says; `input`: a locked revision; `lock`: env.lock beside that; `file`: one that
	 * evaluation read; `variable`: of the caller; `installation`: devenv's own package set.
	 */
	readonly kind: "option" | "input" | "lock" | "file" | "variable" | "installation";
	/** `packages jq`, `debian`, a path (from the project's folder on, where it lies there), `LANG`. */
	readonly name: string;
	readonly change: "added" | "removed" | "changed";
	/** `env.yaml:4`; null where there is none. */
	readonly place: string | null;
	/** Both sides where they are short and no secret: revisions, versions, the caller's variables. */
	readonly before: string | null;
	readonly after: string | null;
}

export interface ExplainRebuildResult {
	readonly generation: number;
	readonly time: number;
	/** The generation that it is compared with; null: it is the first that is known. */
	readonly previous: number | null;
	/** What changed in the environment, in one line. */
	readonly summary: string;
	/** Empty where everything that is recorded is the same. */
	readonly causes: readonly RebuildCause[];
}

export const explainRebuild: Method<ExplainRebuildParams, ExplainRebuildResult> = {
	name: "generations.explain",
	params: object<ExplainRebuildParams>({ project: absolutePath, generation: nullable(count) }),
	result: object<ExplainRebuildResult>({
		generation: count,
		time: number,
		previous: nullable(count),
		summary: string,
		causes: arrayOf(
			object<RebuildCause>({
				kind: oneOf("option", "input", "lock", "file", "variable", "installation"),
				name: string,
				change: oneOf("added", "removed", "changed"),
				place: nullable(string),
				before: nullable(string),
				after: nullable(string),
			}),
		),
	}),
	progress: false,
};
