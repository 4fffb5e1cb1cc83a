/**
 * The text of a store derivation: one ATerm, `Derive([outputs],[inputDrvs],[inputSrcs],system,builder,[args],[env])`.
 * Layer 1, pure. Strings are found by `indexOf`, and walked by character only where they hold an escape.
 */

import { fail, Source } from "@devenv/diagnostics";
import type { ByteString } from "./byte-string.ts";
import type { Derivation, DerivationOutput } from "./derivation.ts";
import { DEFAULT_STORE_DIR, isDrvPath, isStorePath, type DrvPath, type StorePath } from "./store-path.ts";

const SPECIAL = /["\\\n\r\t]/;

/** A string in quotes, with Nix's five escapes. */
export function quoteString(text: ByteString): ByteString {
	if (!SPECIAL.test(text)) return `"${text}"`;
	const escaped = text
		.replaceAll("\\", "\\\\")
		.replaceAll('"', '\\"')
		.replaceAll("\n", "\\n")
		.replaceAll("\r", "\\r")
		.replaceAll("\t", "\\t");
	return `"${escaped}"`;
}

/** `["a","b"]` of strings that need no escape, such as store paths and output names. */
function plainList(items: readonly string[]): string {
	return items.length === 0 ? "[]" : `["${items.join('","')}"]`;
}

/** The derivation's outputs; with `masked`, without their paths. */
export function outputsTerm(outputs: ReadonlyMap<string, DerivationOutput>, masked: boolean): string {
	const names = [...outputs.keys()].sort();
	const terms = names.map((name) => {
		const { path = "", hashAlgo = "", hash = "" } = outputs.get(name) ?? {};
		return `("${name}","${masked ? "" : path}","${hashAlgo}","${hash}")`;
	});
	return `[${terms.join(",")}]`;
}

/** Input derivations, named by path or (in hashing modulo) by hash, with the sorted names of their outputs. */
export function inputsTerm(inputs: ReadonlyMap<string, readonly string[]>): string {
	const keys = [...inputs.keys()].sort();
	const terms = keys.map((key) => `("${key}",${plainList(sortedSet(inputs.get(key) ?? []))})`);
	return `[${terms.join(",")}]`;
}

/** What follows the input derivations, up to the environment. Nix writes the system without any escape. */
export function middleTerm(drv: Derivation): ByteString {
	const sources = plainList(sortedSet(drv.inputSrcs));
	const args = drv.args.map(quoteString).join(",");
	return `${sources},"${drv.system}",${quoteString(drv.builder)},[${args}]`;
}

/** The same bytes as Nix writes. Inverts {@link parseDerivation} for systems that hold nothing to escape. */
export function formatDerivation(drv: Derivation): ByteString {
	const outputs = outputsTerm(drv.outputs, false);
	const names = [...drv.env.keys()].sort();
	const env = names.map((name) => `(${quoteString(name)},${quoteString(drv.env.get(name) ?? "")})`);
	return `Derive(${outputs},${inputsTerm(drv.inputDrvs)},${middleTerm(drv)},[${env.join(",")}])`;
}

/** Options of {@link parseDerivation}. */
export interface ParseDerivationOptions {
	/** The derivation's name: that of its store path without `.drv`. */
	readonly name: string;
	readonly storeDir?: string;
	/** What to call the text in diagnostics; the name with `.drv` unless given. */
	readonly file?: string;
}

/**
 * Reads a `.drv`. Fails with `DRV_SYNTAX`, located, on anything that Nix would not have written, paths that are no
 * store paths and names given twice included.
 */
export function parseDerivation(text: ByteString, options: ParseDerivationOptions): Derivation {
	return new DerivationReader(text, options).read();
}

function sortedSet<T extends string>(items: readonly T[]): readonly T[] {
	return items.length < 2 ? items : [...new Set(items)].sort();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OUTPUT_NAME = /^[0-9a-zA-Z+\-._?=]+$/;

class DerivationReader {
	readonly #text: string;
	readonly #options: ParseDerivationOptions;
	readonly #storeDir: string;
	#at = 0;
	/** The first backslash at or after `#at`; the text's length when there is none. */
	#nextBackslash = -1;

	constructor(text: string, options: ParseDerivationOptions) {
		this.#text = text;
		this.#options = options;
		this.#storeDir = options.storeDir ?? DEFAULT_STORE_DIR;
	}

	read(): Derivation {
		if (this.#text.startsWith("DrvWithVersion(")) {
			this.#fail("it uses a newer format, which only dynamic derivations need", 0);
		}
		this.#expect("Derive(");
		const outputs = new Map<string, DerivationOutput>();
		this.#list(() => {
			this.#output(outputs);
		});
		if (outputs.size === 0) this.#fail("it has no outputs", this.#at);
		this.#expect(",");
		const inputDrvs = new Map<DrvPath, readonly string[]>();
		this.#list(() => {
			this.#inputDrv(inputDrvs);
		});
		this.#expect(",");
		const inputSrcs: StorePath[] = [];
		this.#list(() => inputSrcs.push(this.#storePath()));
		this.#expect(",");
		const system = this.#string();
		this.#expect(",");
		const builder = this.#string();
		this.#expect(",");
		const args: string[] = [];
		this.#list(() => args.push(this.#string()));
		this.#expect(",");
		const env = new Map<string, string>();
		this.#list(() => {
			this.#variable(env);
		});
		this.#expect(")");
		if (this.#at !== this.#text.length) this.#fail("something follows its end", this.#at);
		return { name: this.#options.name, outputs, inputDrvs, inputSrcs, system, builder, args, env };
	}

	#output(outputs: Map<string, DerivationOutput>): void {
		this.#expect("(");
		const nameStart = this.#at;
		const name = this.#outputName();
		if (outputs.has(name)) this.#fail(`output "${name}" is given twice`, nameStart);
		this.#expect(",");
		const start = this.#at;
		const path = this.#string();
		if (path !== "" && !isStorePath(path, this.#storeDir)) this.#fail(`"${path}" is not a store path`, start);
		this.#expect(",");
		const hashAlgo = this.#string();
		this.#expect(",");
		const hash = this.#string();
		this.#expect(")");
		outputs.set(name, { path: path, hashAlgo, hash });
	}

	#inputDrv(inputDrvs: Map<DrvPath, readonly string[]>): void {
		this.#expect("(");
		const start = this.#at;
		const path = this.#string();
		if (!isDrvPath(path, this.#storeDir)) this.#fail(`"${path}" is not the path of a store derivation`, start);
		if (inputDrvs.has(path)) this.#fail(`input derivation "${path}" is given twice`, start);
		this.#expect(",");
		const names: string[] = [];
		this.#list(() => names.push(this.#outputName()));
		this.#expect(")");
		inputDrvs.set(path, names);
	}

	#variable(env: Map<string, string>): void {
		this.#expect("(");
		const start = this.#at;
		const name = this.#string();
		if (env.has(name)) this.#fail(`variable "${name}" is given twice`, start);
		this.#expect(",");
		env.set(name, this.#string());
		this.#expect(")");
	}

	#storePath(): StorePath {
		const start = this.#at;
		const path = this.#string();
		if (!isStorePath(path, this.#storeDir)) this.#fail(`"${path}" is not a store path`, start);
		return path;
	}

	#outputName(): string {
		const start = this.#at;
		const name = this.#string();
		if (!OUTPUT_NAME.test(name)) this.#fail(`"${name}" is not an output name`, start);
		return name;
	}

	#list(item: () => void): void {
		this.#expect("[");
		if (this.#text[this.#at] === "]") {
			this.#at += 1;
			return;
		}
		for (;;) {
			item();
			if (this.#text[this.#at] !== ",") break;
			this.#at += 1;
		}
		this.#expect("]");
	}

	#expect(token: string): void {
		if (!this.#text.startsWith(token, this.#at)) {
			const found = this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : "the end";
			this.#fail(`expected ${JSON.stringify(token)}, found ${found}`, this.#at);
		}
		this.#at += token.length;
	}

	#string(): ByteString {
		const text = this.#text;
		const start = this.#at + 1;
		if (text.charCodeAt(this.#at) !== QUOTE) this.#expect('"');
		const end = text.indexOf('"', start);
		if (end < 0) this.#fail("a string has no end", this.#at);
		if (this.#nextBackslash < start) {
			const found = text.indexOf("\\", start);
			this.#nextBackslash = found < 0 ? text.length : found;
		}
		if (this.#nextBackslash > end) {
			this.#at = end + 1;
			return text.slice(start, end);
		}
		return this.#escapedString(start);
	}

	#escapedString(start: number): ByteString {
		const text = this.#text;
		let result = "";
		let from = start;
		let at = this.#nextBackslash;
		for (;;) {
			const code = text.charCodeAt(at);
			if (code === BACKSLASH) {
				result += text.slice(from, at) + this.#unescape(at + 1);
				at += 2;
				from = at;
			} else if (code === QUOTE) {
				this.#at = at + 1;
				return result + text.slice(from, at);
			} else if (at >= text.length) {
				this.#fail("a string has no end", start - 1);
			} else {
				at += 1;
			}
		}
	}

	#unescape(at: number): string {
		const escaped = this.#text[at] ?? "";
		return escaped === "n" ? "\n" : escaped === "r" ? "\r" : escaped === "t" ? "\t" : escaped;
	}

	#fail(reason: string, offset: number): never {
		const { name, file = `${name}.drv` } = this.#options;
		const location = new Source(file, this.#text).locate(offset);
		return fail("DRV_SYNTAX", `store derivation "${file}" is not valid: ${reason}`, {
			location: { ...location, ...shortened(location.lineText, location.column) },
			hint: "the file is damaged or was not written by Nix; delete the store object and instantiate it again",
		});
	}
}

/** A `.drv` is one long line: keeps the part around the column. */
function shortened(lineText: string | undefined, column: number): { lineText?: string } {
	if (lineText === undefined || lineText.length <= 200) return {};
	return { lineText: column <= 200 ? lineText.slice(0, 200) : "" };
}
