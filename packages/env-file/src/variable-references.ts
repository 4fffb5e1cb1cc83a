/**
 * References between the variables of `env`: `${NAME}` stands for another's value, whatever the order; `$${` is a
 * literal `${`. Layer 1 (pure).
 */

import { type Diagnostic, diagnose, nearestNames } from "@devenv/diagnostics";
import type { EnvVariable } from "./env-spec.ts";
import { MAX_ENVIRONMENT_BYTES } from "./option-scalars.ts";

const referencePattern = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** References are followed no further once so many errors are known. */
const MAX_DIAGNOSTICS = 20;

interface Frame {
	readonly variable: EnvVariable;
	/** Names that the value refers to, and how many of them have been looked at. */
	readonly names: readonly string[];
	next: number;
}

/** The variables with their references replaced; one that cannot be is reported once and keeps its text. */
export function resolveReferences(variables: readonly EnvVariable[], diagnostics: Diagnostic[]): EnvVariable[] {
	const declared = new Map(variables.map((each) => [each.name, each]));
	const resolved = new Map<string, string>();
	// A stack of its own: a long chain of references must not overflow the program's.
	for (const variable of variables) {
		if (resolved.has(variable.name)) continue;
		const stack: Frame[] = [frameOf(variable)];
		const open = new Set([variable.name]);
		for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
			const name = frame.names[frame.next];
			if (name === undefined) {
				resolved.set(frame.variable.name, expand(frame.variable, resolved, diagnostics));
				open.delete(frame.variable.name);
				stack.pop();
				continue;
			}
			frame.next += 1;
			if (diagnostics.length >= MAX_DIAGNOSTICS) return [...variables];
			const target = declared.get(name);
			if (target === undefined) {
				reportUnknown(frame.variable, name, [...declared.keys()], diagnostics);
			} else if (open.has(name)) {
				const path = [...open];
				reportCycle(frame.variable, [...path.slice(path.indexOf(name)), name], diagnostics);
			} else if (!resolved.has(name)) {
				stack.push(frameOf(target));
				open.add(name);
			}
		}
	}
	return variables.map((each) => ({ ...each, value: resolved.get(each.name) ?? each.value }));
}

function frameOf(variable: EnvVariable): Frame {
	const names = [...variable.value.matchAll(referencePattern)].flatMap(([, name]) => name ?? []);
	return { variable, names: [...new Set(names)], next: 0 };
}

/** Measured piece by piece: a few references that double each other would fill the memory. */
function expand(variable: EnvVariable, resolved: ReadonlyMap<string, string>, diagnostics: Diagnostic[]): string {
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
		add(match[1] === undefined ? "${" : (resolved.get(match[1]) ?? match[0]));
		if (bytes > MAX_ENVIRONMENT_BYTES) break;
	}
	if (bytes <= MAX_ENVIRONMENT_BYTES) add(variable.value.slice(end));
	if (bytes <= MAX_ENVIRONMENT_BYTES) return pieces.join("");
	diagnostics.push(
		diagnose("ENV_VALUE", `'env.${variable.name}' is longer than the kernel passes in one environment variable`, {
			...(variable.location === undefined ? {} : { location: variable.location }),
			hint: "its references make it so long; keep the text in a file and name the file instead",
		}),
	);
	return variable.value;
}

function reportUnknown(variable: EnvVariable, name: string, names: readonly string[], diagnostics: Diagnostic[]): void {
	const near = nearestNames(name, names, { most: 1 })[0];
	diagnostics.push(
		diagnose("ENV_REFERENCE", `'env.${variable.name}' refers to '${name}', which 'env' does not set`, {
			...(variable.location === undefined ? {} : { location: variable.location }),
			hint:
				near === undefined
					? `set it under 'env', or write $\${${name}} for the text itself; other variables are known in enter_shell`
					: `did you mean '\${${near}}'?`,
		}),
	);
}

function reportCycle(variable: EnvVariable, path: readonly string[], diagnostics: Diagnostic[]): void {
	diagnostics.push(
		diagnose("ENV_REFERENCE_CYCLE", `'env.${variable.name}' refers to itself: ${path.join(" → ")}`, {
			...(variable.location === undefined ? {} : { location: variable.location }),
			hint: "give one of them a value of its own",
		}),
	);
}
