/**
 * Ctrl-C, SIGTERM, and a daemon that is killed, in each phase of entering an environment. Of each kind one chain of runs: each
 * run gets to a later phase than the one before it, so that what comes after an interruption is seen to work.
 */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { connectOrStart, userLayout } from "@devenv/client";
import { daemonStatus, type StatusResult } from "@devenv/protocol";
import { contentsOf, mountsOf, processesOf, storeFaults, temporaryFiles, withoutProgress } from "./aftermath.ts";
import { FaultyMirror } from "./faulty-mirror.ts";
import { Installation, launcher, type Outcome } from "./installation.ts";

const installation = new Installation();
const mirror = await FaultyMirror.startFor(installation);

test.after.always(async () => {
	await installation.remove();
	await mirror.close();
});

/** A run of `devenv shell` that is interrupted. */
interface Run {
	readonly project: string;
	/** A package without dependencies that takes a while to unpack. */
	readonly package: string;
	/** All output so far. */
	output: string;
}

interface Phase {
	readonly name: string;
	/** What devenv says that it is doing. */
	readonly words: string;
	/** env.lock is there already. */
	readonly locked?: true;
	readonly prepare: (run: Run) => void;
	readonly reached: (run: Run) => Promise<unknown>;
}

/** Computes for minutes without needing much memory. */
const slowOverlay = `final: prev:
let count = builtins.genList (n: n) 20000; in
{ hello = if builtins.foldl' (a: m: builtins.foldl' (b: n: b + n) a count) 0 count == 1 then prev.hello else prev.hello; }
`;

const phases: readonly Phase[] = [
	{
		name: "locking",
		words: "locking debian:trixie",
		prepare: () => mirror.inject(/:debian\/dists\/trixie\/InRelease$/, { kind: "stall" }),
		reached: () => mirror.reached(/^debian\/dists\/trixie\/InRelease$/),
	},
	{
		name: "making the index",
		words: "reading the package lists",
		// An earlier chain's index would do.
		prepare: () => rmSync(join(installation.home, "cache/indexes"), { recursive: true, force: true }),
		reached: () => until(() => processesOf(installation).some((line) => line.includes("build-index-program"))),
	},
	{
		name: "evaluating",
		words: "evaluating the environment",
		locked: true,
		prepare: ({ project }) => {
			installation.write(join(project, "slow.nix"), slowOverlay);
			writeEnvironment(project, "packages: [hello]\noverlays: [./slow.nix]\n");
		},
		reached: (run) => until(() => run.output.includes("evaluating the environment")),
	},
	{
		name: "fetching",
		words: "building the environment",
		locked: true,
		prepare: (run) => {
			writeEnvironment(run.project, `packages: [hello, ${run.package}]\n`);
			mirror.inject(debOf(run), { kind: "stall" });
		},
		reached: (run) => mirror.reached(debOf(run)),
	},
	{
		name: "unpacking",
		words: "building the environment",
		locked: true,
		prepare: () => undefined,
		reached: (run) => untilBuilding((name) => name.startsWith(run.package) && !name.endsWith(".deb")),
	},
	{
		name: "composing",
		words: "building the environment",
		locked: true,
		prepare: () => undefined,
		reached: () => untilBuilding((name) => /root/.test(name)),
	},
];

function debOf(run: Run): RegExp {
	return new RegExp(`/${run.package}_[^/]*\\.deb$`);
}

function writeEnvironment(project: string, text: string): void {
	installation.write(join(project, "env.yaml"), text);
}

async function until(holds: () => boolean | Promise<boolean>, timeout = 60_000): Promise<void> {
	const end = Date.now() + timeout;
	while (!(await holds())) {
		if (Date.now() > end) throw new Error(`waited in vain for: ${String(holds)}`);
		await sleep(5);
	}
}

/** The daemon's own account; undefined where none runs. */
async function status(): Promise<StatusResult | undefined> {
	try {
		const layout = userLayout({ DEVENV_HOME: installation.home });
		const client = await connectOrStart({ layout, version: "0.0.0" });
		const result = await client.call(daemonStatus, {});
		client.close();
		return result;
	} catch {
		return undefined;
	}
}

function untilBuilding(matches: (name: string) => boolean): Promise<void> {
	return until(async () => (await status())?.builds.some(({ name }) => matches(name)) === true);
}

/** What was begun ends, and leaves no file on its way behind. */
async function assertQuiet(t: ExecutionContext, run: Run): Promise<void> {
	await until(async () => {
		const now = await status();
		return now === undefined || (now.requests === 1 && now.builds.length === 0);
	}, 60_000);
	// What a killed daemon leaves, the next one removes.
	if ((await status()) === undefined) return;
	await until(() => temporaryFiles(installation, run.project).length === 0, 60_000).catch(() => undefined);
	t.deepEqual(temporaryFiles(installation, run.project), []);
}

