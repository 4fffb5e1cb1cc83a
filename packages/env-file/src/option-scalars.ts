/** Option types of single values: text, choices, switches, environment values. Layer 1 (pure). */

import { nearestNames } from "@devenv/diagnostics";
import { isMap, isScalar, isSeq } from "yaml";
import type { Located } from "./env-spec.ts";
import { type OptionType, type Slot, reportTag, reportType, writtenText, type DecodeContext } from "./option-type.ts";

export interface TextRules {
	/** For messages: `a name of letters, digits, '-' and '_'`. */
	readonly expects: string;
	/** An anchored expression without flags that is also valid in JSON Schema. */
	readonly pattern?: RegExp;
	/** What to do about a text that the pattern refuses. */
	readonly hint?: string | ((text: string) => string | undefined);
	/** In UTF-16 code units. */
	readonly maxLength?: number;
	readonly examples?: readonly string[];
}

/** A string that keeps its place. */
export function text(rules: TextRules): OptionType<Located<string>> {
	const { expects, pattern, maxLength = 4096 } = rules;
	return {
		expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			if (!isScalar(slot.node) || typeof slot.node.value !== "string") {
				reportType(slot, "a string", context, quoteHint(slot) ?? `it is ${expects}`);
				return undefined;
			}
			const value = slot.node.value;
			if (value.includes("\0")) {
				context.report("VALUE", `'${slot.path}' holds a NUL character`, { location: slot.location });
				return undefined;
			}
			if (value.length > maxLength || (pattern !== undefined && !pattern.test(value))) {
				const shown = value.length > 60 ? `${value.slice(0, 60)}…` : value;
				const hint = typeof rules.hint === "function" ? rules.hint(value) : rules.hint;
				const long = value.length > maxLength ? `is longer than ${maxLength} characters` : `is not ${expects}`;
				context.report("VALUE", `${JSON.stringify(shown)} in '${slot.path}' ${long}`, {
					location: slot.location,
					...(hint === undefined ? {} : { hint }),
				});
				return undefined;
			}
			return { value, location: slot.location };
		},
		schema: () => ({
			type: "string",
			...(pattern === undefined ? {} : { pattern: pattern.source }),
			...(rules.examples === undefined ? {} : { examples: rules.examples }),
		}),
	};
}

/** What to do about a number, switch or list where a string is wanted. */
function quoteHint(slot: Slot): string | undefined {
	const node = slot.node;
	if (!isScalar(node) || node.value === null || node.value === undefined) return undefined;
	return `put it in quotes: "${writtenText(node)}"`;
}

/** One of a few words. */
export function choice<T extends string>(values: Readonly<Record<T, string>>): OptionType<T> {
	const words = Object.keys(values) as T[];
	const expects = `one of ${words.join(", ")}`;
	return {
		expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			if (!isScalar(slot.node)) {
				reportType(slot, expects, context);
				return undefined;
			}
			// `off`, `true` and `8` are compared as they are written.
			const written = writtenText(slot.node);
			const found = words.find((word) => word === written);
			if (found !== undefined) return found;
			const near = nearestNames(written.toLowerCase(), words, { most: 1, limit: 2 })[0];
			context.report("VALUE", `'${slot.path}' must be ${expects}, not ${JSON.stringify(written)}`, {
				location: slot.location,
				hint: near === undefined ? explainChoices(values) : `did you mean '${near}'?`,
			});
			return undefined;
		},
		schema: () => ({ enum: words }),
	};
}

function explainChoices<T extends string>(values: Readonly<Record<T, string>>): string {
	return Object.entries<string>(values)
		.map(([word, says]) => `${word}: ${says}`)
		.join("\n");
}

export function flag(): OptionType<boolean> {
	const expects = "true or false";
	return {
		expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			if (isScalar(slot.node) && typeof slot.node.value === "boolean") return slot.node.value;
			const word = isScalar(slot.node) && typeof slot.node.value === "string" ? slot.node.value.toLowerCase() : "";
			const meant = /^(yes|on|y|true)$/.test(word) ? "true" : /^(no|off|n|false)$/.test(word) ? "false" : undefined;
			reportType(slot, expects, context, meant === undefined ? undefined : `write ${meant}, without quotes`);
			return undefined;
		},
		schema: () => ({ type: "boolean" }),
	};
}

/** A whole number from 0. */
export function wholeNumber(): OptionType<number> {
	const expects = "a whole number";
	return {
		expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			const value = isScalar(slot.node) ? slot.node.value : undefined;
			if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
			reportType(slot, expects, context);
			return undefined;
		},
		schema: () => ({ type: "integer", minimum: 0 }),
	};
}

/** A port of this machine, or `auto` for any free one. */
export function portNumber(): OptionType<number | "auto"> {
	const expects = "a port from 1 to 65535, or auto";
	return {
		expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			const value = isScalar(slot.node) ? slot.node.value : undefined;
			if (value === "auto") return value;
			if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535) return value;
			reportType(slot, expects, context);
			return undefined;
		},
		schema: () => ({ oneOf: [{ const: "auto" }, { type: "integer", minimum: 1, maximum: 65_535 }] }),
	};
}

/** The kernel's limit for one string of a new process's environment, in bytes, its end included. */
export const MAX_ENVIRONMENT_BYTES: number = 128 * 1024 - 1;

/** The value of an environment variable: a string, or a number or switch taken as it is written. */
export function environmentValue(): OptionType<Located<string>> {
	const expects = "a string, a number, or true or false";
	return {
		expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			const node = slot.node;
			if (isSeq(node)) {
				reportType(slot, expects, context, "join the parts yourself, for example with ':'");
				return undefined;
			}
			if (isMap(node)) {
				reportType(slot, expects, context);
				return undefined;
			}
			if (!isScalar(node) || node.value === null || node.value === undefined) {
				reportType(slot, expects, context, 'for an empty value write ""');
				return undefined;
			}
			// A number is kept as written: 1.10 must not become 1.1.
			const value = writtenText(node);
			return checkEnvironmentValue(value, slot, context) ? { value, location: slot.location } : undefined;
		},
		schema: () => ({ type: ["string", "number", "boolean"] }),
	};
}

function checkEnvironmentValue(value: string, slot: Slot, context: DecodeContext): boolean {
	if (value.includes("\0")) {
		context.report("VALUE", `'${slot.path}' holds a NUL character`, {
			location: slot.location,
			hint: "no environment variable can hold one",
		});
		return false;
	}
	const bytes = new TextEncoder().encode(value).length + slot.path.length;
	if (bytes > MAX_ENVIRONMENT_BYTES) {
		context.report("VALUE", `'${slot.path}' is longer than the kernel passes in one environment variable`, {
			location: slot.location,
			hint: "keep the text in a file and name the file instead",
		});
		return false;
	}
	return true;
}
