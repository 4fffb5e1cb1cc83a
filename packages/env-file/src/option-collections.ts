/** Option types of several values: lists, tables with the user's own keys, records with fixed keys. Layer 1 (pure). */

import { nearestNames } from "@devenv/diagnostics";
import { type Node, type Pair, Scalar, type YAMLMap, isAlias, isMap, isScalar, isSeq } from "yaml";
import {
	type DecodeContext,
	type Field,
	type JsonSchema,
	type OptionEntry,
	type OptionType,
	type Slot,
	reportTag,
	reportType,
	writtenText,
} from "./option-type.ts";

export interface ListRules {
	/** For messages: `a list of packages`. */
	readonly expects: string;
	/** Shown when something that is not a list stands there: `packages: [jq, ripgrep]`. */
	readonly example: string;
	/** Items that `true` stands for. `false` is an empty list then, and a single item needs no list. */
	readonly whenTrue?: readonly string[];
}

export function list<T>(item: OptionType<T>, rules: ListRules): OptionType<readonly T[]> {
	return {
		expects: rules.expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			if (rules.whenTrue !== undefined && isScalar(slot.node) && slot.node.value !== null) {
				const { value } = slot.node;
				const nodes =
					value === true ? rules.whenTrue.map((each) => new Scalar(each)) : value === false ? [] : [slot.node];
				const items = nodes.map((node) => item.decode({ ...slot, node }, context));
				return items.some((each) => each === undefined) ? undefined : (items as T[]);
			}
			if (!isSeq(slot.node)) {
				reportType(slot, rules.expects, context, `for example \`${rules.example}\``);
				return undefined;
			}
			const values: T[] = [];
			for (const [index, element] of slot.node.items.entries()) {
				if (context.exhausted) break;
				const value = item.decode(
					context.slot(element, `${slot.path}[${index}]`, context.locateBefore(element as Node) ?? slot.location),
					context,
				);
				if (value !== undefined) values.push(value);
			}
			return values;
		},
		schema: () => {
			const several: JsonSchema = { type: "array", items: item.schema() };
			return rules.whenTrue === undefined ? several : { oneOf: [{ type: "boolean" }, item.schema(), several] };
		},
		children: item.children ?? [],
	};
}

export interface TableRules {
	readonly expects: string;
	readonly example: string;
	/** What a key is, for messages: `a variable name`. */
	readonly key: string;
	/** Anchored, without flags. */
	readonly keyPattern: RegExp;
	/** Keys that are refused although the pattern takes them, with the reason as a hint. */
	readonly refusedKeys?: Readonly<Record<string, string>>;
}

/** A table whose keys the user chooses; entries are in the order of the text. */
export function table<T>(item: OptionType<T>, rules: TableRules): OptionType<readonly (readonly [string, T])[]> {
	return {
		expects: rules.expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			if (!isMap(slot.node)) {
				reportType(slot, rules.expects, context, `for example \`${rules.example}\``);
				return undefined;
			}
			const values: (readonly [string, T])[] = [];
			for (const entry of entriesOf(slot.node, slot, context)) {
				const refused = Object.hasOwn(rules.refusedKeys ?? {}, entry.key) ? rules.refusedKeys?.[entry.key] : undefined;
				if (!rules.keyPattern.test(entry.key) || refused !== undefined) {
					const says = refused === undefined ? `is not ${rules.key}` : "cannot be set here";
					context.report("KEY", `${JSON.stringify(entry.key)} in '${slot.path}' ${says}`, {
						location: entry.keyLocation,
						...(refused === undefined ? {} : { hint: refused }),
					});
					continue;
				}
				const value = item.decode(entry.slot, context);
				if (value !== undefined) values.push([entry.key, value]);
			}
			return values;
		},
		schema: () => ({
			type: "object",
			propertyNames: {
				pattern: rules.keyPattern.source,
				...(rules.refusedKeys === undefined ? {} : { not: { enum: Object.keys(rules.refusedKeys) } }),
			},
			additionalProperties: item.schema(),
		}),
		children: (item.children ?? []).map(({ path, field }) => ({ path: `.<name>${path}`, field })),
	};
}

/** The fields of a record type, by key. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<NonNullable<T[K]>> };

export interface RecordRules<T> {
	readonly expects: string;
	readonly example: string;
	/** Keys of which exactly one is to be given. */
	readonly oneOf?: readonly (keyof T & string)[];
	/** A plain value that may stand instead of the table, and how it reads as one. */
	readonly shorthand?: { readonly type: OptionType<unknown>; accepts(node: Node): boolean; expand(value: unknown): T };
}

export interface RecordType<T> extends OptionType<T> {
	readonly fields: Fields<T>;
}

