/** Built-in operations that fetch from elsewhere. Layer 1, pure: the injected I/O fetches, or says that it cannot. */

import { formatHash, makeFixedOutputPath, storeNameFault } from "@devenv/nix-formats";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { describeType } from "../value/type-name.ts";
import { Attrs } from "../value/attrs.ts";
import { isString, NixPath, type Lazy, type Value } from "../value/value.ts";
import { textOf } from "./control.ts";
import type { InputAttributes } from "./flake-references.ts";
import { parseReference } from "./plain-references.ts";
import { describeNameFault, parseOutputHash } from "./derivation-draft.ts";
import { tarballUrl } from "./search-path.ts";
import { storePathString } from "./store-files.ts";

interface FetchArguments {
	url: string | undefined;
	name: string;
	sha256: string | undefined;
}

type FileFetcher = "fetchurl" | "fetchTarball";

function fetchFile(runtime: Runtime, who: FileFetcher, argument: Lazy): Value {
	const unpack = who === "fetchTarball";
	const forced = runtime.force(argument);
	const given: FetchArguments = { url: undefined, name: unpack ? "source" : "", sha256: undefined };
	if (forced instanceof Attrs) readFetchArguments(runtime, who, forced, given);
	else given.url = runtime.expectPlainString(forced, NO_POSITION, "while evaluating the url we should fetch");
	if (given.url === undefined) throw runtime.error("eval", "'url' argument required");
	const url = unpack ? (tarballUrl(given.url) ?? given.url) : given.url;
	const name =
		given.name === "" ? url.slice(url.replace(/\/$/, "").lastIndexOf("/") + 1).replace(/\/$/, "") : given.name;
	if (storeNameFault(name) !== undefined) {
		const fault = `invalid store path name when fetching URL '${url}': ${describeNameFault(name)}.`;
		throw runtime.error("eval", `${fault} ${nameAdvice(who, forced)} so that it can create a valid store path.`);
	}
	if (given.sha256 === undefined) {
		if (runtime.settings.pureEval) {
			throw runtime.error("eval", `in pure evaluation mode, '${who}' requires a 'sha256' argument`);
		}
		return storePathString(runtime.access(NO_POSITION, () => runtime.io.fetch({ url, name, unpack })));
	}
	const hash = parseOutputHash(runtime, given.sha256, "sha256");
	const method = unpack ? "recursive" : "flat";
	const expected = makeFixedOutputPath({ name, method, hash, storeDir: runtime.io.storeDir });
	if (runtime.access(NO_POSITION, () => runtime.io.isValidPath(expected))) return storePathString(expected);
	const sha256 = formatHash(hash, "sri");
	return storePathString(runtime.access(NO_POSITION, () => runtime.io.fetch({ url, name, unpack, sha256 })));
}

function nameAdvice(who: FileFetcher, argument: Value): string {
	if (!(argument instanceof Attrs))
		return `Please pass an attribute set with 'url' and 'name' attributes to '${who}', `;
	if (argument.has("name")) return `Please change the value for the 'name' attribute passed to '${who}',`;
	return `Please add a valid 'name' attribute to the argument for '${who}',`;
}

function readFetchArguments(runtime: Runtime, who: FileFetcher, attrs: Attrs, into: FetchArguments): void {
	const values = attrs.values;
	for (const [index, attribute] of attrs.names.entries()) {
		const value = values[index] as Lazy;
		const at = attrs.positionOf(attribute);
		switch (attribute) {
			case "url":
				into.url = runtime.expectPlainString(value, at, "while evaluating the url we should fetch");
				break;
			case "sha256": {
				const what = "while evaluating the sha256 of the content we should fetch";
				into.sha256 = runtime.expectPlainString(value, at, what);
				break;
			}
			case "name":
				into.name = runtime.expectPlainString(value, at, "while evaluating the name of the content we should fetch");
				break;
			default:
				throw runtime.error("eval", `unsupported argument '${attribute}' to '${who}'`);
		}
	}
}

type TreeFetcher = "fetchGit" | "fetchMercurial" | "fetchTree";

const treeTypes: Readonly<Record<TreeFetcher, string | undefined>> = {
	fetchGit: "git",
	fetchMercurial: "hg",
	fetchTree: undefined,
};

