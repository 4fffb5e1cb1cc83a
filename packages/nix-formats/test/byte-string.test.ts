import test from "ava";
import * as fc from "fast-check";
import { bufferFromBytes, bytesFromBuffer, bytesFromText, compareBytes, textFromBytes } from "../src/index.ts";

test("text survives as bytes", (t) => {
	fc.assert(
		fc.property(fc.string({ unit: "binary" }), (text) => {
			t.is(textFromBytes(bytesFromText(text)), text);
		}),
	);
});

test("buffers survive as byte strings, which are ordered as they are", (t) => {
	fc.assert(
		fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
			t.deepEqual(new Uint8Array(bufferFromBytes(bytesFromBuffer(left))), left);
			t.is(compareBytes(bytesFromBuffer(left), bytesFromBuffer(right)), Buffer.compare(left, right));
		}),
	);
});

test("what is no text becomes replacement characters", (t) => {
	t.is(bytesFromText("ü"), "\xc3\xbc");
	t.is(textFromBytes("a\xff"), "a\ufffd");
	t.is(bytesFromText("\ud800"), "\xef\xbf\xbd");
});
