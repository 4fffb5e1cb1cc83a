/**
 * JSON as text of bytes: quoting, and a parser that keeps integers apart from floats. Layer 1, pure.
 *
 * Texts are byte strings; the parser checks that strings are UTF-8, like the library that Nix uses (nlohmann/json),
 * whose error codes the messages carry.
 */

/** A JSON text, or a string to be written as JSON, is malformed. */
export class JsonError extends Error {}

/** What the parser builds; an object's names come in the order of the text, a name that comes again wins. */
export interface JsonBuilder<T> {
	readonly null: T;
	boolean(value: boolean): T;
	integer(value: number | bigint): T;
	float(value: number): T;
	string(value: string): T;
	array(values: T[]): T;
	object(names: string[], values: T[]): T;
}

const special = /["\\\x00-\x1f]/;
const quoted: Record<string, string> = {
	'"': '\\"',
	"\\": "\\\\",
	"\b": "\\b",
	"\f": "\\f",
	"\n": "\\n",
	"\r": "\\r",
	"\t": "\\t",
};

/** Writes a byte string as a JSON string. Throws {@link JsonError} where it is not UTF-8. */
export function quoteJson(text: string): string {
	const invalid = invalidUtf8At(text);
	if (invalid >= 0) {
		const byte = text.charCodeAt(invalid).toString(16).toUpperCase().padStart(2, "0");
		throw new JsonError(`[json.exception.type_error.316] invalid UTF-8 byte at index ${invalid}: 0x${byte}`);
	}
	if (!special.test(text)) return `"${text}"`;
	const escaped = text.replace(/["\\\x00-\x1f]/g, (character) => {
		return quoted[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
	});
	return `"${escaped}"`;
}

/** The index of the first byte that is not UTF-8, -1 where all are. */
export function invalidUtf8At(text: string): number {
	if (!/[\x80-\xff]/.test(text)) return -1;
	const form =
		/[\x00-\x7f]+|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}/y;
	let at = 0;
	while (at < text.length) {
		form.lastIndex = at;
		if (!form.test(text)) return at;
		at = form.lastIndex;
	}
	return -1;
}

/** Parses a whole text. Throws {@link JsonError}. */
export function parseJson<T>(text: string, builder: JsonBuilder<T>): T {
	return new JsonParser(text, builder).parse();
}

const mostDepth = 10_000;
const numberForm = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const plainRun = /[^"\\\x00-\x1f]*/y;
const largest = 2n ** 63n - 1n;
const smallest = -(2n ** 63n);

class JsonParser<T> {
	readonly #text: string;
	readonly #build: JsonBuilder<T>;
	#at = 0;
	/** Equal names are one string object, so that records of one form share their names. */
	readonly #names = new Map<string, string>();

	constructor(text: string, builder: JsonBuilder<T>) {
		this.#text = text;
		this.#build = builder;
	}

	parse(): T {
		const invalid = invalidUtf8At(this.#text);
		if (invalid >= 0) {
			this.#at = invalid;
			this.#fail("value", "invalid string: ill-formed UTF-8 byte");
		}
		const value = this.#value(0);
		this.#space();
		if (this.#at < this.#text.length) this.#fail("value", "unexpected end of input was expected");
		return value;
	}

	#space(): void {
		for (;;) {
			const code = this.#text.charCodeAt(this.#at);
			if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
			this.#at++;
		}
	}

	#value(depth: number): T {
		if (depth > mostDepth) this.#fail("value", "nested too deeply");
		this.#space();
		const text = this.#text;
		switch (text[this.#at]) {
			case "{":
				return this.#object(depth);
			case "[":
				return this.#array(depth);
			case '"':
				return this.#build.string(this.#string());
			case "t":
				this.#word("true");
				return this.#build.boolean(true);
			case "f":
				this.#word("false");
				return this.#build.boolean(false);
			case "n":
				this.#word("null");
				return this.#build.null;
			default:
				return this.#number();
		}
	}

	#word(word: string): void {
		if (!this.#text.startsWith(word, this.#at)) this.#fail("value", "invalid literal");
		this.#at += word.length;
	}

	#number(): T {
		numberForm.lastIndex = this.#at;
		const found = numberForm.exec(this.#text);
		if (found === null)
			this.#fail("value", this.#at < this.#text.length ? "invalid literal" : "unexpected end of input");
		this.#at = numberForm.lastIndex;
		const [token, fraction, power] = found;
		if (fraction === undefined && power === undefined) {
			if (token.length < 16) return this.#build.integer(Number(token) + 0);
			const exact = BigInt(token);
			if (exact >= smallest && exact <= largest) return this.#build.integer(exact);
			if (exact > 0n && exact < 2n ** 64n) {
				throw new JsonError(`unsigned json number ${token} outside of Nix integer range`);
			}
		}
		const value = Number(token);
		if (!Number.isFinite(value)) {
			throw new JsonError(`[json.exception.out_of_range.406] number overflow parsing '${token}'`);
		}
		return this.#build.float(value);
	}

	#array(depth: number): T {
		const values: T[] = [];
		this.#at++;
		this.#space();
		if (this.#text[this.#at] === "]") {
			this.#at++;
			return this.#build.array(values);
		}
		for (;;) {
			values.push(this.#value(depth + 1));
			this.#space();
			const character = this.#text[this.#at];
			if (character !== "," && character !== "]") this.#fail("array", "expected ',' or ']'");
			this.#at++;
			if (character === "]") return this.#build.array(values);
		}
	}

	#object(depth: number): T {
		const names: string[] = [];
		const values: T[] = [];
		this.#at++;
		this.#space();
		if (this.#text[this.#at] === "}") {
			this.#at++;
			return this.#build.object(names, values);
		}
		for (;;) {
			this.#space();
			if (this.#text[this.#at] !== '"') this.#fail("object key", "expected string literal");
			const name = this.#string();
			const known = this.#names.get(name);
			if (known === undefined) this.#names.set(name, name);
			names.push(known ?? name);
			this.#space();
			if (this.#text[this.#at] !== ":") this.#fail("object separator", "expected ':'");
			this.#at++;
			values.push(this.#value(depth + 1));
			this.#space();
			const character = this.#text[this.#at];
			if (character !== "," && character !== "}") this.#fail("object", "expected ',' or '}'");
			this.#at++;
			if (character === "}") return this.#build.object(names, values);
		}
	}

	/** At the opening quote. */
	#string(): string {
		const text = this.#text;
		let result = "";
		let from = this.#at + 1;
		for (;;) {
			plainRun.lastIndex = from;
			plainRun.test(text);
			const end = plainRun.lastIndex;
			const character = text[end];
			this.#at = end;
			if (character === '"') {
				this.#at = end + 1;
				return result === "" ? text.slice(from, end) : result + text.slice(from, end);
			}
			if (character !== "\\") {
				this.#fail(
					"value",
					character === undefined
						? "invalid string: missing closing quote"
						: "invalid string: control character must be escaped",
				);
			}
			result += text.slice(from, end) + this.#escape(end + 1);
			from = this.#at;
		}
	}

	#escape(at: number): string {
		const character = this.#text[at];
		this.#at = at + 1;
		switch (character) {
			case '"':
			case "\\":
			case "/":
				return character;
			case "b":
				return "\b";
			case "f":
				return "\f";
			case "n":
				return "\n";
			case "r":
				return "\r";
			case "t":
				return "\t";
			case "u":
				return this.#codePoint(at + 1);
			default:
				this.#fail("value", "invalid string: forbidden character after backslash");
		}
	}

	#codePoint(at: number): string {
		const unit = this.#hex(at);
		if (unit >= 0xdc00 && unit <= 0xdfff) {
			this.#fail("value", "invalid string: surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF");
		}
		if (unit < 0xd800 || unit > 0xdbff) return utf8(unit);
		const low = this.#text.startsWith("\\u", at + 4) ? this.#hex(at + 6) : -1;
		if (low < 0xdc00 || low > 0xdfff) {
			this.#fail("value", "invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF");
		}
		return utf8(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
	}

	#hex(at: number): number {
		const digits = this.#text.slice(at, at + 4);
		this.#at = at + 4;
		if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.#fail("value", "invalid string: '\\u' must be followed by 4 hex digits");
		return Number.parseInt(digits, 16);
	}

	#fail(context: string, reason: string): never {
		const before = this.#text.slice(0, this.#at);
		const line = before.split("\n").length;
		const column = this.#at - before.lastIndexOf("\n");
		throw new JsonError(
			`[json.exception.parse_error.101] parse error at line ${line}, column ${column}: syntax error while parsing ${context} - ${reason}`,
		);
	}
}

/** A code point as UTF-8 bytes. */
export function utf8(codePoint: number): string {
	if (codePoint < 0x80) return String.fromCharCode(codePoint);
	return Buffer.from(String.fromCodePoint(codePoint), "utf8").toString("latin1");
}
