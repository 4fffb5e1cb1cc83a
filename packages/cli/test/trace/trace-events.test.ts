import type { ProgressEvent } from "@devenv/protocol";
import test from "ava";
import { DaemonTrace, type TraceEvent } from "../../src/trace/trace-events.ts";

/** Spans as `row: name start+duration`, and the names of rows. */
function told(events: readonly (readonly [number, ProgressEvent])[]): {
	spans: string[];
	rows: Record<string, unknown>;
} {
	const rows = new DaemonTrace(7);
	const all: TraceEvent[] = events.flatMap(([now, event]) => rows.receive(event, now));
	return {
		spans: all.flatMap((each) => (each.ph === "X" ? [`${each.tid}: ${each.name} ${each.ts}+${each.dur}`] : [])),
		rows: Object.fromEntries(
			all.flatMap((each) => (each.ph === "M" && each.name === "thread_name" ? [[each.tid, each.args["name"]]] : [])),
		),
	};
}

const a = { drvPath: "/nix/store/a.drv", name: "a" };
const b = { drvPath: "/nix/store/b.drv", name: "b" };

test("what goes on at once has a row each, and rows are used again", (t) => {
	const { spans, rows } = told([
		[10, { kind: "phase", phase: "realise", message: "building" }],
		[10, { kind: "fetching", ...a, bytes: 0, total: null }],
		[15, { kind: "fetching", ...a, bytes: 5, total: 9 }],
		[20, { kind: "building", ...b }],
		[30, { kind: "fetched", ...a, bytes: 9 }],
		[35, { kind: "building", ...a }],
		[50, { kind: "built", ...a }],
		[60, { kind: "failed", ...b, message: "no" }],
		[61, { kind: "built", ...b }],
	]);
	t.deepEqual(spans, ["10: fetch a 10+20", "10: build a 35+15", "11: build b 20+40"]);
	t.deepEqual(rows, { 10: "work 1", 11: "work 2" });
});

test("steps of a build lie within it; what the daemon did has its own rows", (t) => {
	const { spans, rows } = told([
		[5, { kind: "step", ...a, message: "before it began" }],
		[10, { kind: "blocked", ...a }],
		[20, { kind: "building", ...a }],
		[22, { kind: "step", ...a, message: "merging packages" }],
		[40, { kind: "step", ...a, message: "configuring bash (1 of 9)" }],
		[50, { kind: "built", ...a }],
		[60, { kind: "span", name: "evaluate", track: "request", start: 1, duration: 8 }],
		[61, { kind: "span", name: "evaluate the environment", track: "evaluator", start: 2, duration: 5 }],
	]);
	t.deepEqual(spans, [
		"10: wait for another process: a 10+10",
		"10: merging packages 22+18",
		"10: configuring bash 40+10",
		"10: build a 20+30",
		"1: evaluate 1+8",
		"2: evaluate the environment 2+5",
	]);
	t.deepEqual(rows, { 1: "request", 2: "evaluator", 10: "work 1" });
});
