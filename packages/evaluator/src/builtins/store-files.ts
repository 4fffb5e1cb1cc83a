/** Built-in operations that put files into the store. Layer 1, pure. */

import { makeFixedOutputPath, splitStorePath, storeNameFault } from "@devenv/nix-formats";
import { addFrame } from "../eval/error.ts";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION, type Position } from "../syntax/position.ts";
import { parseContextElement, type StringContext } from "../value/context.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { stringWithContext, type Lazy, type NixString, type Value } from "../value/value.ts";
import { realiseContext } from "./context-realisation.ts";
import { textOf } from "./control.ts";
import { describeNameFault, parseOutputHash } from "./derivation-draft.ts";
import { contextOf } from "./strings.ts";
import { resolveSymlinks } from "./symlink-resolution.ts";

/** A store path as a string that depends on it. */
export function storePathString(path: string): NixString {
	return stringWithContext(path, new Set([path]));
}

/** Fails on a name that no store object can have. */
function checkObjectName(runtime: Runtime, name: string): void {
	if (storeNameFault(name) !== undefined) throw runtime.error("eval", describeNameFault(name));
}

function toFile(runtime: Runtime, nameValue: Lazy, contentsValue: Lazy): Value {
	const name = runtime.expectPlainString(
		nameValue,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.toFile",
	);
	const contents = runtime.expectString(
		contentsValue,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.toFile",
	);
	const references: string[] = [];
	for (const encoded of contextOf(contents)) {
		const element = parseContextElement(encoded);
		if (element.kind === "object") {
			references.push(element.path);
			continue;
		}
		const rule = "files created by builtins.toFile may not reference derivations, but";
		throw runtime.error("eval", `${rule} ${name} references ${encoded}`);
	}
	checkObjectName(runtime, name);
	references.sort();
	return storePathString(
		runtime.access(NO_POSITION, () => runtime.io.addTextToStore(name, textOf(contents), references)),
	);
}

/** What `builtins.path` and `filterSource` ask for. */
interface PathRequest {
	readonly path: string;
	readonly context: StringContext;
	readonly name: string;
	readonly recursive: boolean;
	readonly filter: Lazy | undefined;
	readonly sha256: string | undefined;
}

function addPath(runtime: Runtime, request: PathRequest): Value {
	try {
		checkObjectName(runtime, request.name);
		if (request.context.size > 0 && splitStorePath(request.path, runtime.io.storeDir) !== undefined) {
			realiseContext(runtime, request.context, NO_POSITION);
		}
		const method = request.recursive ? "recursive" : "flat";
		const expected =
			request.sha256 === undefined
				? undefined
				: makeFixedOutputPath({
						name: request.name,
						method,
						hash: parseOutputHash(runtime, request.sha256, "sha256"),
						storeDir: runtime.io.storeDir,
					});
		if (expected !== undefined && runtime.access(NO_POSITION, () => runtime.io.isValidPath(expected))) {
			return storePathString(expected);
		}
		const { filter } = request;
		const added = runtime.access(NO_POSITION, () =>
			runtime.io.addPathToStore({
				path: resolveSymlinks(runtime.io, request.path),
				name: request.name,
				method,
				...(filter === undefined ? {} : { filter: (path, type) => accepts(runtime, filter, path, type) }),
			}),
		);
		if (expected === undefined || expected === added) return storePathString(added);
		throw runtime.error("eval", `store path mismatch in (possibly filtered) path added from '${request.path}'`);
	} catch (error) {
		throw addFrame(error, NO_POSITION, `while adding path '${request.path}'`);
	}
}

function accepts(runtime: Runtime, filter: Lazy, path: string, type: string): boolean {
	const what = "while evaluating the return value of the path filter function";
	return runtime.expectBool(runtime.call2(filter, runtime.place.textOf(path), type), NO_POSITION, what);
}

function baseName(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

function filterSource(runtime: Runtime, filter: Lazy, value: Lazy): Value {
	const what = "while evaluating the second argument (the path to filter) passed to 'builtins.filterSource'";
	const { path, context } = runtime.coerceToPath(value, NO_POSITION, what);
	runtime.expectFunction(filter, NO_POSITION, "while evaluating the first argument passed to builtins.filterSource");
	runtime.place.nameSeen(path.path);
	return addPath(runtime, {
		path: path.path,
		context,
		name: baseName(path.path),
		recursive: true,
		filter,
		sha256: undefined,
	});
}

function pathBuiltin(runtime: Runtime, argument: Lazy): Value {
	const attrs = runtime.expectAttrs(argument, NO_POSITION, "while evaluating the argument passed to 'builtins.path'");
	let path: { readonly text: string; readonly context: StringContext } | undefined;
	let name = "";
	let recursive = true;
	let filter: Lazy | undefined;
	let sha256: string | undefined;
	const values = attrs.values;
	for (const [index, attribute] of attrs.names.entries()) {
		const value = values[index] as Lazy;
		const at: Position = attrs.positionOf(attribute);
		switch (attribute) {
			case "path": {
				const what = "while evaluating the 'path' attribute passed to 'builtins.path'";
				const coerced = runtime.coerceToPath(value, at, what);
				path = { text: coerced.path.path, context: coerced.context };
				break;
			}
			case "name":
				name = runtime.expectPlainString(value, at, "while evaluating the `name` attribute passed to builtins.path");
				break;
			case "filter":
				filter = value;
				runtime.expectFunction(value, at, "while evaluating the `filter` parameter passed to builtins.path");
				break;
			case "recursive":
				recursive = runtime.expectBool(value, at, "while evaluating the `recursive` attribute passed to builtins.path");
				break;
			case "sha256":
				sha256 = runtime.expectPlainString(
					value,
					at,
					"while evaluating the `sha256` attribute passed to builtins.path",
				);
				break;
			default:
				throw runtime.error("eval", `unsupported argument '${attribute}' to 'builtins.path'`, { position: at });
		}
	}
	if (path === undefined) {
		throw runtime.error("eval", "missing required 'path' attribute in the first argument to 'builtins.path'");
	}
	if (name === "") runtime.place.nameSeen(path.text);
	return addPath(runtime, {
		path: path.text,
		context: path.context,
		name: name === "" ? baseName(path.text) : name,
		recursive,
		filter,
		sha256,
	});
}

export const storeFileBuiltins: readonly BuiltinDefinition[] = [
	{ name: "toFile", arity: 2, params: ["name", "s"], fn: toFile },
	{ name: "filterSource", arity: 2, params: ["e1", "e2"], fn: filterSource },
	{ name: "path", arity: 1, params: ["args"], fn: pathBuiltin },
];
