import test from "ava";
import fc from "fast-check";
import { Source } from "../src/index.ts";

test("positions count lines and columns from 1, and stay inside the text", (t) => {
	const source = new Source("f", "ab\ncd\r\n\nx");
	t.deepEqual(source.position(0), { line: 1, column: 1 });
	t.deepEqual(source.position(2), { line: 1, column: 3 });
	t.deepEqual(source.position(3), { line: 2, column: 1 });
	t.deepEqual(source.position(7), { line: 3, column: 1 });
	t.deepEqual(source.position(8), { line: 4, column: 1 });
	t.deepEqual(source.position(99), { line: 4, column: 2 });
	t.deepEqual(source.position(-1), { line: 1, column: 1 });
	t.is(source.lineText(2), "cd");
	t.is(source.lineText(9), "");
});

test("a location never underlines past its line", (t) => {
	const source = new Source("f", "ab\ncd");
	t.deepEqual(source.locate(1, 5), { file: "f", line: 1, column: 2, length: 1, lineText: "ab" });
	t.deepEqual(source.locate(2), { file: "f", line: 1, column: 3, length: 1, lineText: "ab" });
});

test("line and column lead back to the offset", (t) => {
	fc.assert(
		fc.property(fc.array(fc.constantFrom("a", "\n", "é", "\t")), fc.nat(40), (parts, at) => {
			const text = parts.join("");
			const offset = Math.min(at, text.length);
			const { line, column } = new Source("f", text).position(offset);
			const before = text.split("\n").slice(0, line - 1);
			return before.reduce((sum, each) => sum + each.length + 1, 0) + column - 1 === offset;
		}),
	);
	t.pass();
});
