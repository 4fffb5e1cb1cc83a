/** Messages out of bytes, however they come in pieces, and what is no message. */

import test from "ava";
import fc from "fast-check";
import { MessageReader } from "../../src/lsp/message-reader.ts";

function read(bytes: Buffer, cuts: readonly number[] = []): readonly string[] {
	const found: string[] = [];
	const reader = new MessageReader({
		onMessage: (text) => found.push(text),
		onError: (reason) => found.push(`error: ${reason}`),
	});
	let at = 0;
	for (const cut of [...cuts.filter((each) => each < bytes.length), bytes.length].sort((a, b) => a - b)) {
		reader.push(bytes.subarray(at, cut));
		at = cut;
	}
	return found;
}

function framed(text: string): string {
	return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

const cases: readonly (readonly [title: string, text: string, expected: readonly string[]])[] = [
	["one", framed("{}"), ["{}"]],
	["two", framed("é") + framed("😀"), ["é", "😀"]],
	["another header", "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\ncontent-length:2\r\n\r\n{}", ["{}"]],
	["an empty one", framed("") + framed("{}"), ["", "{}"]],
	["no length", `X: y\r\n\r\n${framed("{}")}`, ["error: a header has no Content-Length", "{}"]],
	["a negative length", `Content-Length: -1\r\n\r\n${framed("{}")}`, ["error: a header has no Content-Length", "{}"]],
	[
		"a length that is none",
		`Content-Length: 2x\r\n\r\n${framed("{}")}`,
		["error: a header has no Content-Length", "{}"],
	],
	[
		"a huge length",
		`Content-Length: 99999999999999999999\r\n\r\n${framed("{}")}`,
		["error: a message of 99999999999999999999 bytes is longer than what is taken"],
	],
	[
		"a header without an end",
		`${"x".repeat(5000)}${framed("{}")}`,
		["error: a header is too long, or does not end", "{}"],
	],
	[
		"a length without an end",
		`Content-Length:${"x".repeat(5000)}${framed("{}")}`,
		["error: a header is too long, or does not end", "{}"],
	],
	["half of one", framed("{}").slice(0, -1), []],
];

for (const [title, text, expected] of cases) {
	test(title, (t) => {
		t.deepEqual(read(Buffer.from(text)), expected);
		t.deepEqual(read(Buffer.from(text), [1, 2, 3, 10, 20, 30, 40]), expected);
	});
}

test("any cuts give the same messages", (t) => {
	fc.assert(
		fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 5 }), fc.array(fc.nat(200)), (texts, cuts) => {
			t.deepEqual(read(Buffer.from(texts.map(framed).join("")), cuts), texts);
		}),
	);
});

test("any bytes are read to their end", (t) => {
	const piece = fc.constantFrom("Content-Length", ":", " ", "5", "\r\n", "\r\n\r\n", "{}", "x".repeat(5000), "\0");
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
			read(Buffer.from(pieces.join("")));
		}),
	);
	t.pass();
});
