/** What a hostile build tries, and what must not bring the caller down; for every backend that this machine has. */

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { runBuild, type Sandbox } from "../src/index.ts";
import { type Backends, findBackends, runScript, shellRequest } from "./host-sandbox.ts";

let backends: Backends;

test.before(async () => {
	backends = await findBackends();
});
test.after.always(() => {
	backends.remove();
});

function forEachBackend(title: string, run: (t: ExecutionContext, sandbox: Sandbox) => Promise<void>): void {
	test.serial(title, async (t) => {
		t.true(backends.sandboxes.length > 0, "no sandbox works on this machine");
		for (const sandbox of backends.sandboxes) await t.notThrowsAsync(() => run(t, sandbox), sandbox.kind);
	});
}

const settings = ["sys/kernel/core_pattern", "sys/kernel/hostname", "irq/default_smp_affinity", "sysrq-trigger"];

forEachBackend("keeps the kernel's settings from a root caller's builds", async (t, sandbox) => {
	const open = (proc: string): string =>
		settings
			.map((name) => `if [ -e ${proc}/${name} ] && (: >>${proc}/${name}) 2>/dev/null; then echo writes ${name}; fi`)
			.join("\n");
	for (const fakeRoot of [false, true]) {
		const { outcome, output } = await runScript(sandbox, `${open("/proc")}\necho done`, { fakeRoot });
		t.is(output, "done\n", sandbox.kind);
		t.deepEqual(outcome, { kind: "exited", status: 0 });
	}
	const nested = await runScript(
		sandbox,
		`mkdir /tmp/p; unshare --user --map-root-user --mount --pid --fork sh -c 'mount -t proc none /tmp/p || umount /proc/sys
		${open("/tmp/p")}
		${open("/proc")}' 2>/dev/null; echo done`,
	);
	t.is(nested.output, "done\n", sandbox.kind);
});

forEachBackend("does not obey the build's variables outside of the sandbox", async (t, sandbox) => {
	const folder = mkdtempSync(join(backends.folder, "loader-"));
	const env = new Map([
		["PATH", "/usr/bin:/bin"],
		["LD_DEBUG", "libs"],
		["LD_DEBUG_OUTPUT", join(folder, "written-by-loader")],
	]);
	const { outcome } = await runScript(sandbox, "exit 3", { env });
	t.deepEqual(outcome, { kind: "exited", status: 3 });
	t.deepEqual(readdirSync(folder), [], sandbox.kind);
});

forEachBackend("what it needs while it runs lies where the request says", async (t, sandbox) => {
	const folder = mkdtempSync(join(backends.folder, "temporary-"));
	const seen: string[] = [];
	const look = (): void => {
		seen.push(...readdirSync(folder));
	};
	const running = runBuild(sandbox, shellRequest("echo begun", { temporary: folder, onOutput: look }));
	t.deepEqual(await running.done, { kind: "exited", status: 0 });
	t.true(seen.length > 0, sandbox.kind);
	t.deepEqual(readdirSync(folder), []);
});

test.serial("a build with the network does not reach abstract sockets of the host", async (t) => {
	const helper = backends.sandboxes.find(({ kind }) => kind === "helper");
	if (helper === undefined) {
		skip(t, "only the helper can do that, and it does not work here");
		return;
	}
	const name = `\0devenv-test-${process.pid}`;
	const server = createServer((socket) => socket.end()).listen(name);
	await new Promise((resolve) => server.once("listening", resolve));
	const script = `require("net").connect("\\0" + ${JSON.stringify(name.slice(1))})
		.on("connect", () => { console.log("connected"); process.exit(0) })
		.on("error", (error) => { console.log(error.code) })`;
	const node = join(process.execPath, "../..");
	const { output } = await runScript(helper, `exec ${process.execPath} -e '${script}'`, {
		network: true,
		binds: [{ source: node, target: node }],
	});
	server.close();
	t.is(output, "EPERM\n");
});

test.serial("a helper that cannot be started is an outcome, and nothing is thrown later", async (t) => {
	const outcome = await runBuild({ kind: "helper", helper: "/missing/helper" }, shellRequest("")).done;
	t.like(outcome, { kind: "setup-failed" });
	await new Promise((resolve) => setTimeout(resolve, 50));
});

forEachBackend("a build settles although its temporary folder was tidied away", async (t, sandbox) => {
	const folder = mkdtempSync(join(backends.folder, "tidied-"));
	const before = process.env["TMPDIR"];
	process.env["TMPDIR"] = folder;
	const chunks: Uint8Array[] = [];
	const tidy = (chunk: Uint8Array): void => {
		chunks.push(chunk);
		for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
	};
	const running = runBuild(sandbox, shellRequest("echo begun; sleep 0.2", { onOutput: tidy }));
	if (before === undefined) delete process.env["TMPDIR"];
	else process.env["TMPDIR"] = before;
	t.deepEqual(await running.done, { kind: "exited", status: 0 });
	t.is(Buffer.concat(chunks).toString(), "begun\n");
});
