/**
 * From a derivation without output paths to the store derivation: hash modulo, output paths, text, path. Layer 1,
 * pure. Source: Nix manual, "Derivation hash modulo"; E. Dolstra, "The Purely Functional Software Deployment Model",
 * section 5.4.
 *
 * The text up to three times needed (masked for the output paths, filled for the `.drv`, filled with hashed inputs for
 * dependents) differs in outputs and inputs only; the rest, by far the largest part, is quoted once.
 */

import { fail } from "@devenv/diagnostics";
import { formatDerivation, inputsTerm, middleTerm, outputsTerm, quoteString } from "./aterm.ts";
import type { ByteString } from "./byte-string.ts";
import { derivationReferences, fixedOutput, parseFixedOutput, type Derivation } from "./derivation.ts";
import { sha256Hex } from "./hash.ts";
import { makeFixedOutputPath, makeOutputPath, makeTextPath } from "./store-path-computation.ts";
import { DEFAULT_STORE_DIR, type DrvPath, type StorePath } from "./store-path.ts";

/**
 * What stands for a derivation in the hash of those that need it: a SHA-256 in base 16, of each output for a
 * fixed-output derivation (so that another way to the same data changes nothing), else of the whole.
 */
export type HashModulo =
	| { readonly kind: "regular"; readonly digest: string }
	| { readonly kind: "fixed"; readonly digest: string };

/** Reads a store derivation that {@link HashesModulo} has not seen; fails when the path is not there. */
export type ReadDerivation = (path: DrvPath) => Derivation;

/** The hashes modulo of store derivations, each computed once. */
export class HashesModulo {
	readonly #known = new Map<DrvPath, HashModulo>();
	readonly #read: ReadDerivation;

	constructor(read: ReadDerivation) {
		this.#read = read;
	}

