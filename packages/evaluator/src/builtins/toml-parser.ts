/**
 * TOML 1.0 (https://toml.io/en/v1.0.0) into plain data. Layer 1, pure; texts are byte strings in UTF-8.
 *
 * Dates and times are recognised and handed out as text, since Nix refuses them or passes them on as text.
 */

import { invalidUtf8At, utf8 } from "./json-text.ts";

export class TomlError extends Error {}

export type TomlValue =
	| string
	| boolean
	| { readonly kind: "integer"; readonly value: bigint }
	| { readonly kind: "float"; readonly value: number }
	| { readonly kind: "timestamp"; readonly text: string }
	| TomlValue[]
	| TomlTable;

export class TomlTable {
	readonly entries: Map<string, TomlValue> = new Map();
	/** `header`: by `[table]`; `dotted`: by a dotted key; `implicit`: as a parent of a header; `inline`: closed. */
	origin: "header" | "dotted" | "implicit" | "inline";

	constructor(origin: TomlTable["origin"]) {
		this.origin = origin;
	}
}

/** Parses a document. Throws {@link TomlError}. */
export function parseToml(text: string): TomlTable {
	return new TomlParser(text).parse();
}

const mostDepth = 500;
const bareKey = /[A-Za-z0-9_-]+/y;
const scalar = /[^\s,\]}#]+(?: [0-9]{2}:[0-9:.]+(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?)?/y;
const date = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
const time = "[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]+)?";
const timestamp = new RegExp(`^(?:(${date})(?:[Tt ](${time})([Zz]|[+-][0-9]{2}:[0-9]{2})?)?|(${time}))$`);
const decimalForm = /^[+-]?(?:0|[1-9](?:_?[0-9])*)$/;
const floatForm = /^[+-]?(?:0|[1-9](?:_?[0-9])*)(?:\.[0-9](?:_?[0-9])*)?(?:[eE][+-]?[0-9](?:_?[0-9])*)?$/;
const prefixedForm = /^0(?:x[0-9a-fA-F](?:_?[0-9a-fA-F])*|o[0-7](?:_?[0-7])*|b[01](?:_?[01])*)$/;

class TomlParser {
	readonly #text: string;
	#at = 0;
	/** Arrays made by `[[name]]`, which others must not extend. */
	readonly #tableArrays = new WeakSet<TomlValue[]>();

	constructor(text: string) {
		const invalid = invalidUtf8At(text);
		this.#text = text.startsWith("\xef\xbb\xbf") ? text.slice(3) : text;
		if (invalid >= 0) {
			this.#at = invalid;
			this.#fail("the text is not UTF-8");
		}
	}

