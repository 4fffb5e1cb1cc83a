/** What differs between two environments, in all details; environment-summary.ts says it in one line. Layer 2 (pure). */

import type { EnvironmentDescription } from "./activation-request.ts";

/** A text that differs; null where there is none on that side. */
export interface TextDifference {
	readonly name: string;
	readonly before: string | null;
	readonly after: string | null;
}

export interface EnvironmentComparison {
	/** Versions of what was asked for, by attribute. */
	readonly packages: readonly TextDifference[];
	/** Values. */
	readonly variables: readonly TextDifference[];
	/** Texts that are run. */
	readonly scripts: readonly TextDifference[];
	/** Folders that come first on PATH, joined by colons. */
	readonly path: readonly TextDifference[];
}

/** What both sides have equal is left out; sorted by name. */
export function compareEnvironments(
	before: EnvironmentDescription,
	after: EnvironmentDescription,
): EnvironmentComparison {
	const versions = ({ packages }: EnvironmentDescription): [string, string][] =>
		packages.map(({ attr, version }) => [attr, version]);
	const script = ({ enterShell }: EnvironmentDescription): [string, string][] =>
		enterShell === "" ? [] : [["enter_shell", enterShell]];
	const path = (one: EnvironmentDescription): [string, string][] => [["PATH", one.path.join(":")]];
	return {
		packages: differences(versions(before), versions(after)),
		variables: differences(Object.entries(before.variables), Object.entries(after.variables)),
		scripts: differences(script(before), script(after)),
		path: differences(path(before), path(after)),
	};
}

/** Named texts of both sides that differ, sorted by name. */
export function differences(
	before: Iterable<readonly [name: string, text: string]>,
	after: Iterable<readonly [name: string, text: string]>,
): TextDifference[] {
	const [old, fresh] = [new Map(before), new Map(after)];
	return [...new Set([...old.keys(), ...fresh.keys()])]
		.sort()
		.map((name) => ({ name, before: old.get(name) ?? null, after: fresh.get(name) ?? null }))
		.filter((each) => each.before !== each.after);
}
