import test from "ava";
import { type ShellRequest, parseShellArguments } from "../src/shell-arguments.ts";

const cases: readonly (readonly [string, readonly string[], ShellRequest | undefined])[] = [
	["nothing", [], { asUser: false, command: null }],
	["--user", ["--user"], { asUser: true, command: null }],
	["a command", ["--", "make", "--user"], { asUser: false, command: ["make", "--user"] }],
	["both", ["--user", "--", "true"], { asUser: true, command: ["true"] }],
	["a command that is --", ["--", "--"], { asUser: false, command: ["--"] }],
	["an empty argument", ["--", "printf", ""], { asUser: false, command: ["printf", ""] }],
	["no command after --", ["--"], undefined],
	["a command without --", ["make"], undefined],
	["help", ["--help"], undefined],
];

for (const [name, argv, expected] of cases) {
	test(name, (t) => {
		t.deepEqual(parseShellArguments(argv), expected);
	});
}
