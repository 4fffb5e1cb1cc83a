/** Tokens and character classes of the Nix language. Layer 1, pure. */

import { bytesFromText } from "@devenv/nix-formats";

/** Kinds of tokens; the order is the one in which "expecting …" lists them. */
export const Token = {
	identifier: 0,
	string: 1,
	indentedString: 2,
	integer: 3,
	float: 4,
	path: 5,
	homePath: 6,
	searchPath: 7,
	pathEnd: 8,
	uri: 9,
	if: 10,
	then: 11,
	else: 12,
	assert: 13,
	with: 14,
	let: 15,
	in: 16,
	rec: 17,
	inherit: 18,
	equal: 19,
	notEqual: 20,
	lessOrEqual: 21,
	greaterOrEqual: 22,
	update: 23,
	concat: 24,
	and: 25,
	or: 26,
	implies: 27,
	orKeyword: 28,
	pipeFrom: 29,
	pipeInto: 30,
	dollarCurly: 31,
	indentedOpen: 32,
	indentedClose: 33,
	ellipsis: 34,
	less: 35,
	greater: 36,
	not: 37,
	plus: 38,
	minus: 39,
	times: 40,
	divide: 41,
	question: 42,
	colon: 43,
	at: 44,
	semicolon: 45,
	dot: 46,
	quote: 47,
	parenOpen: 48,
	parenClose: 49,
	curlyOpen: 50,
	curlyClose: 51,
	bracketOpen: 52,
	bracketClose: 53,
	comma: 54,
	assign: 55,
	end: 56,
	invalid: 57,
} as const;

export type TokenKind = (typeof Token)[keyof typeof Token];

/** How error messages name the tokens, as byte strings. */
export const tokenNames: readonly string[] = [
	"identifier",
	"string",
	"indented string",
	"integer",
	"floating-point literal",
	"path",
	"'~/…' path",
	"'<…>' path",
	"end of path",
	"URI",
	"'if'",
	"'then'",
	"'else'",
	"'assert'",
	"'with'",
	"'let'",
	"'in'",
	"'rec'",
	"'inherit'",
	"'=='",
	"'!='",
	"'<='",
	"'>='",
	"'//'",
	"'++'",
	"'&&'",
	"'||'",
	"'->'",
	"'or'",
	"'<|'",
	"'|>'",
	"'${'",
	"start of an indented string",
	"end of an indented string",
	"'...'",
	"'<'",
	"'>'",
	"'!'",
	"'+'",
	"'-'",
	"'*'",
	"'/'",
	"'?'",
	"':'",
	"'@'",
	"';'",
	"'.'",
	"'\"'",
	"'('",
	"')'",
	"'{'",
	"'}'",
	"'['",
	"']'",
	"','",
	"'='",
	"end of file",
	"invalid token",
].map(bytesFromText);

export const keywords: ReadonlyMap<string, TokenKind> = new Map<string, TokenKind>([
	["if", Token.if],
	["then", Token.then],
	["else", Token.else],
	["assert", Token.assert],
	["with", Token.with],
	["let", Token.let],
	["in", Token.in],
	["rec", Token.rec],
	["inherit", Token.inherit],
	["or", Token.orKeyword],
]);

/** Bits of {@link charClass}. */
export const IDENTIFIER_START = 1;
export const IDENTIFIER_PART = 2;
export const PATH_PART = 4;
export const DIGIT = 8;
export const SPACE = 16;
export const URI_PART = 32;
export const SCHEME_PART = 64;
/** First letters of keywords. */
export const KEYWORD_START = 128;

/** Classes of each byte. */
export const charClass: Uint8Array = classify();

function classify(): Uint8Array {
	const classes = new Uint8Array(256);
	const add = (characters: string, bit: number): void => {
		for (const character of characters) {
			const code = character.charCodeAt(0);
			classes[code] = (classes[code] ?? 0) | bit;
		}
	};
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const digits = "0123456789";
	add(`${letters}_`, IDENTIFIER_START);
	add(`${letters}${digits}_'-`, IDENTIFIER_PART);
	add(`${letters}${digits}._-+`, PATH_PART);
	add(digits, DIGIT);
	add(" \t\r\n", SPACE);
	add(`${letters}${digits}%/?:@&=+$,-_.!~*'`, URI_PART);
	add(`${letters}${digits}+-.`, SCHEME_PART);
	for (const keyword of keywords.keys()) add(keyword.charAt(0), KEYWORD_START);
	return classes;
}

/** Single-character tokens; {@link Token.invalid} for bytes that are none. */
export const punctuation: Uint8Array = listPunctuation();

function listPunctuation(): Uint8Array {
	const kinds = new Uint8Array(256).fill(Token.invalid);
	const table: readonly (readonly [string, TokenKind])[] = [
		["<", Token.less],
		[">", Token.greater],
		["!", Token.not],
		["+", Token.plus],
		["-", Token.minus],
		["*", Token.times],
		["/", Token.divide],
		["?", Token.question],
		[":", Token.colon],
		["@", Token.at],
		[";", Token.semicolon],
		[".", Token.dot],
		['"', Token.quote],
		["(", Token.parenOpen],
		[")", Token.parenClose],
		["{", Token.curlyOpen],
		["}", Token.curlyClose],
		["[", Token.bracketOpen],
		["]", Token.bracketClose],
		[",", Token.comma],
		["=", Token.assign],
		["\0", Token.end],
	];
	for (const [character, kind] of table) kinds[character.charCodeAt(0)] = kind;
	return kinds;
}
