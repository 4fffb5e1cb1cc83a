/** Attributes of builtin derivations, decoded: a derivation may come from any Nix file. Layer 3. */

import { fail } from "@devenv/diagnostics";
import { textFromBytes } from "@devenv/nix-formats";
import type { BuiltinAttributes } from "./builtin-builder.ts";

/** What is read of a derivation. */
type Attributes = Pick<BuiltinAttributes, "name" | "env">;

/** A non-empty attribute as text. Fails with `BUILTIN_ATTRIBUTE`. */
export function requiredAttribute(attributes: Attributes, name: string): string {
	const value = optionalAttribute(attributes, name);
	if (value === undefined) missing(attributes, name);
	return value;
}

/** The same, undefined where it is absent or empty. */
export function optionalAttribute(attributes: Attributes, name: string): string | undefined {
	const value = attributes.env.get(name);
	return value === undefined || value === "" ? undefined : textFromBytes(value);
}

/** The JSON object of a derivation with `__structuredAttrs`. Fails with `BUILTIN_ATTRIBUTE`. */
export function structuredJson(attributes: Attributes): Readonly<Record<string, unknown>> {
	const text = requiredAttribute(attributes, "__json");
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		value = undefined;
	}
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		fail("BUILTIN_ATTRIBUTE", `the structured attributes of '${attributes.name}' are no JSON object`);
	}
	return value as Readonly<Record<string, unknown>>;
}

function missing(attributes: Attributes, name: string): never {
	fail("BUILTIN_ATTRIBUTE", `the derivation '${attributes.name}' lacks the attribute '${name}'`, {
		hint: "derivations of the builtin builders are made by the package set's functions; do not write them by hand",
	});
}
