/**
 * POSIX extended regular expressions, parsed into a tree. Layer 1, pure.
 *
 * The grammar is the one that Nix's library (libstdc++, `std::regex::extended`) accepts, which is a little wider than
 * POSIX: empty alternatives and groups, stacked quantifiers, class names in any case. Texts are byte strings.
 */

/** Why an expression is refused; the caller words the message. */
export class RegexSyntaxError extends Error {
	readonly kind: "syntax" | "space";

	constructor(message: string, kind: "syntax" | "space" = "syntax") {
		super(message);
		this.kind = kind;
	}
}

/** 256 flags, one per byte. */
export type ByteSet = Uint8Array;

/** How often the body of a repetition stands. */
interface Bounds {
	readonly min: number;
	readonly max: number;
	/** Written as `+`: the first round is one of the loop's own, where `{1,}` has the body twice, as in libstdc++. */
	readonly looped?: true;
}

export type RegexNode =
	| { readonly kind: "empty" }
	| { readonly kind: "set"; readonly set: ByteSet }
	| { readonly kind: "begin" }
	| { readonly kind: "end" }
	| { readonly kind: "group"; readonly index: number; readonly body: RegexNode }
	| { readonly kind: "sequence"; readonly parts: readonly RegexNode[] }
	| { readonly kind: "choice"; readonly left: RegexNode; readonly right: RegexNode }
	| ({ readonly kind: "repeat"; readonly body: RegexNode } & Bounds);

export interface ParsedRegex {
	readonly root: RegexNode;
	readonly groupCount: number;
}

/** Number of automaton states that libstdc++ allows before it gives up. */
const stateLimit = 100_000;
const escapable = ".[\\()*+?{|^$";

/** Parses an expression; throws {@link RegexSyntaxError}. */
export function parseRegex(source: string): ParsedRegex {
	const parser = new Parser(source);
	const root = parser.disjunction(0);
	if (!parser.atEnd()) throw new RegexSyntaxError("unmatched parenthesis or misplaced quantifier");
	if (stateCount(root) > stateLimit) throw new RegexSyntaxError("too many states", "space");
	return { root, groupCount: parser.groupCount };
}

class Parser {
	readonly #source: string;
	#at = 0;
	groupCount = 0;

	constructor(source: string) {
		this.#source = source;
	}

	atEnd(): boolean {
		return this.#at >= this.#source.length;
	}

	disjunction(depth: number): RegexNode {
		if (depth > 1000) throw new RegexSyntaxError("nested too deeply", "space");
		let node = this.#alternative(depth);
		while (this.#take("|")) node = { kind: "choice", left: node, right: this.#alternative(depth) };
		return node;
	}

	#take(character: string): boolean {
		if (this.#source[this.#at] !== character) return false;
		this.#at++;
		return true;
	}

	#alternative(depth: number): RegexNode {
		const parts: RegexNode[] = [];
		for (;;) {
			const part = this.#term(depth);
			if (part === undefined) break;
			parts.push(part);
		}
		const [only] = parts;
		if (only === undefined) return { kind: "empty" };
		return parts.length === 1 ? only : { kind: "sequence", parts };
	}

