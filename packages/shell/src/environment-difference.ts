/**
 * The difference between two environments as a list of changes, which can be applied to a third: the user's own, whatever
 * it holds by then. Layer 2 (this module is pure).
 */

import { unreachable } from "@devenv/diagnostics";
import type { Variables } from "./activation-request.ts";

/** One change; a stamp holds a list of them, applied in order (native/launch.c does the same as {@link applyChanges}). */
export type EnvironmentChange =
	| { readonly kind: "set"; readonly name: string; readonly value: string }
	| { readonly kind: "unset"; readonly name: string }
	/** Elements come first; where they are there already they move. `value` joins its elements by `separator`. */
	| { readonly kind: "prepend"; readonly name: string; readonly separator: string; readonly value: string }
	/** Elements come last; where they are there already they move. */
	| { readonly kind: "append"; readonly name: string; readonly separator: string; readonly value: string }
	/** A path in a tree of the host that the view hides is replaced by its place under the host's tree. At entry only. */
	| { readonly kind: "rehost"; readonly name: string }
	/** A command's short name. In interactive shells only: no process inherits it, and no stamp holds it. */
	| { readonly kind: "alias"; readonly name: string; readonly value: string };

/** Variables that hold lists, with their separator. */
const listSeparators: ReadonlyMap<string, string> = new Map([
	["PATH", ":"],
	["MANPATH", ":"],
	["INFOPATH", ":"],
	["XDG_DATA_DIRS", ":"],
	["XDG_CONFIG_DIRS", ":"],
	["PKG_CONFIG_PATH", ":"],
	["PYTHONPATH", ":"],
	["NODE_PATH", ":"],
	["CMAKE_PREFIX_PATH", ":"],
	["TERMINFO_DIRS", ":"],
]);

/** Variables that belong to one process or shell, never to an environment. */
const volatile: ReadonlySet<string> = new Set(["_", "PWD", "OLDPWD", "SHLVL", "BASH_EXECUTION_STRING"]);

/**
 * What turns `before` into `after`, sorted by name. A list variable whose old elements all remain becomes `prepend` and
 * `append` of the new ones, so that it joins whatever list the user has.
 */
export function environmentDifference(before: Variables, after: Variables): EnvironmentChange[] {
	const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
		.filter((name) => !volatile.has(name))
		.sort();
	const value = (from: Variables, name: string): string | undefined =>
		Object.hasOwn(from, name) ? from[name] : undefined;
	return names.flatMap((name) => variableDifference(name, value(before, name), value(after, name)));
}

function variableDifference(name: string, before: string | undefined, after: string | undefined): EnvironmentChange[] {
	if (before === after) return [];
	if (after === undefined) return [{ kind: "unset", name }];
	const separator = listSeparators.get(name);
	const old = separator === undefined || before === undefined || before === "" ? undefined : before.split(separator);
	if (separator === undefined || old === undefined) return [{ kind: "set", name, value: after }];
	const elements = after.split(separator);
	const start = elements.findIndex((_, index) => old.every((each, offset) => elements[index + offset] === each));
	if (start < 0) return [{ kind: "set", name, value: after }];
	const first = elements.slice(0, start);
	const last = elements.slice(start + old.length);
	const changes: EnvironmentChange[] = [];
	if (first.length > 0) changes.push({ kind: "prepend", name, separator, value: first.join(separator) });
	if (last.length > 0) changes.push({ kind: "append", name, separator, value: last.join(separator) });
	return changes;
}

/** The environment after the changes; `rehost` changes nothing here, since it depends on the view, and neither do aliases. */
export function applyChanges(changes: readonly EnvironmentChange[], environment: Variables): Record<string, string> {
	const result = new Map(Object.entries(environment));
	for (const change of changes) {
		switch (change.kind) {
			case "set":
				result.set(change.name, change.value);
				break;
			case "unset":
				result.delete(change.name);
				break;
			case "prepend":
			case "append":
				result.set(change.name, joinLists(change, result.get(change.name) ?? ""));
				break;
			case "rehost":
			case "alias":
				break;
			default:
				return unreachable(change);
		}
	}
	return Object.fromEntries(result);
}

/** What tells a shell's startup text the values that variables had before, as native/launch.c does. */
export function rememberedValues(
	changes: readonly EnvironmentChange[],
	environment: Variables,
): Record<string, string> {
	const remembered: Record<string, string> = {};
	for (const change of changes) {
		if (change.kind !== "set" || !Object.hasOwn(environment, change.name)) continue;
		const value = environment[change.name];
		if (value !== undefined && value !== change.value) remembered[`__DEVENV_HAD_${change.name}`] = value;
	}
	return remembered;
}

function joinLists(change: EnvironmentChange & { kind: "prepend" | "append" }, present: string): string {
	const added = change.value.split(change.separator).filter((each) => each !== "");
	const rest = present.split(change.separator).filter((each) => each !== "" && !added.includes(each));
	return (change.kind === "prepend" ? [...added, ...rest] : [...rest, ...added]).join(change.separator);
}

/** What changes of one list come to. */
export interface ListChange {
	readonly name: string;
	readonly separator: string;
	readonly first: string;
	readonly last: string;
}

/** Each list once, with what comes first and what comes last. */
export function listChanges(changes: readonly EnvironmentChange[]): ListChange[] {
	const found = new Map<string, ListChange>();
	for (const change of changes) {
		if (change.kind !== "prepend" && change.kind !== "append") continue;
		const { name, separator, value } = change;
		const known = found.get(name) ?? { name, separator, first: "", last: "" };
		const join = (a: string, b: string): string => (a === "" || b === "" ? a + b : `${a}${separator}${b}`);
		found.set(
			name,
			change.kind === "prepend"
				? { ...known, first: join(value, known.first) }
				: { ...known, last: join(known.last, value) },
		);
	}
	return [...found.values()];
}
