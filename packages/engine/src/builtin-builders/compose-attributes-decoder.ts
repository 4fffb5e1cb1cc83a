/** Decodes the attributes of `builtin:compose-root`: the JSON may come from any Nix file. Layer 3. */

import { fail } from "@devenv/diagnostics";
import { structuredJson } from "./attribute.ts";
import type { BuiltinAttributes } from "./builtin-builder.ts";
import type { ComposeMember, ComposeRootAttributes, MaintainerScriptPolicy } from "./compose-root-attributes.ts";

type Json = Readonly<Record<string, unknown>>;

/** Fails with `BUILTIN_ATTRIBUTE`, naming what is wrong. */
export function decodeComposeRootAttributes(
	attributes: Pick<BuiltinAttributes, "name" | "env" | "outPath">,
): ComposeRootAttributes {
	const json = structuredJson(attributes);
	const wrong = (what: string): never =>
		fail("BUILTIN_ATTRIBUTE", `the derivation '${attributes.name}': ${what}`, {
			hint: "roots are made by the package set's mkRoot; do not write their derivations by hand",
		});
	const text = (value: unknown, what: string): string =>
		typeof value === "string" && value !== "" && !value.includes("\0") ? value : wrong(`${what} is no text`);
	const texts = (value: unknown, what: string): readonly string[] =>
		Array.isArray(value) ? value.map((each) => text(each, what)) : wrong(`${what} is no list`);
	const object = (value: unknown, what: string): Json =>
		typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : wrong(`${what} is no set`);

	const member = (value: unknown): ComposeMember => {
		const entry = object(value, "a package");
		const name = text(entry["name"], "a package's name");
		if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name)) wrong(`'${name}' is no package name`);
		return { name, version: text(entry["version"], `${name}'s version`), path: text(entry["path"], `${name}'s path`) };
	};
	const list = json["packages"];
	if (!Array.isArray(list)) return wrong("'packages' is no list");
	const architecture = text(json["architecture"], "'architecture'");
	if (!/^[a-z0-9-]+$/.test(architecture)) wrong(`'${architecture}' is no architecture`);
	const policy = json["maintainerScripts"];
	const links = (name: string): Record<string, string> =>
		Object.fromEntries(
			Object.entries(object(json[name], `'${name}'`)).map(([path, target]) => [
				path,
				text(target, `the link '${path}'`),
			]),
		);
	return {
		outputs: { out: attributes.outPath },
		architecture,
		packages: list.map((entry: unknown) => (Array.isArray(entry) ? entry.map(member) : member(entry))),
		...(policy === undefined || policy === null
			? {}
			: { maintainerScripts: decodePolicy(object(policy, "'maintainerScripts'"), texts, wrong) }),
		...(json["locales"] === undefined ? {} : { locales: texts(json["locales"], "'locales'") }),
		...(json["links"] === undefined ? {} : { links: links("links") }),
		...(json["optionalLinks"] === undefined ? {} : { optionalLinks: links("optionalLinks") }),
		...scriptText("preConfigure", json, text),
		...scriptText("postConfigure", json, text),
	};
}

function scriptText(
	name: "preConfigure" | "postConfigure",
	json: Json,
	text: (value: unknown, what: string) => string,
): { readonly [key in typeof name]?: string } {
	const value = json[name];
	return value === undefined || value === null || value === "" ? {} : { [name]: text(value, `'${name}'`) };
}

function decodePolicy(
	policy: Json,
	texts: (value: unknown, what: string) => readonly string[],
	wrong: (what: string) => never,
): MaintainerScriptPolicy {
	const timeout = policy["timeout"];
	if (timeout !== undefined && (typeof timeout !== "number" || timeout <= 0))
		wrong("'timeout' is no number of seconds");
	const stub = policy["stub"] === undefined ? [] : texts(policy["stub"], "'stub'");
	for (const name of stub)
		if (!/^[A-Za-z0-9_[][A-Za-z0-9+._-]*$/.test(name)) wrong(`'${name}' is no name of a command`);
	return {
		...(policy["skip"] === undefined ? {} : { skip: texts(policy["skip"], "'skip'") }),
		...(policy["allowFailure"] === undefined ? {} : { allowFailure: texts(policy["allowFailure"], "'allowFailure'") }),
		...(policy["stub"] === undefined ? {} : { stub }),
		...(typeof timeout === "number" ? { timeout } : {}),
	};
}