	parse(): TomlTable {
		const root = new TomlTable("header");
		let table = root;
		for (;;) {
			this.#blank();
			if (this.#at >= this.#text.length) return root;
			if (this.#text[this.#at] === "[") table = this.#header(root);
			else this.#keyValue(table, 0);
			this.#lineEnd();
		}
	}

	#fail(reason: string): never {
		const before = this.#text.slice(0, this.#at);
		const line = before.split("\n").length;
		throw new TomlError(`${reason} at line ${line}, column ${this.#at - before.lastIndexOf("\n")}`);
	}

	#space(): void {
		while (this.#text[this.#at] === " " || this.#text[this.#at] === "\t") this.#at++;
	}

	/** Space, comments and line ends. */
	#blank(): void {
		for (;;) {
			this.#space();
			this.#comment();
			if (!this.#newline()) return;
		}
	}

	#newline(): boolean {
		if (this.#text[this.#at] === "\n") this.#at++;
		else if (this.#text.startsWith("\r\n", this.#at)) this.#at += 2;
		else return false;
		return true;
	}

	#comment(): void {
		if (this.#text[this.#at] !== "#") return;
		const rest = /[^\x00-\x08\x0a-\x1f\x7f]*/y;
		rest.lastIndex = this.#at;
		rest.test(this.#text);
		this.#at = rest.lastIndex;
	}

	#lineEnd(): void {
		this.#space();
		this.#comment();
		if (this.#at < this.#text.length && !this.#newline()) this.#fail("a line end is expected");
	}

	#take(expected: string): void {
		if (!this.#text.startsWith(expected, this.#at)) this.#fail(`'${expected}' is expected`);
		this.#at += expected.length;
	}

	#header(root: TomlTable): TomlTable {
		const isArray = this.#text.startsWith("[[", this.#at);
		this.#at += isArray ? 2 : 1;
		const path = this.#key();
		this.#take(isArray ? "]]" : "]");
		const last = path.pop() ?? "";
		let parent = root;
		for (const name of path) {
			let next = parent.entries.get(name);
			if (next === undefined) {
				next = new TomlTable("implicit");
				parent.entries.set(name, next);
			}
			if (Array.isArray(next) && this.#tableArrays.has(next)) next = next.at(-1);
			if (!(next instanceof TomlTable) || next.origin === "inline") this.#fail(`'${name}' is not a table`);
			parent = next;
		}
		const existing = parent.entries.get(last);
		if (isArray) return this.#appendTable(parent, last, existing);
		if (existing instanceof TomlTable && existing.origin === "implicit") {
			existing.origin = "header";
			return existing;
		}
		if (existing !== undefined) this.#fail(`'${last}' is already defined`);
		const table = new TomlTable("header");
		parent.entries.set(last, table);
		return table;
	}

	#appendTable(parent: TomlTable, name: string, existing: TomlValue | undefined): TomlTable {
		const table = new TomlTable("header");
		if (existing === undefined) {
			const list: TomlValue[] = [table];
			this.#tableArrays.add(list);
			parent.entries.set(name, list);
		} else if (Array.isArray(existing) && this.#tableArrays.has(existing)) {
			existing.push(table);
		} else {
			this.#fail(`'${name}' is already defined`);
		}
		return table;
	}

	/** A dotted key, with the space around it. */
	#key(): string[] {
		const path: string[] = [];
		for (;;) {
			this.#space();
			path.push(this.#simpleKey());
			this.#space();
			if (this.#text[this.#at] !== ".") return path;
			this.#at++;
		}
	}

	#simpleKey(): string {
		const character = this.#text[this.#at];
		if (character === '"') return this.#basicString();
		if (character === "'") return this.#literalString();
		bareKey.lastIndex = this.#at;
		const found = bareKey.exec(this.#text);
		if (found === null) this.#fail("a key is expected");
		this.#at = bareKey.lastIndex;
		return found[0];
	}

	#keyValue(table: TomlTable, depth: number): void {
		const path = this.#key();
		this.#take("=");
		const last = path.pop() ?? "";
		let parent = table;
		for (const name of path) {
			let next = parent.entries.get(name);
			if (next === undefined) {
				next = new TomlTable("dotted");
				parent.entries.set(name, next);
			}
			if (!(next instanceof TomlTable) || next.origin !== "dotted") this.#fail(`'${name}' cannot be extended`);
			parent = next;
		}
		if (parent.entries.has(last)) this.#fail(`'${last}' is already defined`);
		this.#space();
		parent.entries.set(last, this.#value(depth));
	}

	#value(depth: number): TomlValue {
		if (depth > mostDepth) this.#fail("values are nested too deeply");
		const text = this.#text;
		switch (text[this.#at]) {
			case '"':
				return text.startsWith('"""', this.#at) ? this.#multilineBasic() : this.#basicString();
			case "'":
				return text.startsWith("'''", this.#at) ? this.#multilineLiteral() : this.#literalString();
			case "[":
				return this.#array(depth);
			case "{":
				return this.#inlineTable(depth);
			default:
				return this.#scalar();
		}
	}

	#array(depth: number): TomlValue[] {
		const values: TomlValue[] = [];
		this.#at++;
		for (;;) {
			this.#blank();
			if (this.#text[this.#at] === "]") break;
			values.push(this.#value(depth + 1));
			this.#blank();
			if (this.#text[this.#at] !== ",") break;
			this.#at++;
		}
		this.#take("]");
		return values;
	}

	#inlineTable(depth: number): TomlTable {
		const table = new TomlTable("dotted");
		this.#at++;
		this.#space();
		if (this.#text[this.#at] !== "}") {
			for (;;) {
				this.#keyValue(table, depth + 1);
				this.#space();
				if (this.#text[this.#at] !== ",") break;
				this.#at++;
			}
		}
		this.#take("}");
		close(table);
		return table;
	}

	#scalar(): TomlValue {
		scalar.lastIndex = this.#at;
		const token = scalar.exec(this.#text)?.[0];
		if (token === undefined) this.#fail("a value is expected");
		// A space belongs to a token only between a date and a time.
		const word = timestamp.test(token) ? token : (token.split(" ")[0] ?? token);
		const value = this.#word(word);
		this.#at += word.length;
		return value;
	}

	#word(word: string): TomlValue {
		if (word === "true") return true;
		if (word === "false") return false;
		if (decimalForm.test(word) || prefixedForm.test(word)) return this.#integer(word);
		if (floatForm.test(word)) return { kind: "float", value: Number(word.replaceAll("_", "")) };
		const named = /^([+-]?)(inf|nan)$/.exec(word);
		if (named !== null) {
			const magnitude = named[2] === "inf" ? Number.POSITIVE_INFINITY : Number.NaN;
			return { kind: "float", value: named[1] === "-" ? -magnitude : magnitude };
		}
		if (timestamp.test(word)) return { kind: "timestamp", text: this.#normaliseTimestamp(word) };
		this.#fail(`'${word}' is not a value`);
	}

	#integer(word: string): TomlValue {
		const digits = word.replaceAll("_", "");
		const value = digits.startsWith("+") ? BigInt(digits.slice(1)) : BigInt(digits);
		if (value > 2n ** 63n - 1n || value < -(2n ** 63n)) {
			if (decimalForm.test(word)) this.#failTooLarge(word);
			this.#fail(`the integer '${word}' does not fit into 64 bits`);
		}
		return { kind: "integer", value };
	}

	/** In the words and with the picture of the parser that Nix uses. */
	#failTooLarge(word: string): never {
		const before = this.#text.slice(0, this.#at);
		const start = before.lastIndexOf("\n") + 1;
		const end = this.#text.indexOf("\n", this.#at);
		const line = this.#text.slice(start, end < 0 ? undefined : end).replace(/\r$/, "");
		const number = String(before.split("\n").length);
		const margin = " ".repeat(number.length + 1);
		const picture = [
			"[error] toml::parse_dec_integer: too large integer: current max digits = 2^63",
			`${margin.slice(1)}--> fromTOML`,
			`${margin} |`,
			` ${number} | ${line}`,
			`${margin} | ${" ".repeat(this.#at - start + word.length)}^-- must be < 2^63`,
		];
		throw new TomlError(`${picture.join("\n")}\n`);
	}

	/** Upper-case separators; fractions of a second in three, six or nine digits. */
	#normaliseTimestamp(word: string): string {
		const numbers = word.match(/[0-9]+/g)?.map(Number) ?? [];
		if (word.includes("-", 4)) {
			const [year = 0, month = 0, day = 0] = numbers;
			const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
			if (month < 1 || month > 12 || day < 1 || day > days) this.#fail(`'${word}' is not a date`);
		}
		const clock = /([0-9]{2}):([0-9]{2}):([0-9]{2})/.exec(word);
		if (clock !== null && (Number(clock[1]) > 23 || Number(clock[2]) > 59 || Number(clock[3]) > 60)) {
			this.#fail(`'${word}' is not a time`);
		}
		return word
			.replace(/[t ]/, "T")
			.replace("z", "Z")
			.replace(/\.([0-9]+)/, (_, fraction: string) => {
				const nine = fraction.slice(0, 9).padEnd(9, "0");
				if (/^0+$/.test(nine)) return "";
				return `.${nine.replace(/(?:000){1,2}$/, "")}`;
			});
	}

	#literalString(): string {
		return this.#closedString(/'([^\x00-\x08\x0a-\x1f\x7f']*)'/y);
	}

	#multilineLiteral(): string {
		const form = /'''(?:\r?\n)?((?:[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f'\r]|\r\n|'(?!''))*?'{0,2})'''(?!')/y;
		return this.#closedString(form);
	}

	/** The first group of a sticky expression that matches a whole string from here. */
	#closedString(form: RegExp): string {
		form.lastIndex = this.#at;
		const found = form.exec(this.#text);
		if (found === null) this.#fail("a string is not closed");
		this.#at = form.lastIndex;
		return found[1] ?? "";
	}

	#basicString(): string {
		this.#at++;
		let result = "";
		const run = /[^\x00-\x08\x0a-\x1f\x7f"\\]*/y;
		for (;;) {
			run.lastIndex = this.#at;
			result += run.exec(this.#text)?.[0] ?? "";
			this.#at = run.lastIndex;
			const character = this.#text[this.#at];
			if (character === '"') {
				this.#at++;
				return result;
			}
			if (character !== "\\") this.#fail("a string is not closed");
			result += this.#escape();
		}
	}

	#multilineBasic(): string {
		this.#at += 3;
		this.#newline();
		let result = "";
		const run = /(?:[^\x00-\x08\x0b-\x1f\x7f"\\]|\r\n)*/y;
		for (;;) {
			run.lastIndex = this.#at;
			result += run.exec(this.#text)?.[0] ?? "";
			this.#at = run.lastIndex;
			const character = this.#text[this.#at];
			if (character === '"') {
				const quotes = /"+/y;
				quotes.lastIndex = this.#at;
				const count = quotes.exec(this.#text)?.[0].length ?? 0;
				if (count > 5) this.#fail("too many quotes");
				this.#at += count;
				if (count >= 3) return result + '"'.repeat(count - 3);
				result += '"'.repeat(count);
			} else if (character === "\\") {
				result += this.#lineContinuation() ? "" : this.#escape();
			} else {
				this.#fail("a string is not closed");
			}
		}
	}

	/** A backslash at the end of a line takes the white space that follows away. */
	#lineContinuation(): boolean {
		const form = /\\[ \t]*\r?\n[ \t\r\n]*/y;
		form.lastIndex = this.#at;
		if (!form.test(this.#text)) return false;
		this.#at = form.lastIndex;
		return true;
	}

	/** At a backslash. */
	#escape(): string {
		const character = this.#text[this.#at + 1] ?? "";
		const simple = simpleEscapes[character];
		if (simple !== undefined) {
			this.#at += 2;
			return simple;
		}
		const length = character === "u" ? 4 : character === "U" ? 8 : 0;
		const digits = this.#text.slice(this.#at + 2, this.#at + 2 + length);
		const codePoint = Number.parseInt(digits, 16);
		const isScalar = codePoint <= 0x10ffff && !(codePoint >= 0xd800 && codePoint <= 0xdfff);
		if (length === 0 || digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits) || !isScalar) {
			this.#fail("an escape sequence is not valid");
		}
		this.#at += 2 + length;
		return utf8(codePoint);
	}
}

const simpleEscapes: Readonly<Record<string, string>> = {
	b: "\b",
	t: "\t",
	n: "\n",
	f: "\f",
	r: "\r",
	'"': '"',
	"\\": "\\",
};

/** An inline table and the tables its dotted keys made cannot be extended from outside. */
function close(table: TomlTable): void {
	table.origin = "inline";
	for (const value of table.entries.values()) {
		if (value instanceof TomlTable && value.origin === "dotted") close(value);
	}
}
