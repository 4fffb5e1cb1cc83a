import test from "ava";
import { PositionTable } from "../../src/syntax/position.ts";

test("positions lead back to file, line and column, whatever ends the lines", (t) => {
	const table = new PositionTable();
	const first = table.add({ kind: "file", path: "/a.nix" }, "ab\ncd\r\nef\rgh");
	const second = table.add({ kind: "string" }, "");
	const at = (position: number): (number | undefined)[] => {
		const resolved = table.resolve(position);
		return [resolved?.line, resolved?.column];
	};
	t.deepEqual(at(first), [1, 1]);
	t.deepEqual(at(first + 4), [2, 2]);
	t.deepEqual(at(first + 7), [3, 1]);
	t.deepEqual(at(first + 11), [4, 2]);
	t.deepEqual(at(first + 12), [4, 3], "the end of the text");
	t.deepEqual(at(second), [1, 1]);
	t.deepEqual(at(0), [undefined, undefined]);
	t.is(table.fileOf(first + 3), "/a.nix");
	t.is(table.fileOf(second), undefined);
	t.deepEqual(table.resolve(first + 4), {
		origin: { kind: "file", path: "/a.nix" },
		line: 2,
		column: 2,
		before: "ab",
		text: "cd",
		after: "ef",
	});
});
