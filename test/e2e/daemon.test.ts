/** The daemon as its users meet it: started on demand, once; shown, stopped, replaced; under a long path. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeEnvironment } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { processesOf, storeFaults, withoutProgress } from "./aftermath.ts";
import { FaultyMirror } from "./faulty-mirror.ts";
import { Installation } from "./installation.ts";

const installation = new Installation();
const project = installation.project("project", { "env.yaml": "packages: [hello]\n" });
const mirror = await FaultyMirror.startFor(installation);

test.after.always(async () => {
	await installation.remove();
	await mirror.close();
});

const enter = (cwd = project) => installation.devenv(["shell", "--", "hello", "-g", "entered"], { cwd });

/** What the daemons of an installation logged of an event. */
function logged(of: Installation, event: string): readonly Readonly<Record<string, unknown>>[] {
	return readFileSync(join(of.home, "state/log/daemon.log"), "utf8")
		.split("\n")
		.filter((line) => line.startsWith("{"))
		.map((line) => JSON.parse(line) as Record<string, unknown>)
		.filter((line) => line["event"] === event);
}

async function assertEntered(t: ExecutionContext, cwd = project): Promise<void> {
	const { code, stdout, stderr } = await enter(cwd);
	t.is(code, 0, stderr);
	t.is(stdout, "entered\n");
}

async function untilEnded(pid: number): Promise<void> {
	for (let turn = 0; turn < 500 && existsSync(`/proc/${pid}`); turn++) await sleep(20);
}

async function untilNoProcess(of: Installation): Promise<void> {
	for (let turn = 0; turn < 200 && processesOf(of).length > 0; turn++) await sleep(50);
}

test.serial("network: two clients at once on an empty home: one daemon, and nothing is done twice", async (t) => {
	t.timeout(600_000);
	const other = installation.project("other", { "env.yaml": "packages: [hello]\n" });
	const outcomes = await Promise.all([enter(), enter(other)]);
	for (const { code, stdout, stderr } of outcomes) {
		t.is(code, 0, stderr);
		t.is(stdout, "entered\n");
	}
	t.is(logged(installation, "listening").length, 1);
	const packages = mirror.requests.filter((path) => path.endsWith(".deb"));
	t.true(packages.length > 20);
	t.deepEqual(packages.toSorted(), [...new Set(packages)].toSorted());
	t.is(readFileSync(join(other, "env.lock"), "utf8"), readFileSync(join(project, "env.lock"), "utf8"));
	t.deepEqual(await storeFaults(join(installation.home, "root")), []);
});

test.serial("network: two clients at once in one project without env.lock: it is written once", async (t) => {
	t.timeout(120_000);
	const shared = installation.project("shared", { "env.yaml": "packages: [hello]\n" });
	const outcomes = await Promise.all([enter(shared), enter(shared)]);
	for (const { code, stdout, stderr } of outcomes) {
		t.is(code, 0, stderr);
		t.is(stdout, "entered\n");
	}
	t.is(outcomes.filter(({ stderr }) => stderr.includes("wrote env.lock")).length, 1);
});

test.serial("network: ten clients at once without a daemon: one daemon starts", async (t) => {
	t.timeout(120_000);
	await installation.devenv(["daemon", "stop"]);
	const before = logged(installation, "listening").length;
	// A value of each one's own, so that none enters by its stamp alone.
	const folders = Array.from({ length: 10 }, (_, index) =>
		installation.project(`many-${index}`, {
			"env.yaml": `packages: [hello]\nenv: { NUMBER: "${index}" }\n`,
			"env.lock": readFileSync(join(project, "env.lock"), "utf8"),
		}),
	);
	const outcomes = await Promise.all(
		folders.map((cwd) => installation.devenv(["shell", "--", "sh", "-c", 'hello -g "$NUMBER"'], { cwd })),
	);
	for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
		t.is(code, 0, stderr);
		t.is(stdout, `${index}\n`);
	}
	t.is(logged(installation, "listening").length, before + 1);
});

test.serial("network: status says what runs, stop ends it, logs shows both", async (t) => {
	t.timeout(120_000);
	const running = JSON.parse((await installation.devenv(["daemon", "status", "--json"])).stdout) as Record<
		string,
		unknown
	>;
	t.is(running["running"], true);
	t.is(running["storeRoot"], join(installation.home, "root"));
	t.is(running["retiring"], false);
	const pid = Number(running["pid"]);
	t.true(existsSync(`/proc/${pid}`));
	const forPeople = await installation.devenv(["daemon", "status"]);
	t.regex(
		forPeople.stdout,
		new RegExp(`^version {7}\\d+\\.\\d+\\.\\d+(?:\\+\\w+)?\\npid {11}${pid}\\nrunning for {3}\\d`),
	);

	const stopped = await installation.devenv(["daemon", "stop"]);
	t.deepEqual(stopped, { code: 0, stdout: "The daemon has ended.\n", stderr: "" });
	await untilEnded(pid);
	t.deepEqual(processesOf(installation), []);
	t.deepEqual(JSON.parse((await installation.devenv(["daemon", "status", "--json"])).stdout), { running: false });
	t.is((await installation.devenv(["daemon", "stop"])).stdout, "No daemon is running.\n");

	const logs = await installation.devenv(["daemon", "logs", "--lines", "1"]);
	const last = JSON.parse(logs.stdout) as Record<string, unknown>;
	t.is(last["event"], "ended");
	t.is(last["pid"], pid);
	await assertEntered(t);
});

