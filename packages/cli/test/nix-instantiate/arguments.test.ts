import test from "ava";
import { DiagnosticError } from "@devenv/diagnostics";
import { parseArguments, type InstantiateArguments } from "../../src/nix-instantiate/arguments.ts";
import { parseSearchPathEntry, splitSearchPath } from "../../src/evaluation/open-evaluation.ts";

function parse(argv: readonly string[], config?: string): InstantiateArguments {
	const parsed = parseArguments(argv, config);
	if (parsed.kind !== "run") throw new Error(`unexpected ${parsed.kind}`);
	return parsed.arguments;
}

const cases: readonly (readonly [readonly string[], Partial<InstantiateArguments>])[] = [
	[[], { mode: "instantiate", inputs: [], attrPaths: [""], readOnly: false }],
	[["--eval", "x.nix"], { mode: "eval", inputs: ["x.nix"], readOnly: true }],
	[["--eval", "--read-write-mode"], { readOnly: false }],
	[["--readonly-mode"], { mode: "instantiate", readOnly: true }],
	[["--parse", "--eval"], { mode: "parse" }],
	[["-E", "1", "2"], { fromExpressions: true, inputs: ["1", "2"] }],
	[["-A", "a", "--attr", "b.c"], { attrPaths: ["a", "b.c"] }],
	[["-I", "a=b", "--include", "c"], { include: ["a=b", "c"] }],
	[["--json", "--strict"], { form: "json", strict: true }],
	[["--xml", "--no-location"], { form: "xml", location: false }],
	[["-"], { fromStdin: true }],
	[["-EA", "-ab"], { fromExpressions: true, attrPaths: ["-ab"] }],
	[["--", "--eval"], { mode: "instantiate", inputs: ["--eval"] }],
	[["-vv", "-j4", "-Q"], { inputs: [] }],
	[["--find-file", "nixpkgs"], { mode: "find-file", inputs: ["nixpkgs"] }],
	[["--store", "/s", "--add-root", "r"], { store: "/s", addRoot: "r" }],
];
for (const [argv, expected] of cases) {
	test(`reads [${argv.join(" ")}]`, (t) => t.like(parse(argv), expected));
}

test("--arg and --argstr", (t) => {
	const { autoArguments } = parse(["--arg", "a", "1 + 1", "--argstr", "b", "x", "--arg-from-file", "c", "f"]);
	t.deepEqual(
		[...autoArguments],
		[
			["a", { kind: "expression", text: "1 + 1" }],
			["b", { kind: "string", text: "x" }],
			["c", { kind: "file", text: "f" }],
		],
	);
});

test("settings come from NIX_CONFIG, --option and flags of their own, the later ones winning", (t) => {
	const config = "max-call-depth = 5 # few\nexperimental-features = flakes\n";
	const { settings, unknownSettings } = parse(
		[
			"--option",
			"max-call-depth",
			"7",
			"--extra-experimental-features",
			"fetch-tree",
			"--show-trace",
			"--no-substitute",
			"--option",
			"nonsense",
			"1",
		],
		config,
	);
	t.is(settings.get("max-call-depth"), "7");
	t.is(settings.get("experimental-features"), "flakes fetch-tree");
	t.is(settings.get("show-trace"), "true");
	t.is(settings.get("substitute"), "false");
	t.deepEqual(unknownSettings, ["nonsense"]);
});

for (const [argv, message] of [
	[["--frobnicate"], "unrecognised flag '--frobnicate'"],
	[["-A"], "flag '--attr' requires an argument"],
	[["--arg", "x"], "flag '--arg' requires an argument"],
] as const) {
	test(`refuses ${argv.join(" ")}`, (t) => {
		const error = t.throws(() => parseArguments(argv), { instanceOf: DiagnosticError });
		t.is(error.diagnostics[0]?.message, message);
	});
}

test("search path entries", (t) => {
	t.deepEqual(splitSearchPath("a=/b:/c::nixpkgs=https://x/y.tar.gz:channel:nixos-24.05"), [
		"a=/b",
		"/c",
		"nixpkgs=https://x/y.tar.gz",
		"channel:nixos-24.05",
	]);
	t.deepEqual(parseSearchPathEntry("a=/b=c"), { prefix: "a", path: "/b=c" });
	t.deepEqual(parseSearchPathEntry("/b"), { prefix: "", path: "/b" });
});
