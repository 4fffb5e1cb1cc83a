/** Built-in operations that read the file system, and those on path names. Layer 1, pure. */

import { splitStorePath, storePathHashPart, type StorePath } from "@devenv/nix-formats";
import type { Runtime } from "../eval/runtime.ts";
import { EvalIoError } from "../io.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { type Attrs, attrsFromEntries } from "../value/attrs.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { isString, NixPath, stringWithContext, type Lazy, type Value } from "../value/value.ts";
import { realiseContext, realisedPath } from "./context-realisation.ts";
import { textOf } from "./control.ts";
import { findInSearchPath, type SearchPathEntry } from "./search-path.ts";
import { expectHasher } from "./hashes.ts";
import { contextOf } from "./strings.ts";
import { resolvedFileType, resolveSymlinks } from "./symlink-resolution.ts";

/** The last component; one slash at the end is ignored. */
function baseNameOf(path: string): string {
	const end = path.length > 1 && path.endsWith("/") ? path.length - 1 : path.length;
	return path.slice(path.lastIndexOf("/", end - 1) + 1, end);
}

function dirOf(runtime: Runtime, value: Lazy): Value {
	const forced = runtime.force(value);
	if (forced instanceof NixPath) {
		runtime.place.made(forced.path, `${forced.path}/..`);
		const slash = forced.path.lastIndexOf("/");
		return new NixPath(slash <= 0 ? "/" : forced.path.slice(0, slash));
	}
	const what = "while evaluating the first argument passed to 'builtins.dirOf'";
	const string = runtime.coerceToString(forced, NO_POSITION, what, { copyToStore: false });
	const text = textOf(string);
	const slash = text.lastIndexOf("/");
	const directory = slash < 0 ? "." : slash === 0 ? "/" : text.slice(0, slash);
	return stringWithContext(directory, contextOf(string));
}

function storePath(runtime: Runtime, value: Lazy): Value {
	if (runtime.settings.pureEval) {
		throw runtime.error("eval", "'builtins.storePath' is not allowed in pure evaluation mode");
	}
	const what = "while evaluating the first argument passed to 'builtins.storePath'";
	const coerced = runtime.coerceToPath(value, NO_POSITION, what);
	const { storeDir } = runtime.io;
	let path = coerced.path.path;
	if (splitStorePath(path, storeDir)?.subPath !== "") {
		path = runtime.access(NO_POSITION, () => resolveSymlinks(runtime.io, path));
	}
	const split = splitStorePath(path, storeDir);
	if (split === undefined) throw runtime.error("eval", `path '${path}' is not in the Nix store`);
	runtime.access(NO_POSITION, () => {
		runtime.io.ensurePath(split.storePath);
	});
	return stringWithContext(path, new Set([...coerced.context, split.storePath]));
}

function pathExists(runtime: Runtime, value: Lazy): Value {
	const forced = runtime.force(value);
	const text = isString(forced) ? textOf(forced) : "";
	const mustBeDirectory = text.endsWith("/") || text.endsWith("/.");
	const path = realisedPath(runtime, forced);
	return runtime.access(NO_POSITION, () =>
		mustBeDirectory ? resolvedFileType(runtime.io, path) === "directory" : runtime.io.fileType(path) !== undefined,
	);
}

function readFile(runtime: Runtime, value: Lazy): Value {
	const path = realisedPath(runtime, value);
	const contents = runtime.access(NO_POSITION, () => runtime.io.readFile(path));
	if (contents.includes("\0")) {
		throw runtime.error("eval", `the contents of the file '${path}' cannot be represented as a Nix string`);
	}
	const inStore = splitStorePath(path, runtime.io.storeDir);
	if (inStore === undefined) return contents;
	const references = runtime.access(NO_POSITION, () => runtime.io.references(inStore.storePath));
	const found = references.filter((each) => contents.includes(storePathHashPart(each as StorePath)));
	return stringWithContext(contents, new Set(found));
}

function readDirectory(runtime: Runtime, value: Lazy): Value {
	const path = realisedPath(runtime, value);
	return runtime.reads.remember(runtime.folders, path, () => entriesOf(runtime, path));
}

