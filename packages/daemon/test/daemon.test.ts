import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import {
	daemonLogPath,
	daemonStatus,
	daemonStop,
	evaluateExpression,
	type ProgressEvent,
	socketPath,
} from "@devenv/protocol";
import test, { type ExecutionContext } from "ava";
import { evaluate, evaluation, isAlive, makeHome, until } from "./fixture.ts";

async function throwsCode(t: ExecutionContext, promise: Promise<unknown>, code: string): Promise<void> {
	const error = await t.throwsAsync(promise, { instanceOf: DiagnosticError });
	t.deepEqual(
		error.diagnostics.map((each) => each.code),
		[code],
	);
}

test("ten clients at once start one daemon", async (t) => {
	const home = makeHome(t);
	const clients = await Promise.all(Array.from({ length: 10 }, () => home.connect()));
	t.is(new Set(clients.map(({ daemon }) => daemon.pid)).size, 1);
	const texts = await Promise.all(clients.map((client, index) => evaluate(client, `echo ${index}`)));
	t.deepEqual(texts, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
	for (const client of clients) client.close();
	const log = readFileSync(daemonLogPath(home.layout), "utf8");
	t.is(log.split("\n").filter((line) => line.includes('"listening"')).length, 1);
});

test("a killed daemon is followed by a new one at once", async (t) => {
	const home = makeHome(t);
	const first = await home.connect();
	const hanging = first.call(evaluateExpression, evaluation("hang"));
	process.kill(first.daemon.pid, "SIGKILL");
	await throwsCode(t, hanging, "DAEMON_LOST");
	t.true(existsSync(socketPath(home.layout)));
	const second = await home.connect();
	t.not(second.daemon.pid, first.daemon.pid);
	t.is(await evaluate(second, "echo yes"), "yes");
	second.close();
});

test("an older daemon is replaced and finishes what it does", async (t) => {
	const home = makeHome(t);
	const old = await home.connect("1.0.0");
	const file = join(home.home, "go-on");
	const waiting = evaluate(old, `wait ${file}`);
	const current = await home.connect("1.1.0");
	t.is(current.daemon.version, "1.1.0");
	t.true(isAlive(old.daemon.pid));
	await throwsCode(t, evaluate(old, "echo late"), "DAEMON_RETIRING");
	writeFileSync(file, "");
	t.is(await waiting, file);
	await until(() => !isAlive(old.daemon.pid), "the old daemon leaves");
	t.is(await evaluate(current, "echo new"), "new");
	t.true(existsSync(socketPath(home.layout)));
	current.close();
});

test("a daemon of another build of the same version is replaced", async (t) => {
	const home = makeHome(t);
	const before = await home.connect("1.0.0+a");
	const pid = before.daemon.pid;
	before.close();
	const same = await home.connect("1.0.0+a");
	t.is(same.daemon.pid, pid);
	same.close();
	const after = await home.connect("1.0.0+b");
	t.is(after.daemon.version, "1.0.0+b");
	await until(() => !isAlive(pid), "the daemon of the other build leaves");
	after.close();
});

test("a newer daemon with the same protocol serves older clients", async (t) => {
	const home = makeHome(t);
	const newer = await home.connect("2.0.0");
	const client = await home.connect("1.0.0");
	t.is(client.daemon.pid, newer.daemon.pid);
	client.close();
	newer.close();
});

test("a newer daemon with another protocol is left alone", async (t) => {
	const home = makeHome(t);
	await throwsCode(t, home.connect("1.0.0", { FAKE_VERSION: "2.0.0", FAKE_PROTOCOL: "99" }), "DAEMON_NEWER");
	const client = await home.find();
	await throwsCode(t, evaluate(client, "echo no"), "DAEMON_INTERNAL");
	await client.call(daemonStop, { mode: "now" });
	await until(() => !isAlive(client.daemon.pid), "the daemon leaves");
});

test("an idle daemon leaves and removes its socket", async (t) => {
	const home = makeHome(t);
	home.writeConfig("daemon_idle_exit: 1\n");
	const client = await home.connect();
	const { pid } = client.daemon;
	await new Promise((resolve) => setTimeout(resolve, 1500));
	t.true(isAlive(pid), "a connection keeps it");
	client.close();
	await until(() => !isAlive(pid), "the daemon leaves");
	t.false(existsSync(socketPath(home.layout)));
});

test("a home longer than a socket's address works, up to what SQLite opens", async (t) => {
	const home = makeHome(t, Array.from({ length: 4 }, () => "a-folder-with-a-long-name".repeat(4)).join("/"));
	t.true(socketPath(home.layout).length > 400 && socketPath(home.layout).length < 500);
	const clients = await Promise.all([home.connect(), home.connect(), home.connect()]);
	t.is(new Set(clients.map(({ daemon }) => daemon.pid)).size, 1);
	t.true(existsSync(socketPath(home.layout)));
	const [client] = clients;
	await client.call(daemonStop, { mode: "now" });
	await until(() => !isAlive(client.daemon.pid), "the daemon leaves");
	t.false(existsSync(socketPath(home.layout)));
});

test("cancelling ends the request and leaves the connection good", async (t) => {
	const home = makeHome(t);
	const client = await home.connect();
	const controller = new AbortController();
	const hanging = client.call(evaluateExpression, evaluation("hang"), { signal: controller.signal });
	await until(async () => (await client.call(daemonStatus, {})).requests === 2, "the request runs");
	controller.abort();
	await throwsCode(t, hanging, "CANCELLED");
	await until(async () => (await client.call(daemonStatus, {})).requests === 1, "the request ends");
	t.is(await evaluate(client, "echo on"), "on");
	client.close();
});

test("a client that leaves cancels what it asked for", async (t) => {
	const home = makeHome(t);
	const watcher = await home.connect();
	const leaving = await home.connect();
	const hanging = leaving.call(evaluateExpression, evaluation("hang"));
	await until(async () => (await watcher.call(daemonStatus, {})).builds.length === 1, "the request runs");
	leaving.close();
	await throwsCode(t, hanging, "DAEMON_LOST");
	await until(async () => (await watcher.call(daemonStatus, {})).builds.length === 0, "the request ends");
	watcher.close();
});

test("progress comes in order and before the result", async (t) => {
	const home = makeHome(t);
	const client = await home.connect();
	const events: ProgressEvent[] = [];
	await client.call(evaluateExpression, evaluation("progress 500"), { onProgress: (event) => events.push(event) });
	t.deepEqual(
		events.map((event) => (event.kind === "planned" ? event.builds : -1)),
		Array.from({ length: 500 }, (_, index) => index),
	);
	client.close();
});

test("failures of requests reach the client, bugs name the log", async (t) => {
	const home = makeHome(t);
	const client = await home.connect();
	await throwsCode(t, evaluate(client, "fail"), "TEST_FAILED");
	await throwsCode(t, evaluate(client, "bug"), "DAEMON_INTERNAL");
	t.regex(readFileSync(daemonLogPath(home.layout), "utf8"), /"event":"bug","message":"a bug","stack":"TypeError/);
	client.close();
});

test("a daemon that cannot start says why", async (t) => {
	const home = makeHome(t);
	home.writeConfig("max_job: 3\n");
	const error = await t.throwsAsync(home.connect(), { instanceOf: DiagnosticError });
	const [diagnostic] = error.diagnostics;
	t.is(diagnostic?.code, "CONFIG_UNKNOWN_KEY");
	t.is(diagnostic?.location?.line, 1);
	t.is(diagnostic?.hint, "did you mean 'max_jobs'?");
});

test("a socket folder that others may enter is refused", async (t) => {
	const home = makeHome(t);
	mkdirSync(home.layout.runtime, { recursive: true });
	chmodSync(home.layout.runtime, 0o755);
	await throwsCode(t, home.connect(), "HOME_UNSAFE");
});

test("without a way to start one, an absent daemon is reported", async (t) => {
	await throwsCode(t, makeHome(t).find(), "DAEMON_ABSENT");
});

test("stopping ends it at once, with what it does", async (t) => {
	const home = makeHome(t);
	const client = await home.connect();
	const hanging = client.call(evaluateExpression, evaluation("hang"));
	await client.call(daemonStop, { mode: "now" });
	await throwsCode(t, hanging, "CANCELLED");
	await until(() => !isAlive(client.daemon.pid), "the daemon leaves");
});
