import test from "ava";
import { ProgressState } from "../../src/progress/progress-state.ts";
import {
	fitText,
	formatBytes,
	formatDuration,
	renderOutcome,
	renderProgress,
	summarise,
} from "../../src/progress/render-progress.ts";

test("bytes", (t) => {
	const cases: readonly (readonly [number, string])[] = [
		[0, "0 B"],
		[999, "999 B"],
		[1000, "1.0 kB"],
		[35_140_000, "35.1 MB"],
		[99_960, "100 kB"],
		[999_499_999, "999 MB"],
		[999_500_000, "1.0 GB"],
		[2_500_000_000_000, "2500 GB"],
	];
	for (const [bytes, text] of cases) t.is(formatBytes(bytes), text);
});

test("durations", (t) => {
	t.deepEqual([0, 7_900, 65_000, 3_761_000].map(formatDuration), ["0:00", "0:07", "1:05", "1:02:41"]);
});

test("fits text to columns", (t) => {
	t.is(fitText("abc", 3), "abc");
	t.is(fitText("abcd", 3), "ab…");
	t.is(fitText("漢字漢字", 5), "漢字…");
	t.is(fitText("ab😀😀", 4), "ab…");
	t.is(fitText("ab😀😀", 6), "ab😀😀");
});

function busyState(): ProgressState {
	const state = new ProgressState();
	state.receive({ kind: "phase", phase: "realise", message: "realising the environment" }, 0);
	state.receive({ kind: "planned", builds: 8, fetches: 3 }, 0);
	state.receive({ kind: "fetched", drvPath: "/d/0", name: "jq", bytes: 2_000_000 }, 100);
	state.receive({ kind: "fetching", drvPath: "/d/1", name: "libc6", bytes: 500_000, total: 1_000_000 }, 100);
	state.receive({ kind: "fetching", drvPath: "/d/2", name: "curl", bytes: 10, total: null }, 100);
	state.receive({ kind: "log", drvPath: "/d/2", name: "curl", line: "asking another mirror" }, 100);
	state.receive({ kind: "building", drvPath: "/d/3", name: "root" }, 0);
	state.receive(
		{ kind: "log", drvPath: "/d/3", name: "root", line: "\u001b[31mSetting up\u001b[0m postgresql\u0007" },
		200,
	);
	state.receive({ kind: "blocked", drvPath: "/d/4", name: "gcc" }, 200);
	state.receive({ kind: "built", drvPath: "/d/5", name: "unpack" }, 200);
	return state;
}

test("one line of figures, then one line a step, without foreign escape sequences", (t) => {
	const lines = renderProgress(
		busyState(),
		{ elapsed: 7_000, now: 7_000, rate: 1_250_000 },
		{ columns: 90, rows: 8, color: false },
	);
	t.deepEqual(lines, [
		"⠋ realising the environment: fetched 1 of 3 (2.5 MB, 1.3 MB/s), built 1 of 8, 0:07",
		"  ↓ libc6  500 kB of 1.0 MB",
		"  ↓ curl  10 B",
		"  ⚙ root  0:07  Setting up postgresql\\x07",
		"  … gcc  another process is building it",
	]);
});

test("keeps to the rows and columns of the terminal", (t) => {
	const lines = renderProgress(busyState(), { elapsed: 0, now: 0, rate: 0 }, { columns: 24, rows: 3, color: false });
	t.deepEqual(lines, ["⠋ realising the enviro…", "  ↓ libc6  500 kB of 1…", "  … and 3 more"]);
	t.true(lines.every((line) => line.length < 24));
});

test("names the phase where nothing is counted yet", (t) => {
	const state = new ProgressState();
	state.receive({ kind: "phase", phase: "lock", message: "reading the index of debian:trixie" }, 0);
	t.is(summarise(state, { elapsed: 1_000, now: 1_000, rate: 0 }), "reading the index of debian:trixie, 0:01");
});

test("counts anew in each phase, and all of it for the outcome", (t) => {
	const state = busyState();
	state.receive({ kind: "phase", phase: "activate", message: "preparing the shell" }, 9_000);
	state.active.clear();
	t.is(summarise(state, { elapsed: 9_000, now: 9_000, rate: 0 }), "preparing the shell, 0:09");
	t.is(renderOutcome(state, 9_000), "fetched 1 (2.0 MB), built 1 in 0:09");
});

test("says afterwards what was done", (t) => {
	t.is(renderOutcome(busyState(), 41_000), "fetched 1 (2.5 MB), built 1 in 0:41");
	t.is(renderOutcome(new ProgressState(), 41_000), "");
});
