/** Built-in operations on string contexts. Layer 1, pure. */

import { isDrvPath, isStorePath } from "@devenv/nix-formats";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { attrsFromEntries } from "../value/attrs.ts";
import { formatContextElement, parseContextElement } from "../value/context.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { stringWithContext, type Lazy, type Value } from "../value/value.ts";
import { textOf } from "./control.ts";
import { contextOf } from "./strings.ts";

function unsafeDiscardOutputDependency(runtime: Runtime, value: Lazy): Value {
	const what = "while evaluating the argument passed to builtins.unsafeDiscardOutputDependency";
	const string = runtime.coerceToString(value, NO_POSITION, what);
	const context = new Set<string>();
	for (const encoded of contextOf(string)) {
		const element = parseContextElement(encoded);
		context.add(element.kind === "closure" ? element.drvPath : encoded);
	}
	return stringWithContext(textOf(string), context);
}

function addDrvOutputDependencies(runtime: Runtime, value: Lazy): Value {
	const what = "while evaluating the argument passed to builtins.addDrvOutputDependencies";
	const string = runtime.coerceToString(value, NO_POSITION, what);
	const context = contextOf(string);
	const [encoded] = context;
	if (encoded === undefined || context.size !== 1) {
		const message = `context of string '${textOf(string)}' must have exactly one element, but has ${context.size}`;
		throw runtime.error("eval", message);
	}
	const element = parseContextElement(encoded);
	switch (element.kind) {
		case "closure":
			return string;
		case "output": {
			const rule = "`addDrvOutputDependencies` can only act on derivations, not on a derivation output such as";
			throw runtime.error("eval", `${rule} '${element.output}'`);
		}
		case "object":
			if (!element.path.endsWith(".drv")) throw runtime.error("eval", `path '${element.path}' is not a derivation`);
			return stringWithContext(
				textOf(string),
				new Set([formatContextElement({ kind: "closure", drvPath: element.path })]),
			);
	}
}

interface ContextInfo {
	path: boolean;
	allOutputs: boolean;
	readonly outputs: string[];
}

function getContext(runtime: Runtime, value: Lazy): Value {
	const what = "while evaluating the argument passed to builtins.getContext";
	const infos = new Map<string, ContextInfo>();
	const infoOf = (path: string): ContextInfo => {
		let info = infos.get(path);
		if (info === undefined) {
			info = { path: false, allOutputs: false, outputs: [] };
			infos.set(path, info);
		}
		return info;
	};
	for (const encoded of contextOf(runtime.expectString(value, NO_POSITION, what))) {
		const element = parseContextElement(encoded);
		if (element.kind === "object") infoOf(element.path).path = true;
		else if (element.kind === "closure") infoOf(element.drvPath).allOutputs = true;
		else infoOf(element.drvPath).outputs.push(element.output);
	}
	return attrsFromEntries([...infos].map(([path, info]) => [path, infoToValue(info)]));
}

function infoToValue(info: ContextInfo): Value {
	const entries: [string, Lazy][] = [];
	if (info.path) entries.push(["path", true]);
	if (info.allOutputs) entries.push(["allOutputs", true]);
	if (info.outputs.length > 0) entries.push(["outputs", info.outputs.sort()]);
	return attrsFromEntries(entries);
}

function appendContext(runtime: Runtime, value: Lazy, addition: Lazy): Value {
	const string = runtime.expectString(
		value,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.appendContext",
	);
	const additions = runtime.expectAttrs(
		addition,
		NO_POSITION,
		"while evaluating the second argument passed to builtins.appendContext",
	);
	const context = new Set(contextOf(string));
	for (const path of additions.names) {
		const position = additions.positionOf(path);
		const refuse = (message: string): never => {
			throw runtime.error("eval", message, { position });
		};
		if (!isStorePath(path, runtime.io.storeDir)) refuse(`context key '${path}' is not a store path`);
		runtime.access(position, () => {
			runtime.io.ensurePath(path);
		});
		const info = runtime.expectAttrs(
			additions.get(path) ?? null,
			position,
			"while evaluating the value of a string context",
		);
		const isDrv = isDrvPath(path, runtime.io.storeDir);
		const flag = (name: string): boolean => {
			const given = info.get(name);
			if (given === undefined) return false;
			const what = `while evaluating the \`${name}\` attribute of a string context`;
			return runtime.expectBool(given, info.positionOf(name), what);
		};
		if (flag("path")) context.add(path);
		if (flag("allOutputs")) {
			if (!isDrv) refuse(`tried to add all-outputs context of ${path}, which is not a derivation, to a string`);
			context.add(formatContextElement({ kind: "closure", drvPath: path }));
		}
		const outputs = info.get("outputs");
		if (outputs === undefined) continue;
		const outputsAt = info.positionOf("outputs");
		const list = runtime.expectList(outputs, outputsAt, "while evaluating the `outputs` attribute of a string context");
		if (list.length > 0 && !isDrv) {
			refuse(`tried to add derivation output context of ${path}, which is not a derivation, to a string`);
		}
		for (const item of list) {
			const what = "while evaluating an output name within a string context";
			const output = runtime.expectPlainString(item, outputsAt, what);
			context.add(formatContextElement({ kind: "output", output, drvPath: path }));
		}
	}
	return stringWithContext(textOf(string), context);
}

export const stringContextBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "hasContext",
		arity: 1,
		params: ["s"],
		fn: (runtime, value) =>
			contextOf(runtime.expectString(value, NO_POSITION, "while evaluating the argument passed to builtins.hasContext"))
				.size > 0,
	},
	{ name: "getContext", arity: 1, params: ["s"], fn: getContext },
	{ name: "appendContext", arity: 2, params: ["s", "context"], fn: appendContext },
	{
		name: "unsafeDiscardStringContext",
		arity: 1,
		params: ["s"],
		fn: (runtime, value) =>
			textOf(
				runtime.coerceToString(
					value,
					NO_POSITION,
					"while evaluating the argument passed to builtins.unsafeDiscardStringContext",
				),
			),
	},
	{ name: "unsafeDiscardOutputDependency", arity: 1, params: ["s"], fn: unsafeDiscardOutputDependency },
	{ name: "addDrvOutputDependencies", arity: 1, params: ["s"], fn: addDrvOutputDependencies },
];
