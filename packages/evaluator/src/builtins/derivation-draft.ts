/**
 * From the attributes of a derivation to the store derivation, output paths still open. Layer 1, pure.
 * Source: Nix manual, "Derivations" and "Advanced attributes".
 */

import { DiagnosticError } from "@devenv/diagnostics";
import {
	bytesFromText,
	formatFixedOutput,
	formatHash,
	isHashAlgo,
	parseHash,
	storeNameFault,
	zeroHash,
	type ContentAddressMethod,
	type Derivation,
	type DerivationOutput,
	type DrvPath,
	type Hash,
	type HashAlgo,
	type StorePath,
} from "@devenv/nix-formats";
import { addFrame } from "../eval/error.ts";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import type { Attrs } from "../value/attrs.ts";
import { parseContextElement, type StringContext } from "../value/context.ts";
import type { Lazy } from "../value/value.ts";
import { textOf } from "./control.ts";
import { derivationClosure } from "./derivation-closure.ts";
import { quoteJson } from "./json-text.ts";
import { valueToJson } from "./json.ts";
import { contextOf } from "./strings.ts";

/** Attributes that say nothing with structured attributes; `outputChecks` replaces them. */
const replacedByOutputChecks: ReadonlySet<string> = new Set([
	"allowedReferences",
	"allowedRequisites",
	"disallowedReferences",
	"disallowedRequisites",
	"maxSize",
	"maxClosureSize",
]);

const ELLIPSIS: string = bytesFromText("… ");

/** Collects what the attributes of one derivation say. */
export class DerivationDraft {
	readonly #runtime: Runtime;
	readonly #name: string;
	readonly #attrs: Attrs;
	readonly #context = new Set<string>();
	readonly #env = new Map<string, string>();
	#args: string[] = [];
	#builder = "";
	#system = "";
	#outputs: readonly string[] = ["out"];
	#outputHash: string | undefined;
	#outputHashAlgo: HashAlgo | undefined;
	#method: ContentAddressMethod | undefined;
	/** `"name":value` pairs of structured attributes, in order. */
	#structured: string[] | undefined;

	constructor(runtime: Runtime, name: string, attrs: Attrs) {
		this.#runtime = runtime;
		this.#name = name;
		this.#attrs = attrs;
	}

