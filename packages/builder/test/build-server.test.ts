/** The helper's process that starts builds: several builds at once, and what becomes of them when a process dies. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test from "ava";
import { runBuild } from "../src/index.ts";
import { type Backends, findBackends, helperOf, runScript, shellRequest } from "./host-sandbox.ts";

let backends: Backends;

test.before(async () => {
	backends = await findBackends();
});
test.after.always(() => {
	backends.remove();
});

/** Numbers of the processes whose command line fits. */
function processes(fits: (words: readonly string[]) => boolean): number[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.filter((pid) => {
			try {
				return fits(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
			} catch {
				return false; // it has ended
			}
		})
		.map(Number);
}

async function until(holds: () => boolean): Promise<boolean> {
	const deadline = Date.now() + 20_000;
	while (!holds()) {
		if (Date.now() > deadline) return false;
		await sleep(20);
	}
	return true;
}

test("builds at once keep their outputs and ends apart", async (t) => {
	const helper = helperOf(t, backends);
	if (helper === undefined) return;
	const numbers = Array.from({ length: 20 }, (_, number) => number);
	const results = await Promise.all(
		numbers.map((number) =>
			runScript(helper, `for i in 1 2 3 4 5; do echo ${number} $i; sleep 0.0$i; done; exit ${number}`),
		),
	);
	for (const [number, { outcome, output }] of results.entries()) {
		t.deepEqual(outcome, { kind: "exited", status: number });
		t.is(output, [1, 2, 3, 4, 5].map((i) => `${number} ${i}\n`).join(""));
	}
});

test("one build is ended, the others go on", async (t) => {
	const helper = helperOf(t, backends);
	if (helper === undefined) return;
	const running = runBuild(helper, shellRequest("sleep 98771"));
	const other = runScript(helper, "sleep 1; echo done");
	running.kill();
	t.deepEqual(await running.done, { kind: "cancelled" });
	t.deepEqual(await other, { outcome: { kind: "exited", status: 0 }, output: "done\n" });
	t.deepEqual(
		processes(([name, argument]) => name === "sleep" && argument === "98771"),
		[],
	);
});

test.serial("a build tells that the server was killed, and the next one has another", async (t) => {
	const helper = helperOf(t, backends);
	if (helper === undefined) return;
	const running = runScript(helper, "sleep 98772");
	const isServer = ([program, command]: readonly string[]): boolean =>
		program === helper.helper && command === "builds";
	const isBuilder = ([name, argument]: readonly string[]): boolean => name === "sleep" && argument === "98772";
	t.true(await until(() => processes(isBuilder).length > 0));
	const [server = 0] = processes(isServer);
	process.kill(server, "SIGKILL");
	t.deepEqual((await running).outcome, {
		kind: "setup-failed",
		step: "start the sandbox helper",
		error: "it ended by SIGKILL",
	});
	t.true(await until(() => processes(isBuilder).length === 0));
	t.deepEqual(await runScript(helper, "echo again"), { outcome: { kind: "exited", status: 0 }, output: "again\n" });
});

test("builds end with the process that asked for them, however it ends", async (t) => {
	const helper = helperOf(t, backends);
	if (helper === undefined) return;
	const module = JSON.stringify(fileURLToPath(new URL("host-sandbox.ts", import.meta.url)));
	const program = `
		import { runScript } from ${module};
		void runScript(${JSON.stringify(helper)}, "sleep 98773");`;
	const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
	const isBuilder = ([name, argument]: readonly string[]): boolean => name === "sleep" && argument === "98773";
	t.true(await until(() => processes(isBuilder).length > 0));
	child.kill("SIGKILL");
	await once(child, "close");
	t.true(await until(() => processes(isBuilder).length === 0));
});