	#term(depth: number): RegexNode | undefined {
		if (this.#take("^")) return { kind: "begin" };
		if (this.#take("$")) return { kind: "end" };
		let node = this.#atom(depth);
		if (node === undefined) return undefined;
		for (;;) {
			const bounds = this.#quantifier();
			if (bounds === undefined) return node;
			node = { kind: "repeat", body: node, ...bounds };
		}
	}

	#atom(depth: number): RegexNode | undefined {
		const character = this.#source[this.#at];
		switch (character) {
			case undefined:
			case ")":
			case "|":
			case "*":
			case "+":
			case "?":
			case "{":
				return undefined;
			case "(": {
				this.#at++;
				const index = this.groupCount++;
				const body = this.disjunction(depth + 1);
				if (!this.#take(")")) throw new RegexSyntaxError("unclosed parenthesis");
				return { kind: "group", index, body };
			}
			case "[":
				this.#at++;
				return { kind: "set", set: this.#bracket() };
			case ".": {
				this.#at++;
				const set = new Uint8Array(256).fill(1);
				set[0] = 0;
				return { kind: "set", set };
			}
			case "\\": {
				const escaped = this.#source[this.#at + 1];
				if (escaped === undefined || !escapable.includes(escaped)) throw new RegexSyntaxError("unexpected escape");
				this.#at += 2;
				return single(escaped);
			}
			default:
				this.#at++;
				return single(character);
		}
	}

	#quantifier(): Bounds | undefined {
		if (this.#take("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
		if (this.#take("+")) return { min: 1, max: Number.POSITIVE_INFINITY, looped: true };
		if (this.#take("?")) return { min: 0, max: 1 };
		if (!this.#take("{")) return undefined;
		const min = this.#count();
		if (min === undefined) throw new RegexSyntaxError("a number is expected in braces");
		let max: number | undefined = min;
		if (this.#take(",")) max = this.#count() ?? Number.POSITIVE_INFINITY;
		if (!this.#take("}")) throw new RegexSyntaxError("unclosed brace");
		if (max < min) throw new RegexSyntaxError("the bounds in braces are in the wrong order");
		return { min, max };
	}

	#count(): number | undefined {
		const digits = /\d+/y;
		digits.lastIndex = this.#at;
		const found = digits.exec(this.#source);
		if (found === null) return undefined;
		this.#at = digits.lastIndex;
		const count = Number(found[0]);
		if (count > stateLimit) throw new RegexSyntaxError("too many states", "space");
		return count;
	}

	/** After `[`. A dash is literal only first, last, or as a range's end. */
	#bracket(): ByteSet {
		const negated = this.#take("^");
		const set = new Uint8Array(256);
		let last: number | "class" | undefined;
		const flush = (): void => {
			if (typeof last === "number") set[last] = 1;
		};
		for (let first = true; ; first = false) {
			const item = this.#bracketItem(first);
			if (item.kind === "close") break;
			if (item.kind === "class") {
				flush();
				last = "class";
				for (let byte = 0; byte < 256; byte++) if (item.has(byte)) set[byte] = 1;
			} else if (item.kind === "char" || first) {
				flush();
				last = item.byte;
			} else {
				const next = this.#bracketItem(false);
				if (next.kind === "close") {
					flush();
					last = item.byte;
					break;
				}
				if (typeof last !== "number" || next.kind === "class") throw new RegexSyntaxError("invalid range");
				addRange(set, last, next.byte);
				last = undefined;
			}
		}
		flush();
		if (negated) for (let byte = 0; byte < 256; byte++) set[byte] = set[byte] === 1 ? 0 : 1;
		return set;
	}

	#bracketItem(first: boolean): BracketItem {
		const character = this.#source[this.#at++];
		if (character === undefined) throw new RegexSyntaxError("unclosed bracket");
		if (character === "-") return { kind: "dash", byte: 0x2d };
		if (character === "]" && !first) return { kind: "close" };
		if (character === "[") {
			const opener = this.#source[this.#at];
			if (opener === undefined) throw new RegexSyntaxError("unclosed bracket");
			if (opener === ":" || opener === "=" || opener === ".") return this.#bracketClass(opener);
		}
		return { kind: "char", byte: character.charCodeAt(0) };
	}

	#bracketClass(opener: ":" | "=" | "."): BracketItem {
		const end = this.#source.indexOf(opener, this.#at + 1);
		if (end < 0 || this.#source[end + 1] !== "]") throw new RegexSyntaxError("unclosed class name");
		const name = this.#source.slice(this.#at + 1, end);
		this.#at = end + 2;
		if (opener === ":") {
			const test = byteClasses.get(name.toLowerCase());
			if (test === undefined) throw new RegexSyntaxError("invalid character class");
			return { kind: "class", has: (byte) => byte < 128 && test.test(String.fromCharCode(byte)) };
		}
		const byte = collatingByte(name);
		if (byte === undefined) throw new RegexSyntaxError("invalid collating element");
		if (opener === ".") return { kind: "char", byte };
		const lower = toLower(byte);
		return { kind: "class", has: (other) => toLower(other) === lower };
	}
}

type BracketItem =
	| { readonly kind: "close" }
	| { readonly kind: "dash" | "char"; readonly byte: number }
	| { readonly kind: "class"; readonly has: (byte: number) => boolean };

/** The classes of the C locale. */
const byteClasses: ReadonlyMap<string, RegExp> = new Map([
	["alnum", /[0-9A-Za-z]/],
	["alpha", /[A-Za-z]/],
	["blank", /[ \t]/],
	["cntrl", /[\x00-\x1f\x7f]/],
	["d", /[0-9]/],
	["digit", /[0-9]/],
	["graph", /[!-~]/],
	["lower", /[a-z]/],
	["print", /[ -~]/],
	["punct", /[!-/:-@[-`{-~]/],
	["s", /[ \t-\r]/],
	["space", /[ \t-\r]/],
	["upper", /[A-Z]/],
	["w", /[0-9A-Za-z_]/],
	["xdigit", /[0-9A-Fa-f]/],
]);

/** POSIX names of the ASCII characters that are not letters, in order, with letters standing for themselves. */
const collatingNames: readonly string[] = (
	"NUL SOH STX ETX EOT ENQ ACK alert backspace tab newline vertical-tab form-feed carriage-return SO SI DLE DC1 DC2 DC3 " +
	"DC4 NAK SYN ETB CAN EM SUB ESC IS4 IS3 IS2 IS1 space exclamation-mark quotation-mark number-sign dollar-sign " +
	"percent-sign ampersand apostrophe left-parenthesis right-parenthesis asterisk plus-sign comma hyphen period slash " +
	"zero one two three four five six seven eight nine colon semicolon less-than-sign equals-sign greater-than-sign " +
	"question-mark commercial-at A B C D E F G H I J K L M N O P Q R S T U V W X Y Z left-square-bracket backslash " +
	"right-square-bracket circumflex underscore grave-accent a b c d e f g h i j k l m n o p q r s t u v w x y z " +
	"left-curly-bracket vertical-line right-curly-bracket tilde DEL"
).split(" ");

function collatingByte(name: string): number | undefined {
	const index = collatingNames.indexOf(name);
	return index < 0 ? undefined : index;
}

function toLower(byte: number): number {
	return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
}

/** Bytes compare as signed characters, as they do in C++ on x86. */
function addRange(set: ByteSet, low: number, high: number): void {
	const from = (low << 24) >> 24;
	const to = (high << 24) >> 24;
	if (from > to) throw new RegexSyntaxError("invalid range");
	for (let byte = from; byte <= to; byte++) set[byte & 0xff] = 1;
}

function single(character: string): RegexNode {
	const set = new Uint8Array(256);
	set[character.charCodeAt(0) & 0xff] = 1;
	return { kind: "set", set };
}

/** How many automaton states the expression takes when counted repetitions are written out. */
function stateCount(node: RegexNode): number {
	switch (node.kind) {
		case "empty":
		case "set":
		case "begin":
		case "end":
			return 1;
		case "group":
			return stateCount(node.body) + 2;
		case "sequence":
			return node.parts.reduce((sum, part) => sum + stateCount(part), 0);
		case "choice":
			return stateCount(node.left) + stateCount(node.right) + 2;
		case "repeat": {
			const copies = node.max === Number.POSITIVE_INFINITY ? node.min + 1 : node.max;
			return (stateCount(node.body) + 1) * Math.max(1, copies);
		}
	}
}
