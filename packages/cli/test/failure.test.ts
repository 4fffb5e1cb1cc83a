import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import test from "ava";
import { failureOf, renderFailure } from "../src/failure.ts";

const codes: readonly (readonly [string, number])[] = [
	["ENV_UNKNOWN_KEY", 1],
	["USAGE_INVALID", 2],
	["TRUST_MISSING", 2],
	["CANCELLED", 130],
	["DAEMON_INTERNAL", 70],
];

for (const [code, exitCode] of codes) {
	test(`${code} exits with ${exitCode}`, (t) => {
		t.is(failureOf(new DiagnosticError(diagnose(code, "message"))).exitCode, exitCode);
	});
}

test("any other error is shown as a fault of devenv, with its stack", (t) => {
	const failure = failureOf(new TypeError("x is undefined"));
	t.is(failure.exitCode, 70);
	t.regex(renderFailure(failure, false), /^error\[FAULT\]: devenv failed: TypeError: x is undefined\n {8}at /);
});
