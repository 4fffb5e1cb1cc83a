import test from "ava";
import { ProgressDisplay } from "../../src/progress/progress-display.ts";

/** A terminal that knows line ends and the two escape sequences that the display uses. */
class Screen {
	columns = 60;
	rows = 10;
	text = "";
	lines: string[] = [""];

	write(text: string): void {
		this.text += text;
		for (const part of text.match(/\u001b\[\d*[A-Za-z]|\r|\n|[^\u001b\r\n]+/g) ?? []) {
			const up = /^\u001b\[(\d+)A$/.exec(part);
			if (up !== null) this.lines.length -= Number(up[1]);
			else if (part === "\u001b[J") this.lines[this.lines.length - 1] = "";
			else if (part === "\n") this.lines.push("");
			else if (part !== "\r") this.lines.push(`${this.lines.pop() ?? ""}${part}`);
		}
	}
}

function setUp(animated: boolean): { screen: Screen; display: ProgressDisplay; at: (time: number) => void } {
	let now = 0;
	const screen = new Screen();
	const display = new ProgressDisplay(screen, { color: false, animated }, () => now);
	const at = (time: number): void => {
		now = time;
		display.tick();
	};
	return { screen, display, at };
}

const phase = { kind: "phase", phase: "evaluate", message: "evaluating" } as const;

test("shows nothing for half a second", (t) => {
	for (const animated of [true, false]) {
		const { screen, display, at } = setUp(animated);
		display.receive(phase);
		at(100);
		at(499);
		display.close();
		t.is(screen.text, "");
	}
});

test("takes a size of 0 for an unknown one", (t) => {
	const { screen, display, at } = setUp(true);
	screen.columns = 0;
	screen.rows = 0;
	display.receive({ ...phase, message: "evaluating the environment" });
	at(600);
	t.deepEqual(screen.lines, ["⠦ evaluating the environment, 0:00", ""]);
	display.close();
});

test("draws in place, and removes everything at the end", (t) => {
	const { screen, display, at } = setUp(true);
	screen.write("$ devenv shell\n");
	display.receive(phase);
	at(600);
	t.deepEqual(screen.lines, ["$ devenv shell", "⠦ evaluating, 0:00", ""]);
	display.receive({ kind: "planned", builds: 0, fetches: 2 });
	display.receive({ kind: "fetching", drvPath: "/d", name: "jq", bytes: 1000, total: 2000 });
	at(1_100);
	t.deepEqual(screen.lines, [
		"$ devenv shell",
		"⠙ evaluating: fetched 0 of 2 (1.0 kB, 2.0 kB/s), 0:01",
		"  ↓ jq  1.0 kB of 2.0 kB",
		"",
	]);
	display.receive({ kind: "fetched", drvPath: "/d", name: "jq", bytes: 2000 });
	at(1_200);
	t.is(screen.lines.length, 3);
	display.close();
	t.deepEqual(screen.lines, ["$ devenv shell", ""]);
});

test("leaves one line about long work", (t) => {
	const { screen, display, at } = setUp(true);
	display.receive({ kind: "fetched", drvPath: "/d", name: "jq", bytes: 2000 });
	at(61_000);
	display.close();
	t.deepEqual(screen.lines, ["devenv: fetched 1 (2.0 kB) in 1:01", ""]);
});

test("writes a plain line now and then where lines cannot be redrawn", (t) => {
	const { screen, display, at } = setUp(false);
	at(600);
	t.is(screen.text, "");
	display.receive(phase);
	for (let time = 700; time < 12_000; time += 100) at(time);
	display.close();
	t.is(screen.text, "devenv: evaluating, 0:00\ndevenv: evaluating, 0:05\ndevenv: evaluating, 0:10\n");
});

test("plain lines say what a build does, and only that of its output", (t) => {
	const { screen, display, at } = setUp(false);
	display.receive({ kind: "phase", phase: "realise", message: "building the environment" });
	display.receive({ kind: "building", drvPath: "/a", name: "gcc" });
	display.receive({ kind: "log", drvPath: "/a", name: "gcc", line: "checking for cc" });
	at(600);
	display.receive({ kind: "building", drvPath: "/d", name: "root" });
	display.receive({ kind: "step", drvPath: "/d", name: "root", message: "configuring postgresql-17 (120 of 214)" });
	at(6_000);
	display.receive({ kind: "built", drvPath: "/d", name: "root" });
	at(12_000);
	display.close();
	t.deepEqual(screen.text.split("\n").slice(0, 3), [
		"devenv: building the environment, 0:00",
		"devenv: building the environment, 0:06: configuring postgresql-17 (120 of 214)",
		"devenv: building the environment: built 1 of 1, 0:12",
	]);
});

test("names what comes before the first phase on a terminal, and nothing elsewhere", (t) => {
	const animated = setUp(true);
	animated.at(600);
	t.deepEqual(animated.screen.lines, ["⠦ working, 0:00", ""]);
	animated.display.begin("starting the daemon");
	animated.at(700);
	t.deepEqual(animated.screen.lines, ["⠧ starting the daemon, 0:00", ""]);
	animated.display.receive(phase);
	animated.at(800);
	t.deepEqual(animated.screen.lines, ["⠇ evaluating, 0:00", ""]);
	const plain = setUp(false);
	plain.display.begin("starting the daemon");
	plain.at(9_000);
	t.is(plain.screen.text, "");
	for (const { display } of [animated, plain]) display.close();
});

test("closing twice is once", (t) => {
	const { screen, display, at } = setUp(true);
	display.receive(phase);
	at(600);
	display.close();
	const before = screen.text;
	display.close();
	t.is(screen.text, before);
});
