import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import type { HomeLayout } from "@devenv/protocol";
import test, { type ExecutionContext } from "ava";
import { userLayout, withRuntimeLock } from "../src/index.ts";

function makeLayout(t: ExecutionContext): HomeLayout {
	const home = mkdtempSync(join(tmpdir(), "devenv-lock-"));
	t.teardown(() => rmSync(home, { recursive: true, force: true }));
	const layout = userLayout({ DEVENV_HOME: home });
	mkdirSync(layout.runtime, { recursive: true });
	return layout;
}

test("works one after the other, and different locks beside each other", async (t) => {
	const layout = makeLayout(t);
	const events: string[] = [];
	const work = (name: string) => async (): Promise<string> => {
		events.push(`${name} begins`);
		await new Promise((resolve) => setTimeout(resolve, 60));
		events.push(`${name} ends`);
		return name;
	};
	t.is(await withRuntimeLock(layout, "start", () => withRuntimeLock(layout, "bind", work("inner"))), "inner");
	events.length = 0;
	await Promise.all([withRuntimeLock(layout, "bind", work("one")), withRuntimeLock(layout, "bind", work("two"))]);
	t.is(events.length, 4);
	for (const at of [0, 2]) t.is(events[at]?.replace("begins", "ends"), events[at + 1]);
});

test("a failure releases the lock", async (t) => {
	const layout = makeLayout(t);
	await t.throwsAsync(
		withRuntimeLock(layout, "bind", () => Promise.reject(new Error("no"))),
		{ message: "no" },
	);
	t.is(await withRuntimeLock(layout, "bind", () => Promise.resolve(1), 1000), 1);
});

test("a suspended holder keeps the lock however long it sleeps, a killed one does not", async (t) => {
	const layout = makeLayout(t);
	const program = `
		import { withRuntimeLock } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
		await withRuntimeLock({ runtime: ${JSON.stringify(layout.runtime)} }, "bind", () => {
			process.stdout.write("locked");
			return new Promise((resolve) => setTimeout(resolve, 60_000));
		});`;
	const holder = spawn(process.execPath, ["--input-type=module", "--eval", program], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	t.teardown(() => holder.kill("SIGKILL"));
	await once(holder.stdout, "data");
	holder.kill("SIGSTOP");
	utimesSync(join(layout.runtime, "bind-lock.sqlite"), 1, 1);
	const error = await t.throwsAsync(
		withRuntimeLock(layout, "bind", () => Promise.resolve(1), 200),
		{ instanceOf: DiagnosticError },
	);
	t.is(error.diagnostics[0]?.code, "DAEMON_START_BUSY");
	holder.kill("SIGKILL");
	t.is(await withRuntimeLock(layout, "bind", () => Promise.resolve(1), 5000), 1);
});

test("a folder that is not there is a failure of its own", async (t) => {
	const layout = makeLayout(t);
	rmSync(layout.runtime, { recursive: true });
	const error = await t.throwsAsync(
		withRuntimeLock(layout, "start", () => Promise.resolve(1)),
		{ instanceOf: DiagnosticError },
	);
	t.is(error.diagnostics[0]?.code, "HOME_UNWRITABLE");
});

test("a path that SQLite cannot open is named as too long", async (t) => {
	const short = makeLayout(t);
	const layout = { ...short, runtime: join(short.runtime, ...Array.from({ length: 3 }, () => "x".repeat(200))) };
	mkdirSync(layout.runtime, { recursive: true });
	const error = await t.throwsAsync(
		withRuntimeLock(layout, "start", () => Promise.resolve(1)),
		{ instanceOf: DiagnosticError },
	);
	t.is(error.diagnostics[0]?.code, "HOME_TOO_LONG");
});
