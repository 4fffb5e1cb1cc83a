/**
 * What a build with `__structuredAttrs` finds in `.attrs.json` and `.attrs.sh`. Layer 3; no I/O.
 * Source: Nix manual, "Advanced attributes".
 */

import { type ByteString, bytesFromText, type Derivation, textFromBytes } from "@devenv/nix-formats";
import { fail } from "@devenv/diagnostics";

export interface StructuredAttributes {
	/** Contents of `.attrs.json`. */
	readonly json: ByteString;
	/** Contents of `.attrs.sh`, to be sourced by bash. */
	readonly shell: ByteString;
}

/**
 * The files for a derivation that has structured attributes; undefined for others. `rewrite` puts output paths in the place of
 * placeholders, `graph` gives what `exportReferencesGraph` asks for.
 */
export function structuredAttributes(
	drv: Derivation,
	rewrite: (text: ByteString) => ByteString = (text) => text,
	graph: () => Readonly<Record<string, unknown>> = () => ({}),
): StructuredAttributes | undefined {
	const text = drv.env.get("__json");
	if (text === undefined) return undefined;
	let parsed: unknown;
	try {
		parsed = JSON.parse(textFromBytes(rewrite(text)));
	} catch {
		fail("DRV_STRUCTURED_ATTRS", `the structured attributes of '${drv.name}' are not JSON`);
	}
	if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
		fail("DRV_STRUCTURED_ATTRS", `the structured attributes of '${drv.name}' are not an object`);
	}
	const outputs = Object.fromEntries([...drv.outputs].map(([name, { path }]) => [name, path as string]));
	const attributes: Record<string, unknown> = { ...parsed, outputs, ...graph() };
	return { json: bytesFromText(JSON.stringify(attributes)), shell: bytesFromText(shellText(attributes)) };
}

/** Declarations of what bash can hold: scalars, lists and sets of scalars; the rest is left out. */
function shellText(attributes: Readonly<Record<string, unknown>>): string {
	let text = "";
	for (const [name, value] of Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))) {
		if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) continue;
		const scalar = shellScalar(value);
		if (scalar !== undefined) {
			text += `declare ${name}=${scalar}\n`;
		} else if (Array.isArray(value)) {
			const items = value.map(shellScalar);
			if (items.every((item) => item !== undefined)) {
				text += `declare -a ${name}=(${items.map((item) => `${item} `).join("")})\n`;
			}
		} else if (typeof value === "object" && value !== null) {
			const items = Object.entries(value).map(([key, each]) => [key, shellScalar(each)] as const);
			if (items.every(([, item]) => item !== undefined)) {
				const pairs = items
					.sort(([a], [b]) => (a < b ? -1 : 1))
					.map(([key, item]) => `[${quote(key)}]=${String(item)} `);
				text += `declare -A ${name}=(${pairs.join("")})\n`;
			}
		}
	}
	return text;
}

function shellScalar(value: unknown): string | undefined {
	if (value === null) return "''";
	if (typeof value === "string") return quote(value);
	if (typeof value === "number") return Number.isInteger(value) ? String(value) : undefined;
	if (typeof value === "boolean") return value ? "1" : "";
	return undefined;
}

function quote(text: string): string {
	return `'${text.replaceAll("'", `'\\''`)}'`;
}
