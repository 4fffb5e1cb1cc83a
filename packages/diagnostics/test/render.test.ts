import test from "ava";
import { DiagnosticError, diagnose, fail, printable, renderDiagnostic, Source } from "../src/index.ts";

const source = new Source("env.yaml", "name: demo\n\tpakages: [jq]\nlast");

test("a diagnostic is rendered with its place, excerpt, notes and help", (t) => {
	const rendered = renderDiagnostic(
		diagnose("ENV_UNKNOWN_KEY", "unknown key 'pakages'", {
			location: source.locate(12, 19),
			notes: [{ message: "first seen here", location: source.locate(0, 4) }],
			hint: "did you mean 'packages'?\nsee the option list",
		}),
	);
	t.is(
		rendered,
		[
			"error[ENV_UNKNOWN_KEY]: unknown key 'pakages'",
			"  --> env.yaml:2:2",
			" 2 | \tpakages: [jq]",
			"   | \t^^^^^^^",
			"  note: first seen here",
			"  --> env.yaml:1:1",
			" 1 | name: demo",
			"   | ^^^^",
			"  help: did you mean 'packages'?",
			"    see the option list",
			"",
		].join("\n"),
	);
});

test("a location without text shows only its place", (t) => {
	const location = { file: "a.nix", line: 3, column: 7, length: 1 };
	t.is(renderDiagnostic(diagnose("X", "bad", { location })), "error[X]: bad\n  --> a.nix:3:7\n");
});

test("colours are used only when asked for", (t) => {
	t.false(renderDiagnostic(diagnose("X", "bad")).includes("\u001b"));
	t.true(renderDiagnostic(diagnose("X", "bad"), { color: true }).startsWith("\u001b[1;31merror[X]\u001b[0m"));
});

test("control characters of a hostile text never reach the terminal", (t) => {
	t.is(printable("a\u001b[2Jb\u0007\r\tc"), "a\\x1b[2Jb\\x07\\x0d\tc");
	t.false(renderDiagnostic(diagnose("X", "bad \u001b]0;title\u0007")).includes("\u001b"));
});

test("fail throws an error that carries its diagnostics", (t) => {
	const error = t.throws(() => fail("A_B", "went wrong", { hint: "try again" }), { instanceOf: DiagnosticError });
	t.is(error.message, "A_B: went wrong");
	t.deepEqual(error.diagnostics, [{ code: "A_B", severity: "error", message: "went wrong", hint: "try again" }]);
});

test("of a long line only the part around the place is shown", (t) => {
	const text = `${"a".repeat(1000)}BAD${"z".repeat(1000)}`;
	const rendered = renderDiagnostic(diagnose("X", "bad", { location: new Source("f", text).locate(1000, 1003) }));
	t.is(
		rendered,
		[
			"error[X]: bad",
			"  --> f:1:1001",
			` 1 | …${"a".repeat(80)}BAD${"z".repeat(77)}…`,
			`   | ${" ".repeat(81)}^^^`,
			"",
		].join("\n"),
	);
});
