import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessPlan, ProcessStatus } from "@devenv/protocol";
import { nodeEnvironment } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { killMarked, killRecorded, markedProcesses } from "../../src/processes/leftovers.ts";
import { Supervisor } from "../../src/processes/supervisor.ts";

interface Setting {
	readonly supervisor: Supervisor;
	readonly folder: string;
	/** `name state`, in the order in which they came. */
	readonly states: string[];
	readonly lines: string[];
	readonly mark: string;
}

function setUp(t: ExecutionContext): Setting {
	const folder = mkdtempSync(join(tmpdir(), "devenv-supervisor-"));
	mkdirSync(join(folder, "logs"));
	const mark = `test-${process.pid}-${process.hrtime.bigint()}`;
	const states: string[] = [];
	const lines: string[] = [];
	const supervisor = new Supervisor({
		world: {
			command: (text) => ["/bin/sh", "-c", text],
			environment: nodeEnvironment(),
			carry: (environment) => environment,
			project: folder,
			logs: join(folder, "logs"),
			mark,
			groups: join(folder, "groups"),
		},
		onLine: (name, line) => lines.push(`${name}: ${line}`),
		onState: ({ name, state }) => states.push(`${name} ${state}`),
	});
	t.teardown(async () => {
		await supervisor.stop();
		await killMarked(mark);
		rmSync(folder, { recursive: true });
	});
	return { supervisor, folder, states, lines, mark };
}

function plan(name: string, exec: string, more: Partial<ProcessPlan> = {}): ProcessPlan {
	return {
		name,
		exec,
		description: "",
		after: [],
		ready: null,
		restart: { policy: "never", most: 5, backoff: 0 },
		ports: [],
		env: [],
		cwd: "",
		stop: { signal: "TERM", timeout: 5 },
		variables: "",
		...more,
	};
}

function ready(check: NonNullable<ProcessPlan["ready"]>["check"], timeout = 20): NonNullable<ProcessPlan["ready"]> {
	return { check, interval: 1, timeout };
}

function statusOf({ supervisor }: Setting, name: string): ProcessStatus {
	const found = supervisor.list().processes.find((each) => each.name === name);
	if (found === undefined) throw new Error(`no process ${name}`);
	return found;
}

const never = new AbortController().signal;

async function until(holds: () => boolean): Promise<void> {
	for (let turn = 0; turn < 1000; turn++) {
		if (holds()) return;
		await sleep(10);
	}
	throw new Error(`waited in vain for: ${String(holds)}`);
}

test("processes start after what they come after, and end before it", async (t) => {
	const setting = setUp(t);
	const { supervisor, folder, states } = setting;
	const note = (name: string): string =>
		`echo ${name} >>order; trap 'echo end-${name} >>order; exit 0' TERM; while :; do sleep 0.05; done`;
	await supervisor.apply(
		[
			plan("web", note("web"), {
				after: [
					{ process: "db", condition: "ready" },
					{ process: "migrate", condition: "completed" },
				],
			}),
			plan("migrate", "sleep 0.2; echo migrate >>order", { after: [{ process: "db", condition: "ready" }] }),
			plan("db", `(sleep 0.3; touch up) & ${note("db")}`, { ready: ready({ kind: "exec", exec: "test -e up" }) }),
		],
		[],
	);
	const { ready: isReady } = await supervisor.wait([], 20, never);
	t.true(isReady);
	t.deepEqual(
		states.filter((each) => /running|completed/.test(each)),
		["db running", "migrate running", "migrate completed", "web running"],
	);
	await until(() => existsSync(join(folder, "order")) && readFileSync(join(folder, "order"), "utf8").includes("web"));
	await supervisor.stop();
	t.is(readFileSync(join(folder, "order"), "utf8"), "db\nmigrate\nweb\nend-web\nend-db\n");
});

test("ready by a line of output, a port and HTTP", async (t) => {
	const setting = setUp(t);
	const { supervisor } = setting;
	const serve = `exec '${process.execPath}' -e 'setTimeout(() => require("http").createServer((q, r) => { r.statusCode = q.url === "/health" ? 204 : 500; r.end(); }).listen(process.env.PORT, "127.0.0.1"), 200)'`;
	await supervisor.apply(
		[
			plan("line", "sleep 0.2; echo now listening; sleep 60", { ready: ready({ kind: "log", pattern: "^now \\w+$" }) }),
			plan("port", serve, { ports: [{ name: "http", port: "auto" }], ready: ready({ kind: "port", port: "http" }) }),
			plan("http", serve, {
				ports: [{ name: "web", port: "auto" }],
				ready: ready({ kind: "http", url: "http://localhost:web/health" }),
			}),
			plan("sick", serve, {
				ports: [{ name: "web", port: "auto" }],
				ready: ready({ kind: "http", url: "http://localhost:web/" }, 1),
			}),
		],
		[],
	);
	t.true((await supervisor.wait(["line", "port", "http"], 20, never)).ready);
	t.false((await supervisor.wait(["sick"], 20, never)).ready);
	t.is(statusOf(setting, "sick").reason, "it was not ready within 1 seconds");
	t.true((statusOf(setting, "http").ports[0]?.port ?? 0) > 1024);
});