	/** The derivation; output paths and the variables named as the outputs are still open. */
	finish(): Derivation {
		this.#checkName();
		if (this.#flag("__structuredAttrs")) this.#structured = [];
		const ignoreNulls = this.#flag("__ignoreNulls");
		const values = this.#attrs.values;
		for (const [index, name] of this.#attrs.names.entries()) {
			if (name === "__ignoreNulls") continue;
			const value = values[index] as Lazy;
			try {
				if (ignoreNulls && this.#runtime.force(value) === null) continue;
				this.#attribute(name, value);
			} catch (error) {
				throw addFrame(
					error,
					this.#attrs.positionOf(name),
					`while evaluating attribute '${name}' of derivation '${this.#name}'`,
				);
			}
		}
		if (this.#structured !== undefined) this.#env.set("__json", `{${this.#structured.join(",")}}`);
		if (this.#builder === "") this.#fail("required attribute 'builder' missing");
		if (this.#system === "") this.#fail("required attribute 'system' missing");
		if (this.#name.endsWith(".drv")) {
			this.#fail("derivation names are allowed to end in '.drv' only if they produce a single derivation file");
		}
		return {
			name: this.#name,
			outputs: this.#outputsField(),
			...this.#inputs(),
			system: this.#system,
			builder: this.#builder,
			args: this.#args,
			env: this.#env,
		};
	}

	#fail(message: string): never {
		throw this.#runtime.error("eval", message);
	}

	#checkName(): void {
		if (storeNameFault(this.#name) === undefined) return;
		this.#fail(`invalid derivation name: ${describeNameFault(this.#name)}. Please pass a different 'name'.`);
	}

	#flag(name: string): boolean {
		const value = this.#attrs.get(name);
		if (value === undefined) return false;
		const what = `while evaluating the \`${name}\` attribute passed to builtins.derivationStrict`;
		return this.#runtime.expectBool(value, NO_POSITION, what);
	}

	#attribute(name: string, value: Lazy): void {
		switch (name) {
			case "__contentAddressed":
				if (this.#runtime.expectBool(value, NO_POSITION, "")) this.#needFeature("ca-derivations");
				return;
			case "__impure":
				if (this.#runtime.expectBool(value, NO_POSITION, "")) this.#needFeature("impure-derivations");
				return;
			case "args": {
				const what = "while evaluating an element of the argument list";
				this.#args = this.#runtime.expectList(value, NO_POSITION, "").map((item) => this.#coerce(item, what));
				return;
			}
			default:
				if (this.#structured === undefined) this.#variable(name, value);
				else this.#structuredAttribute(name, value, this.#structured);
		}
	}

	/** Content-addressed derivations are refused, as Nix does by default. */
	#needFeature(feature: string): never {
		this.#fail(
			`experimental Nix feature '${feature}' is disabled; add '--extra-experimental-features ${feature}' to enable it`,
		);
	}

	#coerce(value: Lazy, what: string): string {
		const string = this.#runtime.coerceToString(value, NO_POSITION, what, { more: true });
		if (typeof string === "string") return string;
		this.#addContext(string.context);
		return string.text;
	}

	#addContext(context: StringContext): void {
		for (const element of context) this.#context.add(element);
	}

	#variable(name: string, value: Lazy): void {
		const text = this.#coerce(value, "");
		this.#env.set(name, text);
		switch (name) {
			case "builder":
				this.#builder = text;
				return;
			case "system":
				this.#system = text;
				return;
			case "outputHash":
				this.#outputHash = text;
				return;
			case "outputHashAlgo":
				this.#outputHashAlgo = isHashAlgo(text) ? text : undefined;
				return;
			case "outputHashMode":
				this.#setMethod(text);
				return;
			case "outputs":
				this.#setOutputs(text.split(/[ \t\n\r]+/).filter((each) => each !== ""));
				return;
			case "__json":
				this.#runtime.io.log(
					"warning",
					"setting structured attributes via '__json' is deprecated, and may be disallowed in future versions of Nix. Set '__structuredAttrs = true' instead.",
				);
		}
	}