test.serial("network: stopping at once ends a command under way, and the next goes on", async (t) => {
	t.timeout(120_000);
	installation.write(join(project, "env.yaml"), "packages: [hello, figlet]\n");
	mirror.inject(/\/figlet_[^/]*\.deb$/, { kind: "stall" });
	const reached = mirror.reached(/\/figlet_[^/]*\.deb$/);
	const command = enter();
	await reached;
	t.is((await installation.devenv(["daemon", "stop", "--now"])).code, 0);
	const { code, stderr } = await command;
	mirror.clear();
	t.not(code, 0);
	t.is(
		withoutProgress(stderr),
		"error[CANCELLED]: the daemon was stopped while it worked for this command\n  help: run the command again\n",
	);
	await assertEntered(t);
});

test.serial("network: a retiring daemon finishes its work while a new one serves", async (t) => {
	t.timeout(120_000);
	const pid = await installation.daemonPid();
	installation.write(join(project, "env.yaml"), "packages: [hello, sl]\n");
	mirror.inject(/\/sl_[^/]*\.deb$/, { kind: "stall" });
	const reached = mirror.reached(/\/sl_[^/]*\.deb$/);
	// With --locked the client itself asks, not first the helper for a moment: this daemon has the work.
	const command = installation.devenv(["shell", "--locked", "--", "hello", "-g", "entered"], { cwd: project });
	await reached;
	const stopping = installation.devenv(["daemon", "stop"]);
	while (logged(installation, "retiring").every((line) => line["pid"] !== pid)) await sleep(20);
	const other = installation.project("meanwhile", {
		"env.yaml": "packages: [hello]\n",
		"env.lock": readFileSync(join(project, "env.lock"), "utf8"),
	});
	await assertEntered(t, other);
	t.true(existsSync(`/proc/${pid}`));
	mirror.clear();
	const { code, stdout, stderr } = await command;
	t.is(code, 0, stderr);
	t.is(stdout, "entered\n");
	t.is((await stopping).code, 0);
	await untilEnded(pid);
	t.false(existsSync(`/proc/${pid}`));
});

test.serial("network: an older daemon is replaced", async (t) => {
	t.timeout(120_000);
	await installation.devenv(["daemon", "stop"]);
	const older = spawn(process.execPath, [join(import.meta.dirname, "older-daemon.ts")], {
		env: { ...nodeEnvironment(), DEVENV_HOME: installation.home, ...mirror.environment },
		stdio: ["ignore", "pipe", "inherit"],
	});
	const ended = once(older, "exit");
	const [report] = (await once(older.stdout, "data")) as [Buffer];
	t.is(report.toString(), '{"kind":"listening"}\n');
	installation.write(join(project, "env.yaml"), "packages: [hello]\nenv: { CHANGED: yes }\n");
	await assertEntered(t);
	t.deepEqual(await ended, [0, null]);
	const pid = await installation.daemonPid();
	t.not(pid, older.pid);
});

test.serial("network: it leaves when it has been idle for long enough", async (t) => {
	t.timeout(120_000);
	await installation.devenv(["daemon", "stop"]);
	installation.write(join(installation.home, "config/config.yaml"), `${mirror.config}daemon_idle_exit: 1\n`);
	installation.write(join(project, "env.yaml"), "packages: [hello]\nenv: { CHANGED: again }\n");
	await assertEntered(t);
	await untilNoProcess(installation);
	t.deepEqual(processesOf(installation), []);
	t.is(logged(installation, "retiring").at(-1)?.["reason"], "idle");
	// What is unchanged needs no daemon (the compiled helper checks the stamp); what is changed starts one again.
	const starts = logged(installation, "listening").length;
	if (existsSync(join(import.meta.dirname, "../../build/native/devenv-helper"))) {
		await assertEntered(t);
		t.is(logged(installation, "listening").length, starts);
	}
	installation.write(join(project, "env.yaml"), "packages: [hello]\n");
	await assertEntered(t);
	t.is(logged(installation, "listening").length, starts + 1);
});

test.serial("a mistake in config.yaml is shown by the command that starts the daemon", async (t) => {
	const other = new Installation();
	t.teardown(() => other.remove());
	const file = join(other.home, "config/config.yaml");
	other.write(file, "max_job: 3\n");
	const folder = other.project("project", { "env.yaml": "packages: []\n" });
	const { code, stderr } = await other.devenv(["shell", "--", "true"], { cwd: folder });
	t.is(code, 1);
	t.is(
		stderr,
		[
			"error[CONFIG_UNKNOWN_KEY]: unknown setting 'max_job'",
			`  --> ${file}:1:1`,
			" 1 | max_job: 3",
			"   | ^^^^^^^",
			"  help: did you mean 'max_jobs'?",
			"",
		].join("\n"),
	);
	await untilNoProcess(other);
	t.deepEqual(processesOf(other), []);
});

test.serial("network: a DEVENV_HOME of more than 200 bytes", async (t) => {
	t.timeout(600_000);
	const base = new Installation();
	const other = new Installation({ home: join(base.folder, "long".repeat(25), "path".repeat(25), "home") });
	t.teardown(() => Promise.all([other.remove(), base.remove()]));
	t.true(other.home.length > 200);
	other.write(join(other.home, "config/config.yaml"), mirror.config);
	other.environment = mirror.environment;
	const folder = other.project("project", { "env.yaml": "packages: [hello]\n" });
	for (const text of ["packages: [hello]\n", "packages: [hello]\nenv: { CHANGED: yes }\n"]) {
		other.write(join(folder, "env.yaml"), text);
		const { code, stdout, stderr } = await other.devenv(["shell", "--", "hello", "-g", "entered"], { cwd: folder });
		t.is(code, 0, stderr);
		t.is(stdout, "entered\n");
	}
	const pid = await other.daemonPid();
	t.is(logged(other, "listening").length, 1);
	t.is((await other.devenv(["daemon", "stop"])).code, 0);
	await untilEnded(pid);
	t.deepEqual(processesOf(other), []);
});
