/** Machines that lack something: user namespaces that are switched off, and a disk that fills up. */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nodeEnvironment, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { contentsOf, withoutProgress } from "./aftermath.ts";
import { FaultyMirror } from "./faulty-mirror.ts";
import { Installation, type Outcome, type RunOptions } from "./installation.ts";

let mirror: FaultyMirror;

test.before(async () => {
	mirror = await FaultyMirror.start();
});

test.after.always(() => mirror.close());

function install(): Installation {
	const installation = new Installation();
	mkdirSync(installation.home);
	installation.environment = mirror.environment;
	return installation;
}

function configure(installation: Installation): void {
	installation.write(join(installation.home, "config/config.yaml"), mirror.config);
}

const repository = join(import.meta.dirname, "../..");

/** Options of unshare(1) that an ordinary user needs beside those for other namespaces. */
const asUser = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];

test.serial("network: without user namespaces the message names the setting", async (t) => {
	t.timeout(600_000);
	// The setting of a namespace of our own; the machine's is not touched.
	const prefix = [
		"unshare",
		"--user",
		"--map-root-user",
		"sh",
		"-ec",
		'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"',
		"sh",
	];
	if (!existsSync(join(repository, "build/native/devenv-helper"))) {
		skip(t, "bwrap makes no user namespace where it is root, as it is in the namespace with the setting");
		return;
	}
	const trial = spawnSync("unshare", [...prefix.slice(1), "true"]);
	if (trial.status !== 0) {
		skip(t, "user namespaces cannot be made or limited here");
		return;
	}
	const installation = install();
	t.teardown(() => installation.remove());
	configure(installation);
	const project = installation.project("project", { "env.yaml": "packages: [hello]\n" });
	const enter = (options: object = {}) =>
		installation.devenv(["shell", "--", "hello", "-g", "entered"], { cwd: project, ...options });
	const first = await enter();
	t.is(first.code, 0, first.stderr);

	// What is there cannot be entered,
	const blocked = await enter({ prefix });
	t.is(blocked.code, 125);
	t.is(blocked.stdout, "");
	t.regex(
		blocked.stderr,
		/^error\[SHELL_NO_VIEWS\]: the environment cannot be entered: user namespaces are switched off on this machine \(user\.max_user_namespaces is 0\)\n {2}note: .*\n {2}help: .*sysctl -w user\.max_user_namespaces=\d+\n$/,
	);
	// and what is not there cannot be made.
	t.is((await installation.devenv(["daemon", "stop"])).code, 0);
	installation.write(join(project, "env.yaml"), "packages: [hello, figlet]\n");
	const before = contentsOf(project);
	const unbuilt = await enter({ prefix });
	t.is(unbuilt.code, 1);
	t.regex(
		withoutProgress(unbuilt.stderr),
		/^error\[SANDBOX_BLOCKED\]: user namespaces are switched off \(user\.max_user_namespaces is 0\)\n {2}note: .*\n {2}help: as root: sysctl -w user\.max_user_namespaces=\d+, and .*\n$/,
	);
	t.deepEqual(contentsOf(project), before);

	t.is((await installation.devenv(["daemon", "stop"])).code, 0);
	const next = await enter();
	t.is(next.stdout, "entered\n", next.stderr);
});

/** A home on a disk of its own, which only processes started through {@link run} see. */
interface SmallDisk {
	readonly run: (command: readonly string[], env?: RunOptions["env"]) => Promise<Outcome>;
	readonly enter: () => Promise<Outcome>;
	/** Makes the disk so large, in KiB. */
	readonly resize: (size: number) => Promise<void>;
	/** Leaves so much free, in KiB, once the daemon writes no more: it makes the next environment's parts beforehand. */
	readonly leave: (free: number) => Promise<void>;
}

