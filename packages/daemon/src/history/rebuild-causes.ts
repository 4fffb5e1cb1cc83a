/** Why a generation differs from the one before: which recorded inputs of the two evaluations differ. Layer 4 (pure). */

import { isAbsolute, relative } from "node:path";
import type { RebuildCause } from "@devenv/protocol";
import type { Generation, NamedText } from "./generation-record.ts";

/** What is looked at of a generation. */
export type Explained = Pick<Generation, "lock" | "evidence">;

/** What the user wrote comes first, then what came from elsewhere; each sorted by name. `project`: its folder. */
export function rebuildCauses(project: string, before: Explained, after: Explained): RebuildCause[] {
	const [old, fresh] = [before.evidence, after.evidence];
	const inputs = textCauses("input", old.inputs, fresh.inputs).map((cause) => ({ ...cause, place: "env.lock" }));
	const lock = before.lock === after.lock || inputs.length > 0 ? [] : [changed("lock", "env.lock", "env.lock")];
	const installation =
		old.version === fresh.version
			? []
			: [{ ...changed("installation", "devenv", null), before: old.version, after: fresh.version }];
	return [...optionCauses(old, fresh), ...inputs, ...lock, ...fileCauses(project, old, fresh)].concat(
		textCauses("variable", old.variables, fresh.variables),
		installation,
	);
}

function optionCauses(old: Explained["evidence"], fresh: Explained["evidence"]): RebuildCause[] {
	const places = (list: Explained["evidence"]["options"]): Map<string, string | null> =>
		new Map(list.map(({ option, place }) => [option, place]));
	const [oldPlaces, freshPlaces] = [places(old.options), places(fresh.options)];
	return differing(
		old.options.map(({ option, digest }) => [option, digest]),
		fresh.options.map(({ option, digest }) => [option, digest]),
	).map(({ name, change }) => ({
		kind: "option",
		name,
		change,
		place: freshPlaces.get(name) ?? oldPlaces.get(name) ?? null,
		before: null,
		after: null,
	}));
}

function fileCauses(project: string, old: Explained["evidence"], fresh: Explained["evidence"]): RebuildCause[] {
	// A path may be read in several ways; `absent` is a state like any other, and what was not read then is no cause.
	const states = ({ reads }: Explained["evidence"]): [string, string][] => {
		const byPath = Map.groupBy(reads, ({ path }) => path);
		return [...byPath].map(([path, all]) => [path, JSON.stringify(all.map(({ kind, content }) => [kind, content]))]);
	};
	const isAbsent = (evidence: Explained["evidence"], path: string): boolean => {
		const all = evidence.reads.filter((each) => each.path === path);
		return all.every(({ kind }) => kind === "absent");
	};
	return differing(states(old), states(fresh)).flatMap(({ name: path }): RebuildCause[] => {
		const [was, is] = [!isAbsent(old, path), !isAbsent(fresh, path)];
		if (!was && !is) return []; // looked for at one time only, and not found
		const inside = relative(project, path);
		const name = inside.startsWith("..") || isAbsolute(inside) ? path : inside;
		return [{ ...changed("file", name, null), change: was && is ? "changed" : is ? "added" : "removed" }];
	});
}

function textCauses(
	kind: "input" | "variable",
	old: readonly NamedText[],
	fresh: readonly NamedText[],
): RebuildCause[] {
	const pairs = (list: readonly NamedText[]): [string, string][] => list.map(({ name, value }) => [name, value]);
	return differing(pairs(old), pairs(fresh)).map(({ name, change, before, after }) => ({
		kind,
		name,
		change,
		place: null,
		before,
		after,
	}));
}

function changed(kind: RebuildCause["kind"], name: string, place: string | null): RebuildCause {
	return { kind, name, change: "changed", place, before: null, after: null };
}

interface Differing {
	readonly name: string;
	readonly change: RebuildCause["change"];
	readonly before: string | null;
	readonly after: string | null;
}

function differing(
	old: readonly (readonly [name: string, state: string])[],
	fresh: readonly (readonly [name: string, state: string])[],
): Differing[] {
	const [before, after] = [new Map(old), new Map(fresh)];
	return [...new Set([...before.keys(), ...after.keys()])]
		.sort()
		.filter((name) => before.get(name) !== after.get(name))
		.map((name) => ({
			name,
			change: !before.has(name) ? "added" : !after.has(name) ? "removed" : "changed",
			before: before.get(name) ?? null,
			after: after.get(name) ?? null,
		}));
}
