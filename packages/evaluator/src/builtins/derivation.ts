/**
 * `derivationStrict` and `derivation`. Layer 1, pure: the store derivation is computed here and handed to the injected
 * I/O, which writes it.
 *
 * `derivation` is native, where Nix has a wrapper in the Nix language: the set it gives has the same attributes and the
 * same laziness (nothing is instantiated until `drvPath` or an output path is needed).
 */

import { DiagnosticError } from "@devenv/diagnostics";
import { HashesModulo, instantiate, type Derivation, type DrvPath, type Instantiated } from "@devenv/nix-formats";
import { addFrame, EvalError } from "../eval/error.ts";
import type { Tracked } from "../eval/read-sets.ts";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import { Attrs, attrsFromEntries, mergeAttrs, type Shape, shapeOf } from "../value/attrs.ts";
import { formatContextElement } from "../value/context.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { stringWithContext, type Lazy, type Value } from "../value/value.ts";
import { DerivationDraft } from "./derivation-draft.ts";

export const derivationBuiltins: readonly BuiltinDefinition[] = [
	{ name: "derivationStrict", arity: 1, params: ["attrs"], global: true, fn: derivationStrict },
	{ name: "derivation", arity: 1, params: ["drvAttrs"], global: true, fn: derivation },
];

/** The hashes modulo of store derivations, kept as long as the evaluation's I/O. */
const hashesByIo = new WeakMap<object, HashesModulo>();

function hashesOf(runtime: Runtime): HashesModulo {
	let hashes = hashesByIo.get(runtime.io);
	if (hashes === undefined) {
		const io = runtime.io;
		hashes = new HashesModulo((path) => io.readDerivation(path));
		hashesByIo.set(runtime.io, hashes);
	}
	return hashes;
}

function derivationStrict(runtime: Runtime, argument: Lazy): Value {
	const attrs = runtime.expectAttrs(
		argument,
		NO_POSITION,
		"while evaluating the argument passed to builtins.derivationStrict",
	);
	const nameAt = attrs.positionOf("name");
	const nameValue = runtime.expectAttr(attrs, "name", "in the attrset passed as argument to builtins.derivationStrict");
	let name: string;
	try {
		const what = "while evaluating the `name` attribute passed to builtins.derivationStrict";
		name = runtime.expectPlainString(nameValue, NO_POSITION, what);
	} catch (error) {
		throw addFrame(error, nameAt, "while evaluating the derivation attribute 'name'");
	}
	try {
		const derivation = new DerivationDraft(runtime, name, attrs).finish();
		return strictResult(derivation, instantiateDerivation(runtime, derivation));
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		const place = runtime.describe(nameAt);
		const message = `while evaluating derivation '${name}'\n  whose name attribute is located at ${place}`;
		throw error.withFrame(NO_POSITION, message, "always");
	}
}

function instantiateDerivation(runtime: Runtime, derivation: Derivation): Instantiated {
	try {
		const instantiated = instantiate(derivation, hashesOf(runtime), runtime.io.storeDir);
		runtime.access(NO_POSITION, () => {
			runtime.io.addDerivation(derivation, instantiated);
		});
		return instantiated;
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		const [first] = error.diagnostics;
		throw runtime.error("eval", first?.message ?? error.message, { cause: error });
	}
}

function strictResult(derivation: Derivation, { drvPath, outputPaths }: Instantiated): Attrs {
	const entries: [string, Lazy][] = [
		["drvPath", stringWithContext(drvPath, new Set([formatContextElement({ kind: "closure", drvPath })]))],
	];
	for (const output of derivation.outputs.keys()) {
		entries.push([output, outputString(drvPath, output, outputPaths.get(output) ?? "")]);
	}
	return attrsFromEntries(entries);
}

/** An output's path as a string that depends on the output. */
export function outputString(drvPath: DrvPath, output: string, path: string): Value {
	return stringWithContext(path, new Set([formatContextElement({ kind: "output", output, drvPath })]));
}

/** The output names of a set passed to `derivation`, evaluated. */
function outputNames(runtime: Runtime, attrs: Attrs): string[] {
	const given = attrs.get("outputs");
	if (given === undefined) return ["out"];
	const list = runtime.expectList(given, NO_POSITION, "while evaluating the second argument passed to builtins.map");
	if (list.length === 0) throw runtime.error("eval", "'builtins.head' called on an empty list");
	const what = "while evaluating the `name` attribute of an element of the list passed to builtins.listToAttrs";
	return list.map((item) => runtime.expectPlainString(item, NO_POSITION, what));
}

const addedNames = ["all", "drvAttrs", "drvPath", "outPath", "outputName", "type"];

/** What is added to a derivation's attributes: its outputs, unless named like another addition, and the rest. */
function resultShape(outputs: readonly string[]): Shape {
	return shapeOf([...new Set([...addedNames, ...outputs])].sort());
}

function derivation(runtime: Runtime, argument: Lazy): Value {
	const drvAttrs = runtime.expectAttrs(argument, NO_POSITION, "from call site");
	const names = outputNames(runtime, drvAttrs);
	let strict: Tracked<Value> | undefined;
	const strictly = (): Attrs => {
		if (!runtime.reads.reuses(strict)) strict = runtime.reads.observe(() => derivationStrict(runtime, drvAttrs));
		return strict.value as Attrs;
	};
	const drvPath = runtime.lazy(() => runtime.force(strictly().get("drvPath") ?? null));
	const outputs = names.map((name) => runtime.lazy(() => outputSet(name)));
	const shape = resultShape(names);
	const outputSet = (name: string): Attrs => {
		const outPath = runtime.lazy(() => {
			const path = strictly().get(name);
			if (path === undefined) throw runtime.error("eval", `attribute '${name}' missing`);
			return runtime.force(path);
		});
		const valueOf = (attribute: string): Lazy => {
			switch (attribute) {
				case "all":
					return outputs;
				case "drvAttrs":
					return drvAttrs;
				case "drvPath":
					return drvPath;
				case "outPath":
					return outPath;
				case "outputName":
					return name;
				case "type":
					return "derivation";
				default:
					return outputs[names.indexOf(attribute)] as Lazy;
			}
		};
		return mergeAttrs(drvAttrs, new Attrs(shape, shape.names.map(valueOf)));
	};
	return runtime.force(outputs[0] as Lazy);
}
