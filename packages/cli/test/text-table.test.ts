import test from "ava";
import { formatTable } from "../src/text-table.ts";

test("aligns columns and replaces control characters", (t) => {
	const rows = [
		["jq", "1.7", "JSON"],
		["ripgrep", "14", ""],
		["\u001b[2J", "3", "y"],
	];
	t.is(formatTable(rows, "  "), "  jq       1.7  JSON\n  ripgrep  14\n  \\x1b[2J  3    y\n");
});
