/** Inputs of several files as one list, with those that follow another one put in its place. Layer 1 (pure). */

import { type Diagnostic, diagnose, nearestNames } from "@devenv/diagnostics";
import { DEFAULT_INPUT, DEFAULT_INPUT_URL, type InputSpec, type Located, overlayInput } from "./env-spec.ts";
import type { InputDeclaration } from "./environment-options.ts";

export interface MergedInputs {
	/** By name, sorted; those that follow another one are not among them. */
	readonly inputs: readonly InputSpec[];
	/** The input that a name means: itself, or what it follows. */
	readonly nameOf: (name: string) => string;
	readonly diagnostics: readonly Diagnostic[];
}

/** Where several files declare an input, the last says what it is, and the overlays of all are applied to it. */
export function mergeInputs(written: readonly (readonly [string, InputDeclaration])[]): MergedInputs {
	const declared = new Map<string, InputDeclaration>([[DEFAULT_INPUT, { url: { value: DEFAULT_INPUT_URL } }]]);
	for (const [name, input] of written) declared.set(name, input);
	const diagnostics: Diagnostic[] = [];
	const targets = new Map([...declared.keys()].map((name) => [name, targetOf(name, declared, diagnostics)]));
	const nameOf = (name: string): string => targets.get(name) ?? name;
	const overlays = new Map<string, Located<string>[]>();
	for (const [name, input] of written) {
		const target = nameOf(name);
		overlays.set(target, [...(overlays.get(target) ?? []), ...(input.overlays ?? []).map(renamed(nameOf))]);
	}
	const inputs = [...declared].flatMap(([name, { url }]): InputSpec[] =>
		url === undefined ? [] : [{ name, url, overlays: overlays.get(name) ?? [] }],
	);
	return { inputs: inputs.sort((a, b) => (a.name < b.name ? -1 : 1)), nameOf, diagnostics };
}

/** An overlay as it is named once inputs have their own names: `input#file`. */
export function renamed(nameOf: (name: string) => string): (overlay: Located<string>) => Located<string> {
	return (overlay) => {
		const named = overlayInput(overlay.value);
		return named === undefined ? overlay : { ...overlay, value: `${nameOf(named.input)}#${named.file}` };
	};
}

function targetOf(name: string, declared: ReadonlyMap<string, InputDeclaration>, diagnostics: Diagnostic[]): string {
	const way = [name];
	for (let at = name; ; ) {
		const follows = declared.get(at)?.follows;
		if (follows === undefined) return at;
		const place = follows.location === undefined ? {} : { location: follows.location };
		const next = follows.value;
		if (!declared.has(next)) {
			const near = nearestNames(next, [...declared.keys()], { most: 1 })[0];
			// Said once, where it is written.
			if (at === name) {
				diagnostics.push(
					diagnose("ENV_UNKNOWN_INPUT", `the input '${at}' follows '${next}', which is not declared`, {
						...place,
						hint: near === undefined || near === at ? "declare it under 'inputs'" : `did you mean '${near}'?`,
					}),
				);
			}
			return at;
		}
		if (way.includes(next)) {
			// Each of a circle comes here; the first by name says it.
			if (next === name && name === [...way].sort()[0]) {
				const hint = "give one of them a url";
				const circle = [...way, next].join(" → ");
				diagnostics.push(diagnose("ENV_FOLLOWS_CIRCLE", `inputs follow each other: ${circle}`, { ...place, hint }));
			}
			return name;
		}
		way.push(next);
		at = next;
	}
}