test("what fails is started again, so many times", async (t) => {
	const setting = setUp(t);
	const { supervisor, folder } = setting;
	const again = { restart: { policy: "on_failure", most: 3, backoff: 0 } } as const;
	await supervisor.apply(
		[
			plan("bad", "echo try >>tries; exit 7", again),
			plan("late", "sleep 60", { after: [{ process: "bad", condition: "completed" }] }),
			plan("good", "exit 0", again),
			plan("gone", "exec no-such-program", again),
		],
		[],
	);
	await until(() => statusOf(setting, "bad").state === "failed" && statusOf(setting, "gone").state === "failed");
	t.is(readFileSync(join(folder, "tries"), "utf8"), "try\ntry\ntry\ntry\n");
	t.is(statusOf(setting, "bad").reason, "it ended with 7, 4 times in a row");
	t.is(statusOf(setting, "bad").restarts, 3);
	await until(() => statusOf(setting, "late").state === "failed");
	t.is(statusOf(setting, "late").reason, "'bad' has failed");
	t.is(statusOf(setting, "good").state, "completed");
	t.is(statusOf(setting, "gone").reason, "there is no such program (127)");
	t.is(statusOf(setting, "gone").restarts, 0);
	t.true(supervisor.over);
	t.true(supervisor.failed);
});

test("nothing is left: not what ignores the signal, nor what left the group", async (t) => {
	const setting = setUp(t);
	const { supervisor, mark } = setting;
	await supervisor.apply(
		[
			plan(
				"deaf",
				"trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & while :; do sleep 1; done",
				{
					stop: { signal: "TERM", timeout: 1 },
				},
			),
		],
		[],
	);
	await until(() => markedProcesses(mark).length >= 3);
	await supervisor.stop();
	t.deepEqual(markedProcesses(mark), []);
	t.is(statusOf(setting, "deaf").exitCode, 137);
});

test("a group whose mark is gone is ended by what was written down of it", async (t) => {
	const setting = setUp(t);
	const { supervisor, folder, mark } = setting;
	// As programs do that show a title of their own.
	await supervisor.apply([plan("titled", "exec env -i sh -c 'while :; do sleep 1; done'")], []);
	await until(() => statusOf(setting, "titled").pid !== null && markedProcesses(mark).length === 0);
	const { pid } = statusOf(setting, "titled");
	t.is(killRecorded(join(folder, "groups")), 1);
	t.false(existsSync(join(folder, "groups")));
	await until(() => statusOf(setting, "titled").state === "failed");
	t.is(statusOf(setting, "titled").exitCode, 137);
	// A later process with that number is another one.
	writeFileSync(join(folder, "groups"), `${process.pid} 1\n${pid} 2\nnonsense\n`);
	t.is(killRecorded(join(folder, "groups")), 0);
});

test("a port that is taken is said, and the process not started", async (t) => {
	const setting = setUp(t);
	const server = createServer();
	const port = await new Promise<number>((resolve) => {
		server.listen(0, "127.0.0.1", () => {
			resolve((server.address() as { port: number }).port);
		});
	});
	t.teardown(() => server.close());
	await setting.supervisor.apply([plan("web", "touch started", { ports: [{ name: "http", port }] })], []);
	await until(() => statusOf(setting, "web").state === "failed");
	t.is(statusOf(setting, "web").reason, `its port ${port} is taken by another program`);
	t.false(existsSync(join(setting.folder, "started")));
});

test("only what changed is started again", async (t) => {
	const setting = setUp(t);
	const { supervisor } = setting;
	const first = await supervisor.apply([plan("a", "sleep 60"), plan("b", "sleep 60"), plan("c", "sleep 60")], []);
	t.deepEqual(first.started, ["a", "b", "c"]);
	const pids = (): (number | null)[] => supervisor.list().processes.map(({ pid }) => pid);
	const before = pids();
	const { started, restarted, ended } = await supervisor.apply(
		[plan("a", "sleep 60"), plan("b", "sleep 61"), plan("d", "sleep 60")],
		[],
	);
	t.deepEqual([started, restarted, ended], [["d"], ["b"], ["c"]]);
	await until(() => statusOf(setting, "b").state === "running");
	t.is(pids()[0], before[0]);
	t.not(pids()[1], before[1]);
	await supervisor.restart("a");
	await until(() => statusOf(setting, "a").state === "running");
	t.not(pids()[0], before[0]);
	await t.throwsAsync(supervisor.restart("e"), { message: /PROCESS_UNKNOWN/ });
});

test("names choose what runs, with what it comes after", async (t) => {
	const setting = setUp(t);
	const plans = [
		plan("a", "sleep 60", { after: [{ process: "b", condition: "started" }] }),
		plan("b", "sleep 60"),
		plan("c", "sleep 60"),
	];
	const { started } = await setting.supervisor.apply(plans, ["a"]);
	t.deepEqual(started.toSorted(), ["a", "b"]);
	await until(() => statusOf(setting, "a").state === "running");
	t.is(statusOf(setting, "c").state, "stopped");
	t.deepEqual((await setting.supervisor.apply(plans, ["c"])).started, ["c"]);
});

test("ports and own variables are in the environment, output in the file", async (t) => {
	const setting = setUp(t);
	const exec = 'echo "$PORT $API_HTTP_PORT $MODE"; printf "\\033[31mred"';
	await setting.supervisor.apply(
		[
			plan("web", exec, { ports: [{ name: "http", port: 1 }], env: [{ name: "MODE", value: "it's" }] }),
			plan("api", "exit 0", { ports: [{ name: "http", port: 2 }] }),
		],
		[],
	);
	await until(() => setting.supervisor.over);
	t.deepEqual(setting.lines, ["web: 1 2 it's", "web: \u001b[31mred"]);
	t.is(readFileSync(statusOf(setting, "web").log, "utf8"), "1 2 it's\n\u001b[31mred");
});