	#structuredAttribute(name: string, value: Lazy, pairs: string[]): void {
		if (name === "__structuredAttrs") return;
		const json = valueToJson(this.#runtime, value, { strict: true, copyToStore: true });
		this.#addContext(json.context);
		pairs.push(`${quoteJson(name)}:${json.text}`);
		const plain = (): string => this.#runtime.expectPlainString(value, NO_POSITION, "");
		switch (name) {
			case "builder": {
				const builder = this.#runtime.expectString(value, NO_POSITION, "");
				this.#addContext(contextOf(builder));
				this.#builder = textOf(builder);
				return;
			}
			case "system":
				this.#system = plain();
				return;
			case "outputHash":
				this.#outputHash = plain();
				return;
			case "outputHashAlgo": {
				const algo = plain();
				this.#outputHashAlgo = isHashAlgo(algo) ? algo : undefined;
				return;
			}
			case "outputHashMode":
				this.#setMethod(plain());
				return;
			case "outputs": {
				const list = this.#runtime.expectList(value, NO_POSITION, "");
				this.#setOutputs(list.map((item) => this.#runtime.expectPlainString(item, NO_POSITION, "")));
				return;
			}
			default:
				if (!replacedByOutputChecks.has(name)) return;
				this.#warnAt(
					name,
					`'structuredAttrs' disables the effect of the derivation attribute '${name}'; use 'outputChecks.<output>.${name}' instead`,
				);
		}
	}

	/** A warning about an attribute, with the derivation that has it and where it is written. */
	#warnAt(attribute: string, message: string): void {
		const margin = " ".repeat("warning: ".length);
		const place = this.#runtime.excerpt(this.#attrs.positionOf(attribute));
		const lines = [`${ELLIPSIS}while evaluating derivation '${this.#name}'`, "", `warning: ${message}`].map((line) =>
			`${margin}${line}`.trimEnd(),
		);
		this.#runtime.io.log("warning", `\n${lines.join("\n")}${place === "" ? "" : `\n${place}`}`);
	}

	#setMethod(mode: string): void {
		if (mode === "recursive" || mode === "nar") this.#method = "recursive";
		else if (mode === "flat") this.#method = "flat";
		else if (mode === "text") this.#needFeature("dynamic-derivations");
		else if (mode === "git") this.#needFeature("git-hashing");
		else this.#fail(`invalid value '${mode}' for 'outputHashMode' attribute`);
	}

	#setOutputs(names: readonly string[]): void {
		const seen = new Set<string>();
		for (const name of names) {
			if (seen.has(name)) this.#fail(`duplicate derivation output '${name}'`);
			if (name === "drvPath") this.#fail("invalid derivation output name 'drvPath'");
			seen.add(name);
		}
		if (names.length === 0) this.#fail("derivation cannot have an empty set of outputs");
		this.#outputs = [...names].sort();
	}

	#outputsField(): Map<string, DerivationOutput> {
		const outputs = new Map<string, DerivationOutput>();
		if (this.#outputHash === undefined) {
			for (const name of this.#outputs) outputs.set(name, { path: "", hashAlgo: "", hash: "" });
			return outputs;
		}
		if (this.#outputs.length !== 1 || this.#outputs[0] !== "out") {
			this.#fail("multiple outputs are not supported in fixed-output derivations");
		}
		const hash = parseOutputHash(this.#runtime, this.#outputHash, this.#outputHashAlgo);
		const promise = formatFixedOutput({ method: this.#method ?? "flat", hash });
		outputs.set("out", { path: "", ...promise });
		return outputs;
	}

	/** What the contexts of all strings name becomes an input. */
	#inputs(): Pick<Derivation, "inputDrvs" | "inputSrcs"> {
		const sources = new Set<string>();
		const outputs = new Map<string, Set<string>>();
		const addOutput = (drvPath: string, output: string): void => {
			const known = outputs.get(drvPath);
			if (known === undefined) outputs.set(drvPath, new Set([output]));
			else known.add(output);
		};
		for (const encoded of this.#context) {
			const element = parseContextElement(encoded);
			switch (element.kind) {
				case "object":
					sources.add(element.path);
					break;
				case "output":
					addOutput(element.drvPath, element.output);
					break;
				case "closure": {
					const closure = derivationClosure(this.#runtime, element.drvPath);
					for (const path of closure.paths) sources.add(path);
					for (const [drvPath, names] of closure.outputs) for (const name of names) addOutput(drvPath, name);
				}
			}
		}
		const inputDrvs = new Map<DrvPath, readonly string[]>();
		for (const [drvPath, names] of outputs) inputDrvs.set(drvPath as DrvPath, [...names].sort());
		return { inputDrvs, inputSrcs: [...sources].sort() as StorePath[] };
	}
}

/** The hash that `outputHash` or `sha256` gives; an empty one stands for zeros, with a warning. */
export function parseOutputHash(runtime: Runtime, text: string, algo: HashAlgo | undefined): Hash {
	if (text === "") {
		if (algo === undefined) throw runtime.error("eval", "empty hash requires explicit hash algorithm");
		const zeros = zeroHash(algo);
		runtime.io.log("warning", `found empty hash, assuming '${formatHash(zeros, "sri")}'`);
		return zeros;
	}
	try {
		return parseHash(text, algo);
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		throw runtime.error("eval", error.diagnostics[0]?.message ?? error.message, { cause: error });
	}
}

/** What is wrong with the name of a store object, in Nix's words. */
export function describeNameFault(name: string): string {
	if (name === "") return "name must not be empty";
	if (name.length > 211) return `name '${name}' must be no longer than 211 characters`;
	const dotted = /^(\.\.?)(-|$)/.exec(name);
	if (dotted?.[2] === "-") {
		return `name '${name}' is not valid: first dash-separated component must not be '${dotted[1] ?? ""}'`;
	}
	if (dotted !== null) return `name '${name}' is not valid`;
	return `name '${name}' contains illegal character '${/[^0-9a-zA-Z+\-._?=]/.exec(name)?.[0] ?? ""}'`;
}