	/** The hash of the derivation at that path, which is read, with its inputs, where it is not known yet. */
	of(path: DrvPath): HashModulo {
		const known = this.#known.get(path);
		if (known !== undefined) return known;
		const computed = hashDerivationModulo(this.#read(path), (input) => this.of(input));
		this.#known.set(path, computed);
		return computed;
	}

	/** Remembers a hash that is already known. */
	add(path: DrvPath, hash: HashModulo): void {
		this.#known.set(path, hash);
	}

	get size(): number {
		return this.#known.size;
	}
}

/** A derivation's hash modulo, its output paths included; `lookup` gives that of its inputs. */
export function hashDerivationModulo(drv: Derivation, lookup: (input: DrvPath) => HashModulo): HashModulo {
	const fixed = fixedHashModulo(drv);
	if (fixed !== undefined) return fixed;
	const inputs = hashedInputsTerm(drv, lookup);
	const text = assemble(outputsTerm(drv.outputs, false), inputs, tailOf(drv).text);
	return { kind: "regular", digest: sha256Hex(text) };
}

/** What {@link instantiate} finds out. */
export interface Instantiated {
	readonly drvPath: DrvPath;
	/** The text of the `.drv`. */
	readonly text: ByteString;
	/** The references of the `.drv`, sorted. */
	readonly references: readonly StorePath[];
	/** By output name. */
	readonly outputPaths: ReadonlyMap<string, StorePath>;
}

/**
 * Fills in a derivation's output paths, in `drv.outputs` and in the variables of `drv.env` named as the outputs, and
 * computes its text and path. `hashes` must know, or be able to read, the inputs; it learns the new derivation.
 * Fails with `STORE_NAME` on a bad name, and with `DRV_OUTPUT_METHOD` on an output that is addressed by a content
 * not known before.
 */
export function instantiate(drv: Derivation, hashes: HashesModulo, storeDir: string = DEFAULT_STORE_DIR): Instantiated {
	const fixed = fixedOutput(drv);
	if (fixed !== undefined) {
		const { method, hash } = parseFixedOutput(fixed);
		const path = makeFixedOutputPath({ name: drv.name, method, hash, storeDir });
		setOutput(drv, "out", path);
		const text = formatDerivation(drv);
		const result = finish({ drv, text, storeDir, outputPaths: new Map([["out", path]]) });
		hashes.add(result.drvPath, fixedHashModulo(drv) ?? failUnknownContent(drv, "out"));
		return result;
	}
	for (const [name, output] of drv.outputs) {
		if (output.hashAlgo !== "" || output.hash !== "") failUnknownContent(drv, name);
		if (!drv.env.has(name)) drv.env.set(name, "");
	}
	const tail = tailOf(drv);
	const hashedInputs = hashedInputsTerm(drv, (input) => hashes.of(input));
	const digest = sha256Hex(assemble(outputsTerm(drv.outputs, true), hashedInputs, tail.masked()));
	const outputPaths = new Map<string, StorePath>();
	for (const outputName of drv.outputs.keys()) {
		const path = makeOutputPath({ digest, drvName: drv.name, outputName, storeDir });
		outputPaths.set(outputName, path);
		setOutput(drv, outputName, path);
	}
	const outputs = outputsTerm(drv.outputs, false);
	const filled = tail.filled(outputPaths);
	const text = assemble(outputs, inputsTerm(drv.inputDrvs), filled);
	const result = finish({ drv, text, storeDir, outputPaths });
	hashes.add(result.drvPath, { kind: "regular", digest: sha256Hex(assemble(outputs, hashedInputs, filled)) });
	return result;
}

/** The path that the store gives a derivation whose outputs are filled in. */
export function computeDrvPath(drv: Derivation, storeDir: string = DEFAULT_STORE_DIR): DrvPath {
	return finish({ drv, text: formatDerivation(drv), storeDir, outputPaths: new Map() }).drvPath;
}

/**
 * The output paths that a derivation ought to have, by output name, whatever its own say; for derivations from a
 * foreign hand. Fails as {@link instantiate} does.
 */
export function expectedOutputPaths(
	drv: Derivation,
	hashes: HashesModulo,
	storeDir: string = DEFAULT_STORE_DIR,
): ReadonlyMap<string, StorePath> {
	const outputs = new Map([...drv.outputs].map(([name, output]) => [name, { ...output, path: "" as const }]));
	return instantiate({ ...drv, outputs, env: new Map(drv.env) }, hashes, storeDir).outputPaths;
}

function finish(parts: {
	readonly drv: Derivation;
	readonly text: ByteString;
	readonly storeDir: string;
	readonly outputPaths: ReadonlyMap<string, StorePath>;
}): Instantiated {
	const { drv, text, storeDir, outputPaths } = parts;
	const references = derivationReferences(drv);
	const drvPath = makeTextPath({ name: `${drv.name}.drv`, contents: text, references, storeDir }) as DrvPath;
	return { drvPath, text, references, outputPaths };
}

function setOutput(drv: Derivation, name: string, path: StorePath): void {
	const output = drv.outputs.get(name);
	if (output !== undefined) output.path = path;
	drv.env.set(name, path);
}

function fixedHashModulo(drv: Derivation): HashModulo | undefined {
	const output = fixedOutput(drv);
	if (output === undefined) return undefined;
	return { kind: "fixed", digest: sha256Hex(`fixed:out:${output.hashAlgo}:${output.hash}:${output.path}`) };
}

function assemble(outputs: string, inputs: string, tail: string): ByteString {
	return `Derive(${outputs},${inputs},${tail}`;
}

/** The input derivations named by their hashes; those of equal hash share their sets of output names. */
function hashedInputsTerm(drv: Derivation, lookup: (input: DrvPath) => HashModulo): string {
	const byHash = new Map<string, readonly string[]>();
	for (const [path, outputNames] of drv.inputDrvs) {
		const { digest } = lookup(path);
		const others = byHash.get(digest);
		byHash.set(digest, others === undefined ? outputNames : [...others, ...outputNames]);
	}
	return inputsTerm(byHash);
}

/** The text from the sources to the end, with a gap for the value of each variable that is named as an output. */
interface Tail {
	readonly text: ByteString;
	masked(): ByteString;
	filled(paths: ReadonlyMap<string, StorePath>): ByteString;
}

function tailOf(drv: Derivation): Tail {
	const pieces: ByteString[] = [];
	const gaps: string[] = [];
	let piece = `${middleTerm(drv)},[`;
	let text = "";
	let separator = "(";
	for (const name of [...drv.env.keys()].sort()) {
		const value = drv.env.get(name) ?? "";
		if (drv.outputs.has(name)) {
			piece += `${separator}${quoteString(name)},`;
			text += piece + quoteString(value);
			pieces.push(piece);
			gaps.push(name);
			piece = ")";
		} else {
			piece += `${separator}${quoteString(name)},${quoteString(value)})`;
		}
		separator = ",(";
	}
	piece += "])";
	text += piece;
	const join = (value: (name: string) => string): ByteString => {
		let whole = "";
		for (const [index, each] of pieces.entries()) whole += `${each}"${value(gaps[index] ?? "")}"`;
		return whole + piece;
	};
	return { text, masked: () => join(() => ""), filled: (paths) => join((name) => paths.get(name) ?? "") };
}

function failUnknownContent(drv: Derivation, outputName: string): never {
	return fail(
		"DRV_OUTPUT_METHOD",
		`output "${outputName}" of derivation "${drv.name}" is addressed by its content without a known hash`,
		{ hint: "set outputHash, or leave out __contentAddressed and __impure, which are experimental in Nix" },
	);
}
