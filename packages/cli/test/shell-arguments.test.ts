import test from "ava";
import { type ShellRequest, parseShellArguments } from "../src/shell-arguments.ts";

const plain: ShellRequest = {
	asUser: false,
	ambient: false,
	locked: false,
	offline: false,
	pure: false,
	keep: [],
	packages: [],
	fresh: false,
	profile: null,
	command: null,
};

const cases: readonly (readonly [string, readonly string[], ShellRequest | undefined])[] = [
	["nothing", [], plain],
	["--user", ["--user"], { ...plain, asUser: true }],
	["--locked --offline", ["--locked", "--offline"], { ...plain, locked: true, offline: true }],
	["--pure", ["--pure", "--", "env"], { ...plain, pure: true, command: ["env"] }],
	[
		"--keep",
		["--pure", "--keep", "A", "--keep", "B", "--", "env"],
		{ ...plain, pure: true, keep: ["A", "B"], command: ["env"] },
	],
	["--keep without --pure, for the whole parser", ["--keep", "A", "--", "env"], undefined],
	["--keep without a name", ["--pure", "--keep", "--", "env"], undefined],
	[
		"packages",
		["-p", "jq", "--fresh", "--package", "a b", "--", "jq"],
		{ ...plain, packages: ["jq", "a b"], fresh: true, command: ["jq"] },
	],
	["--fresh without packages, for the whole parser", ["--fresh"], undefined],
	["-p without a name", ["-p", "--", "jq"], undefined],
	["a command", ["--", "make", "--user"], { ...plain, command: ["make", "--user"] }],
	["both", ["--user", "--", "true"], { ...plain, asUser: true, command: ["true"] }],
	["a command that is --", ["--", "--"], { ...plain, command: ["--"] }],
	["a profile", ["--profile", "ci", "--", "true"], { ...plain, profile: "ci", command: ["true"] }],
	["a profile alone", ["--locked", "--profile", "ci"], { ...plain, locked: true, profile: "ci" }],
	["a profile without a name", ["--profile"], undefined],
	["a profile before --", ["--profile", "--", "true"], undefined],
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
