/**
 * `builtin:environment`: the description of an environment as one file, `environment.json` (version 1), from structured
 * attributes. Layer 3.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { structuredJson } from "./attribute.ts";
import type { BuiltinAttributes, BuiltinContext } from "./builtin-builder.ts";

/** What an environment store object says of itself; the reader is the shell package. */
export interface EnvironmentFile {
	readonly version: 1;
	readonly name: string;
	/** Logical store path of the FHS root; null where no view is needed. */
	readonly root: string | null;
	readonly storePaths: readonly string[];
	/** Folders that come first on PATH. */
	readonly path: readonly string[];
	readonly variables: Readonly<Record<string, string>>;
	readonly enterShell: string;
	readonly packages: readonly { readonly attr: string; readonly name: string; readonly version: string }[];
}

/** Rejects with `BUILTIN_ATTRIBUTE`. */
export async function buildEnvironment(attributes: BuiltinAttributes, context: BuiltinContext): Promise<void> {
	const file = decodeEnvironment(attributes);
	await mkdir(context.output, 0o755);
	await writeFile(join(context.output, "environment.json"), `${JSON.stringify(file, null, "\t")}\n`, { mode: 0o644 });
}

/** What the environment of a derivation says of itself. Fails with `BUILTIN_ATTRIBUTE`. Keys come out in a fixed order, variables sorted by name: equal attributes give equal bytes. */
export function decodeEnvironment(attributes: Pick<BuiltinAttributes, "name" | "env">): EnvironmentFile {
	const json = structuredJson(attributes);
	const wrong = (what: string): never =>
		fail("BUILTIN_ATTRIBUTE", `the environment '${attributes.name}': ${what}`, {
			hint: "environments are made by the package set's mkEnvironment; do not write their derivations by hand",
		});
	const text = (value: unknown, what: string): string => {
		if (typeof value !== "string") return wrong(`${what} is no text`);
		return value.includes("\0") ? wrong(`${what} has a NUL byte`) : value;
	};
	const list = (value: unknown, what: string): readonly unknown[] =>
		value === undefined ? [] : Array.isArray(value) ? value : wrong(`${what} is no list`);
	const object = (value: unknown, what: string): Readonly<Record<string, unknown>> =>
		typeof value === "object" && value !== null && !Array.isArray(value)
			? (value as Readonly<Record<string, unknown>>)
			: wrong(`${what} is no set`);
	const root = json["root"];
	const variables = Object.entries(object(json["variables"] ?? {}, "'variables'")).map(([name, value]) => {
		if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) wrong(`'${name}' is no name of a variable`);
		return [name, text(value, `the variable '${name}'`)] as const;
	});
	return {
		version: 1,
		name: text(json["name"] ?? attributes.name, "'name'"),
		root: root === undefined || root === null ? null : text(root, "'root'"),
		storePaths: list(json["storePaths"], "'storePaths'").map((path) => text(path, "a store path")),
		path: list(json["path"], "'path'").map((folder) => text(folder, "a folder of 'path'")),
		variables: Object.fromEntries(variables.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))),
		enterShell: text(json["enterShell"] ?? "", "'enterShell'"),
		packages: list(json["packages"], "'packages'").map((entry) => {
			const { attr, name, version } = object(entry, "a package");
			return { attr: text(attr, "'attr'"), name: text(name, "a name"), version: text(version, "a version") };
		}),
	};
}
