import test from "ava";
import { formatContextElement, mergeContexts, parseContextElement } from "../../src/value/context.ts";

const elements = [
	["/nix/store/x", { kind: "object", path: "/nix/store/x" }],
	["!out!/nix/store/x.drv", { kind: "output", output: "out", drvPath: "/nix/store/x.drv" }],
	["!bin!!out!/nix/store/x.drv", { kind: "output", output: "bin", drvPath: "!out!/nix/store/x.drv" }],
	["=/nix/store/x.drv", { kind: "closure", drvPath: "/nix/store/x.drv" }],
] as const;

for (const [encoded, element] of elements) {
	test(`reads and writes ${encoded}`, (t) => {
		t.deepEqual(parseContextElement(encoded), element);
		t.is(formatContextElement(element), encoded);
	});
}

test("merging changes no operand, and makes no copy where one holds the other", (t) => {
	const a = new Set(["x", "y"]);
	const b = new Set(["y"]);
	const c = new Set(["z"]);
	t.is(mergeContexts(a, b), a);
	t.is(mergeContexts(b, a), a);
	t.deepEqual([...mergeContexts(a, c)].sort(), ["x", "y", "z"]);
	t.is(a.size, 2);
	t.is(c.size, 1);
});