function fetchTree(runtime: Runtime, who: TreeFetcher, argument: Lazy): Value {
	const forced = runtime.force(argument);
	const input = new Map<string, string | number | boolean>();
	const fixedType = treeTypes[who];
	if (fixedType === undefined && !(forced instanceof Attrs) && runtime.settings.experimentalFeatures.has("flakes")) {
		const text = textOf(runtime.coerceToString(forced, NO_POSITION, "", { copyToStore: false }));
		return fetchInput(runtime, who, parseReference(runtime, text, { requireTree: false }));
	}
	if (fixedType !== undefined) input.set("type", fixedType);
	if (forced instanceof Attrs) {
		readTreeArguments(runtime, who, forced, input);
	} else {
		const what = `while evaluating the first argument passed to '${who}'`;
		if (fixedType === undefined) {
			throw runtime.error("eval", `passing a string argument to '${who}' requires the 'flakes' experimental feature`);
		}
		input.set("url", textOf(runtime.coerceToString(forced, NO_POSITION, what, { copyToStore: false })));
	}
	if (!input.has("type")) throw runtime.error("eval", `argument 'type' is missing in call to '${who}'`);
	return fetchInput(runtime, who, input);
}

/** Fetches an input by its attributes. */
export function fetchInput(runtime: Runtime, who: TreeFetcher, given: InputAttributes): Value {
	const input = new Map(given);
	if (runtime.settings.pureEval && !input.has("narHash") && !input.has("rev")) {
		const shown = String(input.get("url") ?? input.get("path") ?? input.get("id") ?? input.get("type"));
		throw runtime.error("eval", `in pure evaluation mode, '${who}' will not fetch unlocked input '${shown}'`);
	}
	requireAbsolute(runtime, input);
	if (who === "fetchGit" && !input.has("exportIgnore")) input.set("exportIgnore", true);
	const fetched = runtime.access(NO_POSITION, () => runtime.io.fetchTree(input));
	const result = who === "fetchGit" ? new Map([...noCommit, ...fetched]) : fetched;
	return attrsFromEntries(
		[...result].map(([name, value]): [string, Lazy] => [
			name,
			name === "outPath" && typeof value === "string" ? storePathString(value) : value,
		]),
	);
}

/** Addresses of files are those of the whole machine. */
function requireAbsolute(runtime: Runtime, input: InputAttributes): void {
	const [type, url] = [input.get("type"), String(input.get("url"))];
	if ((type !== "tarball" && type !== "file") || !url.startsWith("file:") || url.startsWith("file:///")) return;
	const rule = "must use an absolute path. The 'file' scheme does not support relative paths.";
	const error = runtime.error("eval", `tarball '${url}' ${rule}`);
	throw error.withFrame(NO_POSITION, `while fetching the input '${url}'`);
}

/** What `fetchGit` says of a tree that is no commit. */
const noCommit: ReadonlyMap<string, string | number> = new Map<string, string | number>([
	["rev", "0".repeat(40)],
	["shortRev", "0".repeat(7)],
	["revCount", 0],
]);

function readTreeArguments(
	runtime: Runtime,
	who: TreeFetcher,
	attrs: Attrs,
	input: Map<string, string | number | boolean>,
): void {
	const values = attrs.values;
	for (const [index, attribute] of attrs.names.entries()) {
		const at = attrs.positionOf(attribute);
		const value = runtime.force(values[index] as Lazy, at);
		if (attribute === "type" && treeTypes[who] !== undefined) {
			throw runtime.error("eval", "unexpected argument 'type'");
		}
		if (attribute === "name" && who === "fetchTree") {
			throw runtime.error("eval", `argument 'name' isn\xe2\x80\x99t supported in call to '${who}'`);
		}
		if (isString(value) || value instanceof NixPath) {
			input.set(attribute, textOf(runtime.coerceToString(value, at, "", { copyToStore: false })));
		} else if (typeof value === "boolean") {
			input.set(attribute, value);
		} else if (typeof value === "number") {
			if (value < 0) {
				throw runtime.error("eval", `negative value given for '${who}' argument '${attribute}': ${value}`);
			}
			input.set(attribute, value);
		} else {
			const rule = "while a string, Boolean or integer is expected";
			throw runtime.error("type", `argument '${attribute}' to '${who}' is ${describeType(value)} ${rule}`);
		}
	}
}

export const fetcherBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "fetchurl",
		arity: 1,
		params: ["arg"],
		fn: (runtime, argument) => fetchFile(runtime, "fetchurl", argument),
	},
	{
		name: "fetchTarball",
		arity: 1,
		params: ["args"],
		global: true,
		fn: (runtime, argument) => fetchFile(runtime, "fetchTarball", argument),
	},
	{
		name: "fetchGit",
		arity: 1,
		params: ["args"],
		global: true,
		fn: (runtime, argument) => fetchTree(runtime, "fetchGit", argument),
	},
	{
		name: "fetchMercurial",
		arity: 1,
		params: ["args"],
		global: true,
		fn: (runtime, argument) => fetchTree(runtime, "fetchMercurial", argument),
	},
];

/** With the experimental feature `fetch-tree`. */
export const fetchTreeBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "fetchTree",
		arity: 1,
		params: ["input"],
		global: true,
		fn: (runtime, argument) => fetchTree(runtime, "fetchTree", argument),
	},
];
