import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import { keepingOfSettings, wishesOfSettings } from "../../src/realise/wishes-of-settings.ts";

test("Nix's settings as wishes; others are left alone", (t) => {
	const settings: [string, string][] = [
		["timeout", "60"],
		["max-silent-time", "0"],
		["max-log-size", "1000"],
		["cores", "2"],
		["keep-failed", "true"],
		["secret-key-files", "/a /b"],
		["post-build-hook", "/bin/hook"],
		["show-trace", "true"],
	];
	t.deepEqual(wishesOfSettings(settings), {
		limits: { timeoutMs: 60_000, silentMs: 0, logBytes: 1000 },
		cores: 2,
		keepFailed: true,
		secretKeyFiles: ["/a", "/b"],
		postBuildHook: "/bin/hook",
	});
	t.deepEqual(wishesOfSettings(new Map([["post-build-hook", ""]])), { postBuildHook: undefined });
});

test("what garbage collection is to keep", (t) => {
	t.deepEqual(keepingOfSettings([["keep-derivations", "false"]]), { keepDerivations: false });
	t.deepEqual(keepingOfSettings([["keep-outputs", "true"]]), { keepOutputs: true });
	t.deepEqual(keepingOfSettings([]), {});
	t.throws(() => keepingOfSettings([["keep-outputs", "x"]]), { instanceOf: DiagnosticError });
});

for (const [name, value] of [
	["timeout", "-1"],
	["timeout", "soon"],
	["cores", ""],
	["keep-failed", "maybe"],
] as const) {
	test(`refuses ${name} = "${value}"`, (t) => {
		const error = t.throws(() => wishesOfSettings([[name, value]]), { instanceOf: DiagnosticError });
		t.is(error.message, `USAGE: setting '${name}' has invalid value '${value}'`);
	});
}
