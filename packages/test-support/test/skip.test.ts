import test from "ava";
import { skip } from "../src/index.ts";

test("passes, with one line that names the reason", (t) => {
	const calls: string[] = [];
	skip(
		{
			log: (message) => calls.push(message),
			pass: () => calls.push("passed"),
		},
		" no such\nprogram\n",
	);
	t.deepEqual(calls, ["skipped: no such program", "passed"]);
});
