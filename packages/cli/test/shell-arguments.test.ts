import test from "ava";
import { type ShellRequest, parseShellArguments } from "../src/shell-arguments.ts";

const cases: readonly (readonly [string, readonly string[], ShellRequest | undefined])[] = [
	["nothing", [], { asUser: false, ambient: false, command: null }],
	["--user", ["--user"], { asUser: true, ambient: false, command: null }],
	["a command", ["--", "make", "--user"], { asUser: false, ambient: false, command: ["make", "--user"] }],
	["both", ["--user", "--", "true"], { asUser: true, ambient: false, command: ["true"] }],
	["a command that is --", ["--", "--"], { asUser: false, ambient: false, command: ["--"] }],
	["an empty argument", ["--", "printf", ""], { asUser: false, ambient: false, command: ["printf", ""] }],
	["no command after --", ["--"], undefined],
	["a command without --", ["make"], undefined],
	["help", ["--help"], undefined],
];

for (const [name, argv, expected] of cases) {
	test(name, (t) => {
		t.deepEqual(parseShellArguments(argv), expected);
	});
}