async function mountSmallDisk(t: ExecutionContext, installation: Installation, project: string): Promise<SmallDisk> {
	const script = `mount -t tmpfs -o size=16m devenv-test '${installation.home}' && echo ready && exec cat`;
	const holder = spawn("unshare", [...asUser, "--mount", "sh", "-c", script], { stdio: ["pipe", "pipe", "inherit"] });
	await once(holder.stdout, "data");
	const enterNamespace = [
		"nsenter",
		`--target=${holder.pid}`,
		"--mount",
		...(asUser.length === 0 ? [] : ["--user", "--preserve-credentials"]),
		"sh",
		"-c",
		'cd "$0" && exec "$@"',
		project,
	];
	const run: SmallDisk["run"] = (command, env = {}) => installation.run(command, { prefix: enterNamespace, env });
	t.teardown(async () => {
		await installation.devenv(["daemon", "stop"], { prefix: enterNamespace });
		holder.stdin.end();
		await once(holder, "exit");
		await installation.remove();
	});
	await run(["mkdir", join(installation.home, "config")]);
	await installation.run(["tee", join(installation.home, "config/config.yaml")], {
		prefix: enterNamespace,
		input: mirror.config,
	});
	const resize = async (size: number): Promise<void> => {
		// With its source named, mount(8) does not repeat options such as the owner, who has another id in there.
		const { code, stderr } = await run(["mount", "-o", `remount,size=${size}k`, "devenv-test", installation.home]);
		t.is(code, 0, stderr);
	};
	const used = async (): Promise<number> =>
		Number((await run(["df", "--output=used", "-k", installation.home])).stdout.split("\n")[1]);
	return {
		run,
		enter: () =>
			installation.devenv(["shell", "--", "hello", "-g", "entered"], { prefix: enterNamespace, cwd: project }),
		resize,
		leave: async (free) => {
			let before = -1;
			let now = await used();
			for (let second = 0; now !== before && second < 60; second++) {
				await sleep(1000);
				[before, now] = [now, await used()];
			}
			await resize(now + free);
		},
	};
}

test.serial("network: a disk that is full in each phase", async (t) => {
	t.timeout(600_000);
	if (spawnSync("unshare", [...asUser, "--mount", "mount", "-t", "tmpfs", "devenv-test", "/mnt"]).status !== 0) {
		skip(t, "a small tmpfs cannot be mounted here");
		return;
	}
	const installation = install();
	const project = installation.project("project", { "env.yaml": "packages: [hello]\n" });
	const disk = await mountSmallDisk(t, installation, project);
	const assertFull = async (packages: string): Promise<void> => {
		installation.write(join(project, "env.yaml"), packages);
		const before = contentsOf(project);
		const { code, stdout, stderr } = await disk.enter();
		t.is(code, 1, stderr);
		t.is(stdout, "");
		t.regex(
			withoutProgress(stderr),
			/^error\[(?:STORE_)?DISK_FULL\]: .*the disk or quota is full[^\n]*\n(?: {2}note: .*\n(?: {4}.*\n)*)*? {2}help: free some space and run the command again[^\n]*\n$/,
		);
		const { "env.lock": lockBefore, ...restBefore } = before;
		const { "env.lock": lock, ...rest } = contentsOf(project);
		t.deepEqual(rest, restBefore);
		if (lockBefore !== undefined) t.is(lock, lockBefore);
	};
	const assertEntered = async (): Promise<void> => {
		await disk.resize(1024 * 1024);
		const { code, stdout, stderr } = await disk.enter();
		t.is(code, 0, stderr);
		t.is(stdout, "entered\n");
	};

	// While locking,
	await assertFull("packages: [hello]\n");
	t.false("env.lock" in contentsOf(project));
	// with the index in place,
	await disk.resize(120 * 1024);
	await assertFull("packages: [hello]\n");
	await assertEntered();
	// while instantiating and fetching, unpacking, merging, and in maintainer scripts.
	for (const free of [20, 300, 1000, 2500]) {
		t.log(`${free} KiB free`);
		await disk.leave(free);
		await assertFull("packages: [hello, figlet]\n");
	}
	await assertEntered();
	const program = join(import.meta.dirname, "print-store-faults.ts");
	const { stdout, stderr } = await disk.run(
		[process.execPath, program, join(installation.home, "root")],
		nodeEnvironment(),
	);
	t.is(stdout, "[]\n", stderr);
});
