/** Offsets, bytes and positions of the same places; changes one after the other. */

import { bytesFromText } from "@devenv/nix-formats";
import test from "ava";
import fc from "fast-check";
import { type PositionEncoding, TextDocument } from "../../src/lsp/text-document.ts";

const encodings: readonly PositionEncoding[] = ["utf-8", "utf-16", "utf-32"];

function document(text: string, encoding: PositionEncoding = "utf-16"): TextDocument {
	return new TextDocument({ uri: "file:///a.nix", version: 1, text }, encoding);
}

/** Text, offset in it, and the column in each encoding. */
const columns: readonly (readonly [text: string, offset: number, utf8: number, utf16: number, utf32: number])[] = [
	["abc", 2, 2, 2, 2],
	["aéb", 2, 3, 2, 2],
	["a😀b", 3, 5, 3, 2],
	["a€b", 2, 4, 2, 2],
	["x\r\na😀b", 6, 5, 3, 2],
	["x\ra😀b", 5, 5, 3, 2],
];

for (const [text, offset, ...expected] of columns) {
	test(`column of ${offset} in ${JSON.stringify(text)}`, (t) => {
		for (const [index, encoding] of encodings.entries()) {
			const { character } = document(text, encoding).positionAt(offset);
			t.is(character, expected[index]!, encoding);
		}
		const bytes = document(text).byteOfOffset(offset);
		t.is(bytes, bytesFromText(text.slice(0, offset)).length);
		t.is(document(text).offsetOfByte(bytes), offset);
	});
}

test("positions that are not there are the nearest that are", (t) => {
	const text = document("a😀\nb");
	t.is(text.offsetAt({ line: 0, character: 99 }), 3);
	t.is(text.offsetAt({ line: 99, character: 0 }), 5);
	// Between the halves of a character.
	t.is(text.offsetAt({ line: 0, character: 2 }), 1);
	t.deepEqual(text.positionAt(99), { line: 1, character: 1 });
	t.is(document("a😀b", "utf-8").offsetAt({ line: 0, character: 3 }), 1);
});

test("each change is about the text after those before it", (t) => {
	const changed = document("one\ntwo\n").changed(
		[
			{ range: { start: { line: 0, character: 0 }, end: { line: 0, character: 3 } }, text: "1\n2" },
			{ range: { start: { line: 1, character: 1 }, end: { line: 2, character: 0 } }, text: "" },
			{ range: { start: { line: 9, character: 9 }, end: { line: 9, character: 9 } }, text: "é" },
		],
		2,
	);
	t.is(changed.text, "1\n2two\né");
	t.is(changed.version, 2);
	t.is(document("x").changed([{ text: "whole" }], 2).text, "whole");
});

const anyText = fc
	.array(fc.constantFrom("a", "é", "€", "😀", "\n", "\r\n", "\r", " ", "\ud800"), { maxLength: 40 })
	.map((parts) => parts.join(""));

test("the ways between offsets, bytes and positions are inverse", (t) => {
	fc.assert(
		fc.property(anyText, fc.constantFrom(...encodings), fc.nat(60), (text, encoding, at) => {
			const shown = document(text, encoding);
			const begin = Math.min(at, text.length);
			const offset = shown.offsetOfByte(bytesFromText(text.slice(0, begin)).length);
			const byte = shown.byteOfOffset(offset);
			t.is(shown.offsetOfByte(byte), offset);
			t.is(byte, bytesFromText(text.slice(0, offset)).length);
			const again = shown.offsetAt(shown.positionAt(offset));
			// Between the characters of a line end there is no position.
			t.true(again === offset || text.slice(again, offset) === "\r", `${JSON.stringify(text)} ${offset} ${again}`);
		}),
		{ numRuns: 2000 },
	);
});
