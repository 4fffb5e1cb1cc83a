import test from "ava";
import { type ShellRequest, parseShellArguments } from "../src/shell-arguments.ts";

const plain: ShellRequest = { asUser: false, ambient: false, locked: false, offline: false, command: null };

const cases: readonly (readonly [string, readonly string[], ShellRequest | undefined])[] = [
	["nothing", [], plain],
	["--user", ["--user"], { ...plain, asUser: true }],
	["--locked --offline", ["--locked", "--offline"], { ...plain, locked: true, offline: true }],
	["a command", ["--", "make", "--user"], { ...plain, command: ["make", "--user"] }],
	["both", ["--user", "--", "true"], { ...plain, asUser: true, command: ["true"] }],
	["a command that is --", ["--", "--"], { ...plain, command: ["--"] }],
	["an empty argument", ["--", "printf", ""], { ...plain, command: ["printf", ""] }],
	["no command after --", ["--"], undefined],
	["a command without --", ["make"], undefined],
	["help", ["--help"], undefined],
];

for (const [name, argv, expected] of cases) {
	test(name, (t) => {
		t.deepEqual(parseShellArguments(argv), expected);
	});
}
