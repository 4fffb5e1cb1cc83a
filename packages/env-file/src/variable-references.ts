/**
 * References between the variables of `env`, and from a process's own to those: `${NAME}` stands for another's value,
 * whatever the order; `${pkgs.NAME}` for the place of a package in the store, which only evaluation knows; `$${` is a literal
 * `${`. Layer 1 (pure).
 */

import { type Diagnostic, diagnose, nearestNames } from "@devenv/diagnostics";
import type { EnvVariable } from "./env-spec.ts";
import { MAX_ENVIRONMENT_BYTES } from "./option-scalars.ts";

const referencePattern = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{pkgs\.([A-Za-z0-9_][A-Za-z0-9_'.+-]*)\}/g;

/** No file's text has it: the reader refuses it. */
const packageMark = "\0";

/** A part of a value: its text, or the attribute of a package whose place in the store belongs there. */
export type ValuePart = { readonly text: string } | { readonly attr: string };

/** What a resolved value consists of. */
export function valueParts(value: string): ValuePart[] {
	return value
		.split(packageMark)
		.map((part, index): ValuePart => (index % 2 === 0 ? { text: part } : { attr: part }))
		.filter((part) => !("text" in part) || part.text !== "");
}

/** References are followed no further once so many errors are known. */
const MAX_DIAGNOSTICS = 20;

interface Frame {
	readonly variable: EnvVariable;
	/** Names that the value refers to, and how many of them have been looked at. */
	readonly names: readonly string[];
	next: number;
}

/** Where variables stand. */
export interface VariableScope {
	/** The key that holds them, for messages: `env`. */
	readonly path: string;
	/** Variables from outside that they may refer to, resolved; their own come first. */
	readonly outer: readonly EnvVariable[];
}

/** The variables with their references replaced; one that cannot be is reported once and keeps its text. */
export function resolveReferences(
	variables: readonly EnvVariable[],
	diagnostics: Diagnostic[],
	{ path, outer }: VariableScope = { path: "env", outer: [] },
): EnvVariable[] {
	const declared = new Map(variables.map((each) => [each.name, each]));
	const around = outer.filter(({ name }) => !declared.has(name));
	const resolved = new Map(around.map(({ name, value }) => [name, value]));
	const known = [...declared.keys(), ...resolved.keys()];
	const report = { path, diagnostics };
	// A stack of its own: a long chain of references must not overflow the program's.
	for (const variable of variables) {
		if (resolved.has(variable.name)) continue;
		const stack: Frame[] = [frameOf(variable)];
		const open = new Set([variable.name]);
		for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
			const name = frame.names[frame.next];
			if (name === undefined) {
				resolved.set(frame.variable.name, expand(frame.variable, resolved, report));
				open.delete(frame.variable.name);
				stack.pop();
				continue;
			}
			frame.next += 1;
			if (diagnostics.length >= MAX_DIAGNOSTICS) return [...variables];
			const target = declared.get(name);
			if (target === undefined) {
				if (!resolved.has(name)) reportUnknown(frame.variable, { name, known }, report);
			} else if (open.has(name)) {
				const names = [...open];
				reportCycle(frame.variable, [...names.slice(names.indexOf(name)), name], report);
			} else if (!resolved.has(name)) {
				stack.push(frameOf(target));
				open.add(name);
			}
		}
	}
	return variables.map((each) => ({ ...each, value: resolved.get(each.name) ?? each.value }));
}

/** Where to say what is wrong, and in which key it is. */
interface Report {
	readonly path: string;
	readonly diagnostics: Diagnostic[];
}

function frameOf(variable: EnvVariable): Frame {
	const names = [...variable.value.matchAll(referencePattern)].flatMap(([, name]) => name ?? []);
	return { variable, names: [...new Set(names)], next: 0 };
}

/** Measured piece by piece: a few references that double each other would fill the memory. */
function expand(variable: EnvVariable, resolved: ReadonlyMap<string, string>, { path, diagnostics }: Report): string {
	const pieces: string[] = [];
	let bytes = variable.name.length + 1;
	let end = 0;
	const add = (piece: string): void => {
		bytes += new TextEncoder().encode(piece).length;
		pieces.push(piece);
	};
	for (const match of variable.value.matchAll(referencePattern)) {
		add(variable.value.slice(end, match.index));
		end = match.index + match[0].length;
		const [whole, name, attr] = match;
		if (attr !== undefined) add(`${packageMark}${attr}${packageMark}`);
		else add(name === undefined ? "${" : (resolved.get(name) ?? whole));
		if (bytes > MAX_ENVIRONMENT_BYTES) break;
	}
	if (bytes <= MAX_ENVIRONMENT_BYTES) add(variable.value.slice(end));
	if (bytes <= MAX_ENVIRONMENT_BYTES) return pieces.join("");
	diagnostics.push(
		diagnose("ENV_VALUE", `'${path}.${variable.name}' is longer than the kernel passes in one environment variable`, {
			...(variable.location === undefined ? {} : { location: variable.location }),
			hint: "its references make it so long; keep the text in a file and name the file instead",
		}),
	);
	return variable.value;
}

function reportUnknown(
	variable: EnvVariable,
	{ name, known }: { readonly name: string; readonly known: readonly string[] },
	{ path, diagnostics }: Report,
): void {
	const near = nearestNames(name, known, { most: 1 })[0];
	diagnostics.push(
		diagnose("ENV_REFERENCE", `'${path}.${variable.name}' refers to '${name}', which 'env' does not set`, {
			...(variable.location === undefined ? {} : { location: variable.location }),
			hint:
				near === undefined
					? `set it under 'env', or write $\${${name}} for the text itself; other variables are known in enter_shell`
					: `did you mean '\${${near}}'?`,
		}),
	);
}

function reportCycle(variable: EnvVariable, cycle: readonly string[], { path, diagnostics }: Report): void {
	diagnostics.push(
		diagnose("ENV_REFERENCE_CYCLE", `'${path}.${variable.name}' refers to itself: ${cycle.join(" → ")}`, {
			...(variable.location === undefined ? {} : { location: variable.location }),
			hint: "give one of them a value of its own",
		}),
	);
}