async function assertNothingLeft(t: ExecutionContext, run: Run): Promise<void> {
	t.is((await installation.devenv(["daemon", "stop"])).code, 0);
	await until(() => processesOf(installation).length === 0, 5_000).catch(() => undefined);
	t.deepEqual(processesOf(installation), []);
	t.deepEqual(mountsOf(installation), []);
	t.deepEqual(temporaryFiles(installation, run.project), []);
	t.deepEqual(await storeFaults(join(installation.home, "root")), []);
}

interface Chain {
	readonly name: string;
	readonly package: string;
	/** Runs the shell and interrupts it once `reached` resolves. */
	readonly interrupt: (run: Run, reached: () => Promise<unknown>) => Promise<Outcome>;
	/** What the interrupted run says and how it ends. */
	readonly check: (t: ExecutionContext, outcome: Outcome, phase: Phase) => void;
}

const advice = "  help: nothing was left half done; the same command goes on from here\n";

const chains: readonly Chain[] = [
	{
		name: "Ctrl-C on a terminal",
		package: "elementary-xfce-icon-theme",
		interrupt: async (run, reached) => {
			const { promise: input, resolve } = Promise.withResolvers<string>();
			const outcome = installation.run(["script", "-qefc", `${launcher} shell -- true`, "/dev/null"], {
				cwd: run.project,
				env: { TERM: "xterm" },
				input,
				onOutput: (text) => {
					run.output = text;
				},
			});
			await Promise.race([reached(), outcome]);
			resolve("\u0003");
			return outcome;
		},
		check: (t, { code, stdout }, phase) => {
			t.is(code, 130, stdout);
			const shown = stdout.slice(stdout.lastIndexOf("error[")).replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, "");
			t.is(shown.replaceAll("\r", ""), `error[CANCELLED]: interrupted while ${phase.words}\n${advice}`, stdout);
		},
	},
	{
		name: "SIGTERM",
		package: "faenza-icon-theme",
		interrupt: async (run, reached) => {
			let client = 0;
			const outcome = installation.devenv(["shell", "--", "true"], {
				cwd: run.project,
				onStart: (pid) => {
					client = pid;
				},
				onOutput: (text) => {
					run.output = text;
				},
			});
			await Promise.race([reached(), outcome]);
			process.kill(client, "SIGTERM");
			return outcome;
		},
		check: (t, { code, stderr }, phase) => {
			t.is(code, 143, stderr);
			t.is(withoutProgress(stderr), `error[CANCELLED]: interrupted while ${phase.words}\n${advice}`);
		},
	},
	{
		name: "kill -9 of the daemon",
		package: "golang-1.24-src",
		interrupt: async (run, reached) => {
			const outcome = installation.devenv(["shell", "--", "true"], {
				cwd: run.project,
				onOutput: (text) => {
					run.output = text;
				},
			});
			await Promise.race([reached(), outcome]);
			process.kill((await status())?.pid ?? 0, "SIGKILL");
			return outcome;
		},
		check: (t, { code, stderr }) => {
			t.is(code, 1, stderr);
			t.is(
				withoutProgress(stderr),
				"error[DAEMON_LOST]: the daemon ended the connection\n  help: run the command again; `devenv daemon logs` may say why\n",
			);
		},
	},
];

for (const chain of chains) {
	test.serial(`network: ${chain.name} in each phase`, async (t) => {
		t.timeout(600_000);
		const project = installation.project(chain.package, { "env.yaml": "packages: [hello]\n" });
		const run: Run = { project, package: chain.package, output: "" };
		for (const phase of phases) {
			t.log(phase.name);
			phase.prepare(run);
			const before = contentsOf(project);
			run.output = "";
			const outcome = await chain.interrupt(run, () => phase.reached(run));
			mirror.clear();
			chain.check(t, outcome, phase);
			// Past locking the lock is there, and stays; before, it is not.
			const { "env.lock": lock, ...rest } = contentsOf(project);
			const { "env.lock": lockBefore, ...restBefore } = before;
			t.deepEqual(rest, restBefore);
			if (lockBefore !== undefined) t.is(lock, lockBefore);
			if (phase.locked !== true) t.false(existsSync(join(project, "env.lock")));
			await assertQuiet(t, run);
		}
		const { code, stdout, stderr } = await installation.devenv(["shell", "--", "hello", "-g", "entered"], {
			cwd: project,
		});
		t.is(code, 0, stderr);
		t.is(stdout, "entered\n");
		await assertNothingLeft(t, run);
	});
}