function entriesOf(runtime: Runtime, path: string): Attrs {
	const read = (): ReturnType<typeof runtime.io.readDirectory> => {
		try {
			return runtime.io.readDirectory(path);
		} catch (error) {
			if (!(error instanceof EvalIoError) || runtime.io.fileType(path) !== "symlink") throw error;
			/* What is wrong is named by its own path. */
			return runtime.io.readDirectory(resolveSymlinks(runtime.io, path));
		}
	};
	return attrsFromEntries(runtime.access(NO_POSITION, read));
}

function readFileType(runtime: Runtime, value: Lazy): Value {
	const path = realisedPath(runtime, value);
	const type = runtime.access(NO_POSITION, () => runtime.io.fileType(path));
	if (type === undefined) throw runtime.error("io", `path '${path}' does not exist`);
	return type;
}

function findFile(runtime: Runtime, searchPath: Lazy, wanted: Lazy): Value {
	const list = runtime.expectList(
		searchPath,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.findFile",
	);
	const entries: SearchPathEntry[] = list.map((item) => searchPathEntry(runtime, item));
	const name = runtime.expectPlainString(
		wanted,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.findFile",
	);
	return new NixPath(findInSearchPath(runtime, entries, name));
}

function searchPathEntry(runtime: Runtime, item: Lazy): SearchPathEntry {
	const attrs = runtime.expectAttrs(
		item,
		NO_POSITION,
		"while evaluating an element of the list passed to builtins.findFile",
	);
	const given = attrs.get("prefix");
	const prefix =
		given === undefined
			? ""
			: runtime.expectPlainString(
					given,
					NO_POSITION,
					"while evaluating the `prefix` attribute of an element of the list passed to builtins.findFile",
				);
	const path = runtime.coerceToString(
		runtime.expectAttr(attrs, "path", "in an element of the __nixPath"),
		NO_POSITION,
		"while evaluating the `path` attribute of an element of the list passed to builtins.findFile",
		{ copyToStore: false },
	);
	realiseContext(runtime, contextOf(path), NO_POSITION);
	return { prefix, path: textOf(path) };
}

export const pathBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "baseNameOf",
		arity: 1,
		params: ["x"],
		global: true,
		fn: (runtime, value) => {
			const what = "while evaluating the first argument passed to builtins.baseNameOf";
			const forced = runtime.force(value);
			if (forced instanceof NixPath) {
				runtime.place.nameSeen(forced.path);
				return baseNameOf(forced.path);
			}
			const string = runtime.coerceToString(forced, NO_POSITION, what, { copyToStore: false });
			const text = runtime.place.isBelow(string) ? string.whole : textOf(string);
			return stringWithContext(baseNameOf(text), contextOf(string));
		},
	},
	{ name: "dirOf", arity: 1, params: ["s"], global: true, fn: dirOf },
	{
		name: "toPath",
		arity: 1,
		params: ["s"],
		fn: (runtime, value) => {
			const what = "while evaluating the first argument passed to builtins.toPath";
			const { path, context } = runtime.coerceToPath(value, NO_POSITION, what);
			runtime.place.seen(path.path);
			return stringWithContext(path.path, context);
		},
	},
	{ name: "storePath", arity: 1, params: ["path"], fn: storePath },
	{ name: "pathExists", arity: 1, params: ["path"], fn: pathExists },
	{ name: "readFile", arity: 1, params: ["path"], fn: readFile },
	{ name: "readDir", arity: 1, params: ["path"], fn: readDirectory },
	{ name: "readFileType", arity: 1, params: ["p"], fn: readFileType },
	{ name: "findFile", arity: 2, params: ["search-path", "lookup-path"], fn: findFile },
	{
		name: "hashFile",
		arity: 2,
		params: ["type", "p"],
		fn: (runtime, type, value) => {
			const what = "while evaluating the first argument passed to builtins.hashFile";
			const hash = expectHasher(runtime, type, what);
			const path = realisedPath(runtime, value);
			return hash(runtime.access(NO_POSITION, () => runtime.io.readFile(path)));
		},
	},
];
