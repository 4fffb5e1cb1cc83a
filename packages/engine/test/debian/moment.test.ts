import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import { momentOf } from "../../src/debian/moment.ts";

const now = new Date("2026-11-05T10:00:00Z");

test("a day means its end, a time itself", (t) => {
	t.is(momentOf("2026-11-01", now).toISOString(), "2026-11-01T23:59:59.000Z");
	t.is(momentOf("2026-11-05", now).toISOString(), "2026-11-05T23:59:59.000Z");
	t.is(momentOf("2026-11-01T12:30Z", now).toISOString(), "2026-11-01T12:30:00.000Z");
	t.is(momentOf("2026-11-01T12:30:15", now).toISOString(), "2026-11-01T12:30:15.000Z");
});

test("refuses what is no date, or is to come", (t) => {
	for (const text of ["", "yesterday", "2026-13-01", "2026-02-30", "2026-11-06", "2026-11-05T10:00:01Z", "9f3c2d1"]) {
		const error = t.throws(() => momentOf(text, now), { instanceOf: DiagnosticError }, text);
		t.is(error.diagnostics[0]?.code, "UPDATE_TO");
	}
});