/** A table with fixed keys; unknown ones are refused with the nearest known key. */
export function record<T extends object>(fields: Fields<T>, rules: RecordRules<T>): RecordType<T> {
	const names = Object.keys(fields) as (keyof T & string)[];
	const { shorthand } = rules;
	const children = names.flatMap((name): OptionEntry[] => {
		const field: Field<unknown> = fields[name];
		const inner = field.type.children ?? [];
		return [{ path: `.${name}`, field }, ...inner.map((each) => ({ path: `.${name}${each.path}`, field: each.field }))];
	});
	return {
		fields,
		children,
		expects: rules.expects,
		decode(slot, context) {
			if (reportTag(slot, context)) return undefined;
			if (shorthand !== undefined && slot.node !== null && shorthand.accepts(slot.node)) {
				const value = shorthand.type.decode(slot, context);
				return value === undefined ? undefined : shorthand.expand(value);
			}
			if (!isMap(slot.node)) {
				reportType(slot, rules.expects, context, `for example \`${rules.example}\``);
				return undefined;
			}
			const value: Partial<T> = {};
			const seen = new Set<string>();
			let unknown = false;
			for (const entry of entriesOf(slot.node, slot, context)) {
				const name = names.find((each) => each === entry.key);
				if (name === undefined) {
					reportUnknownKey(entry, names, context);
					unknown = true;
					continue;
				}
				seen.add(name);
				const decoded = fields[name].type.decode(entry.slot, context);
				if (decoded !== undefined) value[name] = decoded;
			}
			for (const name of names) {
				if (fields[name].required !== true || seen.has(name)) continue;
				// A mistyped key has been reported already.
				if (unknown) return undefined;
				context.report("MISSING_KEY", `'${slot.path}' has no '${name}'`, {
					location: slot.location,
					hint: `for example \`${rules.example}\``,
				});
				return undefined;
			}
			if (rules.oneOf !== undefined && !unknown && !hasOneOf(rules.oneOf, seen, rules.example, slot, context)) {
				return undefined;
			}
			// A field that was wrong is missing here; the report makes the whole file fail.
			return value as T;
		},
		schema() {
			const required = names.filter((name) => fields[name].required === true);
			const object: JsonSchema = {
				type: "object",
				additionalProperties: false,
				properties: Object.fromEntries(names.map((name) => [name, fieldSchema(fields[name])])),
				...(required.length === 0 ? {} : { required }),
				...(rules.oneOf === undefined ? {} : { oneOf: rules.oneOf.map((name) => ({ required: [name] })) }),
			};
			return shorthand === undefined ? object : { oneOf: [shorthand.type.schema(), object] };
		},
	};
}

/** Reports where none or several of the keys are given. */
function hasOneOf(
	names: readonly string[],
	seen: ReadonlySet<string>,
	example: string,
	slot: Slot,
	context: DecodeContext,
): boolean {
	const given = names.filter((name) => seen.has(name));
	if (given.length === 1) return true;
	const { location } = slot;
	if (given.length === 0) {
		const missing = names.map((name) => `'${name}'`).join(" nor ");
		context.report("MISSING_KEY", `'${slot.path}' has neither ${missing}`, {
			location,
			hint: `for example \`${example}\``,
		});
	} else {
		const both = given.map((name) => `'${name}'`).join(" and ");
		context.report("VALUE", `'${slot.path}' has both ${both}`, { location, hint: "keep one of them" });
	}
	return false;
}

function fieldSchema(field: Field<unknown>): JsonSchema {
	return {
		description: field.description,
		...field.type.schema(),
		...(field.fallback === undefined ? {} : { default: field.fallback }),
		...(field.example === undefined ? {} : { examples: [field.example] }),
	};
}

interface Entry {
	readonly key: string;
	readonly keyLocation: Slot["location"];
	readonly slot: Slot;
}

/** The entries of a table whose keys are strings and stand once; the others are reported. */
function* entriesOf(map: YAMLMap, parent: Slot, context: DecodeContext): Generator<Entry> {
	const first = new Map<string, Entry>();
	for (const pair of map.items as Pair<Node | null, Node | null>[]) {
		if (context.exhausted) return;
		const keyLocation = context.locate(pair.key) ?? parent.location;
		const keyNode = pair.key;
		if (!isScalar(keyNode) || keyNode.tag !== undefined || keyNode.value === null) {
			const found = isAlias(keyNode) ? "an alias" : "this";
			context.report("KEY", `${found} cannot be a key`, { location: keyLocation, hint: "keys are plain words" });
			continue;
		}
		const key = writtenText(keyNode);
		const path = parent.path === "" ? key : `${parent.path}.${key}`;
		const entry: Entry = { key, keyLocation, slot: context.slot(pair.value, path, keyLocation) };
		const before = first.get(key);
		if (before !== undefined) {
			context.report("DUPLICATE_KEY", `the key '${key}' stands twice`, {
				location: keyLocation,
				notes: [{ message: "it stands first here", location: before.keyLocation }],
				hint: "join the two, or delete one",
			});
			continue;
		}
		first.set(key, entry);
		yield entry;
	}
}

function reportUnknownKey(entry: Entry, names: readonly string[], context: DecodeContext): void {
	// enterShell and enter-shell are meant as enter_shell.
	const snake = entry.key
		.replace(/([a-z])([A-Z])/g, "$1_$2")
		.replace(/-/g, "_")
		.toLowerCase();
	const near = names.includes(snake) ? snake : nearestNames(snake, names, { most: 1 })[0];
	const merge = "merge keys are not part of YAML 1.2; write the values out";
	const known = `known keys: ${names.join(", ")}`;
	context.report("UNKNOWN_KEY", `unknown key '${entry.slot.path}'`, {
		location: entry.keyLocation,
		hint: near !== undefined ? `did you mean '${near}'?` : entry.key === "<<" ? merge : known,
	});
}
