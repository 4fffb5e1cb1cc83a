import test from "ava";
import { type Terminal, terminalOf } from "../src/terminal.ts";

const cases: readonly (readonly [boolean, Record<string, string>, Terminal])[] = [
	[true, { TERM: "xterm" }, { color: true, animated: true }],
	[false, { TERM: "xterm" }, { color: false, animated: false }],
	[true, { TERM: "dumb" }, { color: false, animated: false }],
	[true, { TERM: "xterm", NO_COLOR: "1" }, { color: false, animated: true }],
	[true, { TERM: "xterm", NO_COLOR: "" }, { color: true, animated: true }],
	[true, { TERM: "xterm", CI: "true" }, { color: true, animated: false }],
	[true, { TERM: "xterm", CI: "false" }, { color: true, animated: true }],
	[false, { FORCE_COLOR: "1" }, { color: true, animated: false }],
	[false, { FORCE_COLOR: "1", NO_COLOR: "1" }, { color: false, animated: false }],
];

for (const [isTerminal, environment, expected] of cases) {
	test(`${isTerminal ? "a terminal" : "a pipe"} with ${JSON.stringify(environment)}`, (t) => {
		t.deepEqual(terminalOf(isTerminal, environment), expected);
	});
}
