/** One suite for every backend that this machine has. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { DiagnosticError } from "@devenv/diagnostics";
import { runBuild, type Sandbox } from "../src/index.ts";
import { type Backends, findBackends, helperOf, runScript, shellRequest } from "./host-sandbox.ts";

let backends: Backends;

test.before(async () => {
	backends = await findBackends();
});
test.after.always(() => {
	backends.remove();
});

function temporary(): string {
	return mkdtempSync(join(backends.folder, "t-"));
}

function forEachBackend(
	title: string,
	run: (t: import("ava").ExecutionContext, sandbox: Sandbox) => Promise<void>,
): void {
	test(title, async (t) => {
		t.true(backends.sandboxes.length > 0, "no sandbox works on this machine");
		for (const sandbox of backends.sandboxes) await t.notThrowsAsync(() => run(t, sandbox), sandbox.kind);
	});
}

/** Command lines of all processes of this machine. */
function commandLines(): string[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.flatMap((pid) => {
			try {
				return [readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")];
			} catch {
				return [];
			}
		});
}

forEachBackend("gives the exit status and the output", async (t, sandbox) => {
	const { outcome, output } = await runScript(sandbox, "echo out; echo err >&2; exit 7");
	t.deepEqual(outcome, { kind: "exited", status: 7 });
	t.is(output, "out\nerr\n");
});

forEachBackend("tells a builder that a signal ended", async (t, sandbox) => {
	const { outcome } = await runScript(sandbox, "kill -SEGV $$");
	t.deepEqual(outcome, { kind: "killed", signal: 11 });
});

forEachBackend("shows nothing of the host but what is bound", async (t, sandbox) => {
	const { output } = await runScript(sandbox, "cd /; echo *; ls /home /root /etc /sys 2>/dev/null | wc -l");
	const [entries, hidden] = output.split("\n");
	const expected = new Set(["bin", "build", "dev", "lib", "lib64", "proc", "tmp", "usr"]);
	t.deepEqual(
		entries?.split(" ").filter((name) => !expected.has(name)),
		[],
	);
	t.is(hidden, "0");
});

forEachBackend("has a loopback device and no other", async (t, sandbox) => {
	const { output } = await runScript(sandbox, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '");
	t.is(output, "lo\n");
});

forEachBackend("is process 1's world of its own", async (t, sandbox) => {
	const { output } = await runScript(sandbox, "id -u; id -g; hostname; ls -d /proc/[0-9]* | wc -l");
	const [uid, gid, host, processes] = output.split("\n");
	t.deepEqual([uid, gid, host], ["1000", "100", "localhost"]);
	t.true(Number(processes) < 8, processes);
});

forEachBackend("cannot write what is bound read-only, nor the root", async (t, sandbox) => {
	const folder = temporary();
	mkdirSync(join(folder, "in"));
	mkdirSync(join(folder, "out"));
	writeFileSync(join(folder, "in/file"), "kept");
	const { output } = await runScript(
		sandbox,
		"echo no > /in/file; echo no > /in/new; touch /new /build/new; echo yes > /out/file; rm -f /in/file; cat /in/file",
		{
			binds: [
				{ source: join(folder, "in"), target: "/in" },
				{ source: join(folder, "out"), target: "/out", writable: true },
			],
		},
	);
	t.regex(output, /Read-only file system/);
	t.true(output.endsWith("kept"));
	t.deepEqual(readdirSync(join(folder, "in")), ["file"]);
	t.is(readFileSync(join(folder, "out/file"), "utf8"), "yes\n");
});

forEachBackend("refuses set-id bits", async (t, sandbox) => {
	const folder = temporary();
	const { output } = await runScript(
		sandbox,
		"touch /out/a; chmod 4755 /out/a || echo refused; chmod g+s /out/a || echo refused; cp /bin/true /out/b; install -m 6755 /bin/true /out/c || echo refused",
		{ binds: [{ source: folder, target: "/out", writable: true }] },
	);
	t.is(output.match(/refused/g)?.length, 3, output);
	for (const name of readdirSync(folder)) t.is(statSync(join(folder, name)).mode & 0o6000, 0, name);
});

forEachBackend("lets a fake root do what has no effect", async (t, sandbox) => {
	const folder = temporary();
	const { outcome, output } = await runScript(
		sandbox,
		"set -e; id -u; touch /out/a; chown 12:34 /out/a; chmod 4755 /out/a; mknod /out/null c 1 3; chgrp 5 /out/a; mount -t tmpfs none /out || echo no mount",
		{ uid: 0, gid: 0, fakeRoot: true, binds: [{ source: folder, target: "/out", writable: true }] },
	);
	t.deepEqual(outcome, { kind: "exited", status: 0 }, output);
	t.regex(output, /^0\n[^]*no mount\n/);
	t.deepEqual(readdirSync(folder), ["a"]);
	t.is(statSync(join(folder, "a")).mode & 0o6000, 0);
});

forEachBackend("leaves no process behind", async (t, sandbox) => {
	const { outcome } = await runScript(
		sandbox,
		"(setsid sleep 98761 >/dev/null 2>&1 &); sleep 98761 >/dev/null 2>&1 & exit 0",
	);
	t.deepEqual(outcome, { kind: "exited", status: 0 });
	t.deepEqual(
		commandLines().filter((line) => line.startsWith("sleep 98761")),
		[],
	);
});

forEachBackend("stops at its time limit, with everything it started", async (t, sandbox) => {
	const { outcome } = await runScript(sandbox, "trap '' TERM; sleep 98762 & sleep 98762", {
		limits: { timeoutMs: 300 },
	});
	t.is(outcome.kind, "timed-out");
	t.deepEqual(
		commandLines().filter((line) => line.startsWith("sleep 98762")),
		[],
	);
});

forEachBackend("stops when silent, and not while it speaks", async (t, sandbox) => {
	const script = "for i in 1 2 3 4 5 6 7; do sleep 0.5; echo $i; done; sleep 98763";
	const { outcome, output } = await runScript(sandbox, script, { limits: { silentMs: 3000 } });
	t.is(outcome.kind, "silent");
	t.is(output, "1\n2\n3\n4\n5\n6\n7\n");
});

forEachBackend("stops at its log limit", async (t, sandbox) => {
	const { outcome, output } = await runScript(sandbox, "yes", { limits: { logBytes: 100_000 } });
	t.is(outcome.kind, "log-limit");
	t.is(output.length, 100_000);
});

forEachBackend("waits until what it said was taken", async (t, sandbox) => {
	let untaken = 0;
	let bytes = 0;
	const onOutput = (chunk: Uint8Array): Promise<void> => {
		untaken++;
		t.true(untaken <= 2, "one for each of its streams");
		bytes += chunk.length;
		return new Promise((resolve) => {
			setTimeout(() => {
				untaken--;
				resolve();
			}, 5);
		});
	};
	const running = runBuild(sandbox, shellRequest("yes | head -c 2000000", { onOutput }));
	t.deepEqual(await running.done, { kind: "exited", status: 0 });
	t.is(bytes, 2_000_000);
});

forEachBackend("is cancelled by a signal", async (t, sandbox) => {
	const controller = new AbortController();
	const running = runScript(sandbox, "echo ready; sleep 98764", { signal: controller.signal });
	setTimeout(() => {
		controller.abort();
	}, 200);
	t.deepEqual((await running).outcome, { kind: "cancelled" });
	t.deepEqual(
		commandLines().filter((line) => line.startsWith("sleep 98764")),
		[],
	);
});

forEachBackend("passes exactly the given environment and arguments", async (t, sandbox) => {
	const { output } = await runScript(sandbox, "", {
		builder: "/usr/bin/printf",
		args: ["[%s]", "two words", "", "new\nline", "\xc3\xa4"],
	});
	t.is(output, "[two words][][new\nline][\xc3\xa4]");
	const { output: env } = await runScript(sandbox, "", {
		builder: "/usr/bin/env",
		args: [],
		env: new Map([["A", "b c"]]),
	});
	t.deepEqual(
		env.split("\n").filter((line) => !line.startsWith("PWD=")),
		["A=b c", ""],
	);
});

forEachBackend("makes files and links in an empty root", async (t, sandbox) => {
	const { output } = await runScript(sandbox, "cat /etc/passwd /also; ls -l /etc/passwd | cut -c1-10", {
		files: [{ path: "/etc/passwd", text: "root:x:0:0::/:/bin/sh\n" }],
		links: new Map([["/also", "etc/passwd"]]),
	});
	t.is(output, "root:x:0:0::/:/bin/sh\nroot:x:0:0::/:/bin/sh\n-rw-r--r--\n");
});

forEachBackend("says so when the builder cannot be started", async (t, sandbox) => {
	const { outcome } = await runScript(sandbox, "", { builder: "/bin/none-such", args: [] });
	t.is(outcome.kind, "setup-failed");
});

test("names the attribute that is too long for the kernel", (t) => {
	const sandbox = helperOf(t, backends);
	if (sandbox === undefined) return;
	const request = shellRequest("true", { name: "big", env: new Map([["huge", "x".repeat(200_000)]]) });
	const error = t.throws(() => runBuild(sandbox, request), { instanceOf: DiagnosticError });
	t.is(error.diagnostics[0]?.code, "BUILD_STRING_TOO_LONG");
	t.regex(error.diagnostics[0]?.message ?? "", /attribute 'huge' of 'big'/);
});

test("a root's links do not lead binds out of it", async (t) => {
	const sandbox = helperOf(t, backends);
	if (sandbox === undefined) return;
	const folder = temporary();
	const outside = join(folder, "outside");
	for (const name of ["root", "root/build", "outside"]) mkdirSync(join(folder, name));
	symlinkSync(outside, join(folder, "root/data"));
	symlinkSync("../../../../../../../..", join(folder, "root/up"));
	writeFileSync(join(folder, "input"), "input");
	const { outcome } = await runScript(sandbox, "true", {
		root: { kind: "tree", path: join(folder, "root") },
		binds: [
			{ source: join(folder, "input"), target: "/data/file" },
			{ source: join(folder, "input"), target: `/up${outside}/file` },
		],
	});
	t.not(outcome.kind, "cancelled");
	t.deepEqual(readdirSync(outside), []);
});

test("an overlay leaves its lower folder alone, and merging applies what changed", async (t) => {
	const sandbox = helperOf(t, backends);
	if (sandbox === undefined) return;
	const folder = temporary();
	for (const name of ["lower", "upper", "work", "lower/build", "lower/gone", "lower/new", "lower/sub"]) {
		mkdirSync(join(folder, name));
	}
	writeFileSync(join(folder, "lower/file"), "old");
	writeFileSync(join(folder, "lower/gone/x"), "x");
	writeFileSync(join(folder, "lower/new/x"), "x");
	writeFileSync(join(folder, "lower/sub/kept"), "kept");
	const inode = statSync(join(folder, "lower/file")).ino;
	const { outcome, output } = await runScript(
		sandbox,
		"set -e; cd /; echo new > file; rm -r gone; rm -r new; mkdir new; echo y > new/y; ln -s file link; echo more > sub/more; chmod 755 file",
		{
			root: { kind: "overlay", lower: join(folder, "lower"), upper: join(folder, "upper"), work: join(folder, "work") },
			uid: 0,
			gid: 0,
			fakeRoot: true,
		},
	);
	t.deepEqual(outcome, { kind: "exited", status: 0 }, output);
	t.is(readFileSync(join(folder, "lower/file"), "utf8"), "old");
	t.deepEqual(readdirSync(join(folder, "lower/gone")), ["x"]);

	const { execFileSync } = await import("node:child_process");
	execFileSync(sandbox.helper, ["merge-upper", join(folder, "upper"), join(folder, "lower")]);
	t.is(readFileSync(join(folder, "lower/file"), "utf8"), "new\n");
	t.not(statSync(join(folder, "lower/file")).ino, inode, "a file is replaced, not written");
	t.is(statSync(join(folder, "lower/gone"), { throwIfNoEntry: false }), undefined);
	t.deepEqual(readdirSync(join(folder, "lower/new")), ["y"]);
	t.deepEqual(readdirSync(join(folder, "lower/sub")).sort(), ["kept", "more"]);
	t.is(readFileSync(join(folder, "lower/link"), "utf8"), "new\n");
});

/* Serial: it looks for its helper among this process's children. */
test.serial("a helper that is killed takes its build with it", async (t) => {
	const sandbox = helperOf(t, backends);
	if (sandbox === undefined) return;
	const running = runScript(sandbox, "sleep 98765");
	for (let tries = 0; tries < 100 && !commandLines().some((line) => line.startsWith("sleep 98765")); tries++) {
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	const pid = readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name))
		.find((name) => {
			try {
				const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, "latin1"))?.[1];
				return (
					parent === String(process.pid) && readFileSync(`/proc/${name}/cmdline`, "latin1").includes("devenv-helper")
				);
			} catch {
				return false;
			}
		});
	t.truthy(pid);
	process.kill(Number(pid), "SIGKILL");
	t.is((await running).outcome.kind, "setup-failed");
	t.deepEqual(
		commandLines().filter((line) => line.startsWith("sleep 98765")),
		[],
	);
});
