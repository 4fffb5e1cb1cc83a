/** Two users of one machine whose home folders are open, as many are: neither gets at the other's. Only root can play both. */

import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { canRunAs, findProgram, skip } from "@devenv/test-support";
import test from "ava";
import { Installation } from "./installation.ts";

const ids = [54_321, 54_322].map((id) => ({ uid: id, gid: id }));
const plays = process.getuid?.() === 0 && ids.every(canRunAs);
const secret = "hunter2-and-more";

test("network: another user reads and controls nothing of a project, its daemon and its processes", async (t) => {
	t.timeout(600_000);
	if (!plays || findProgram("setpriv") === undefined) {
		skip(t, "it takes root to play two users, and the repository where they can read it");
		t.pass();
		return;
	}
	const [own, other] = [new Installation({ uid: 54_321 }), new Installation({ uid: 54_322 })];
	t.teardown(() => Promise.all([own.remove(), other.remove()]).then(() => undefined));
	const cwd = own.project("project", {
		"env.yaml": `packages: [hello]\nenv: { PASSWORD: ${secret} }\nprocesses: { web: 'echo $PASSWORD; exec sleep 600' }\n`,
	});
	await allowAll(own);
	t.is((await own.devenv(["shell", "--", "hello"], { cwd })).code, 0);
	const up = await own.devenv(["up", "-d"], { cwd });
	t.is(up.code, 0, up.stderr);
	t.teardown(() => own.devenv(["down"], { cwd }).then(() => undefined));
	const pid = await own.daemonPid();

	// What the other one sees of the folder: that there are folders.
	const readable = await other.run(["find", own.home, "-type", "f", "-readable"]);
	t.is(readable.stdout, "", "files that everybody may read");
	const sockets = filesBelow(own.home).filter((path) => lstatSync(path).isSocket());
	t.true(sockets.length >= 2, sockets.join());
	for (const socket of sockets) {
		const program = `require("net").connect(process.argv[1]).once("connect", () => process.exit(0)).once("error", (e) => { console.log(e.code); process.exit(1); })`;
		const attempt = await other.run([process.execPath, "-e", program, socket]);
		t.is(attempt.stdout, "EACCES\n", `${socket}: ${attempt.stderr}`);
	}

	// With the other's own devenv, led to it.
	const led = { DEVENV_HOME: own.home };
	for (const args of [
		["daemon", "stop"],
		["daemon", "status"],
		["shell", "--", "true"],
		["down"],
		["gc"],
		["history"],
	]) {
		const { code, stdout, stderr } = await other.devenv(args, { cwd, env: led });
		t.not(code, 0, args.join(" "));
		t.regex(stdout + stderr, /^error\[[A-Z_]+\]: /m, args.join(" "));
		t.false((stdout + stderr).includes(secret), args.join(" "));
	}
	t.is(await own.daemonPid(), pid);
	const signal = await other.run(["sh", "-c", `kill ${pid}; cat /proc/${pid}/environ`]);
	t.not(signal.code, 0);
	t.is(signal.stdout, "");
	const list = await own.devenv(["processes", "list", "--json"], { cwd });
	t.regex(list.stdout, /"state": ?"running"/);

	// In a project that both can write, what one wrote is not entered unasked by the other.
	const hint = await other.devenv(["print-env", "--json"], { cwd });
	t.not(hint.code, 0);
	t.false(
		existsSync(join(other.home, "state/trust/contents")) &&
			readdirSync(join(other.home, "state/trust/contents")).length > 0,
	);
});

/** Opens what lies above the installation's own folders, as `chmod 755 ~` does. */
async function allowAll(installation: Installation): Promise<void> {
	for (const folder of [installation.folder, installation.home]) {
		await installation.run(["sh", "-c", `mkdir -p ${folder}; chmod 755 ${folder}`]);
	}
}

function filesBelow(folder: string): string[] {
	return readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => !entry.isDirectory() && !entry.parentPath.includes("/nix/store"))
		.map((entry) => join(entry.parentPath, entry.name));
}
