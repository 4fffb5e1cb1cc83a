import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { homeLayout, type HomeLayout } from "@devenv/protocol";
import { openStore } from "@devenv/store";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import {
	checkDaemon,
	checkFolders,
	checkMirrors,
	checkSettings,
	checkStore,
	checkViews,
} from "../../src/doctor/installation-checks.ts";
import { FakeDaemon } from "../fake-daemon.ts";

function newLayout(t: ExecutionContext): HomeLayout {
	return homeLayout({ DEVENV_HOME: temporaryFolder(t) }, 1000, { nixOwnsStore: false });
}

test("folders that others can enter, or that are none", (t) => {
	const layout = newLayout(t);
	t.like(checkFolders(layout), [{ state: "ok" }]);
	for (const folder of [layout.state, layout.cache]) mkdirSync(folder, { mode: 0o700 });
	t.like(checkFolders(layout), [{ state: "ok" }]);
	chmodSync(layout.state, 0o755);
	symlinkSync("/tmp", layout.runtime);
	t.like(checkFolders(layout), [
		{ state: "warn", remedy: `chmod 700 '${layout.state}'` },
		{ state: "fail", found: `${layout.runtime} is not a folder of your own` },
	]);
	t.like(checkFolders(layout, 54_321)[0], { state: "fail" });
});

test("a store that is sound, one that lacks a file, and none", async (t) => {
	const layout = newLayout(t);
	t.like(await checkStore(layout), { state: "ok", found: `none yet at ${layout.storeRoot}` });
	const store = openStore({ root: layout.storeRoot });
	const path = store.addText({ name: "text", contents: "x" });
	t.like(await checkStore(layout), { state: "ok", found: `1 objects at ${layout.storeRoot}, all there` });
	rmSync(store.physical(path), { force: true });
	t.like(await checkStore(layout), { state: "fail", found: `${path} is not there` });
	store.close();
	writeFileSync(join(layout.storeRoot, "nix/var/nix/db/db.sqlite"), "this is no database".repeat(1000));
	t.like(await checkStore(layout), { state: "fail" });
});

test("settings", (t) => {
	const layout = newLayout(t);
	t.is(checkSettings(layout).finding.found, "the defaults");
	mkdirSync(layout.config);
	writeFileSync(join(layout.config, "config.yaml"), "max_jobs: 2\ncolour: red\n");
	const { finding, settings } = checkSettings(layout);
	t.is(settings, undefined);
	t.is(finding.state, "fail");
	t.is(finding.found, `unknown setting 'colour' (${layout.config}/config.yaml:2)`);
});

test("a daemon that runs, and none; none is started", async (t) => {
	const layout = newLayout(t);
	t.like(await checkDaemon(layout), [{ state: "ok", found: "does not run; the next command that needs it starts it" }]);
	const daemon = await FakeDaemon.start({
		"daemon.status": () => ({
			version: "0.0.1",
			protocol: 1,
			pid: 7,
			uptime: 1,
			storeRoot: "/s",
			log: "/l",
			clients: 1,
			requests: 1,
			builds: [],
			memory: 150_000_000,
			idleExit: 600,
			retiring: false,
		}),
	});
	t.teardown(() => {
		daemon.close();
	});
	const running = homeLayout({ DEVENV_HOME: daemon.home }, 1000, { nixOwnsStore: false });
	t.like(await checkDaemon(running), [
		{ state: "warn", found: "process 7, 150 MB, 0 builds, of another version (0.0.1)", remedy: "devenv daemon stop" },
	]);
	const outcome = await daemon.run(["doctor", "--offline", "--json"]);
	const { findings } = JSON.parse(outcome.stdout) as { findings: readonly { name: string; state: string }[] };
	t.deepEqual(
		findings.map(({ name }) => name),
		[
			"kernel",
			"user namespaces",
			"environments",
			"clock",
			"space",
			"file watches",
			"folders",
			"store",
			"settings",
			"daemon",
		],
	);
	t.is(outcome.code, findings.some(({ state }) => state === "fail") ? 1 : 0);
	const text = await daemon.run(["doctor", "--offline"]);
	t.regex(text.stdout, /^WARN {2}daemon {11}process 7, /m);
	t.regex(text.stdout, /^What to do:\n(?:.*\n)*? {2}daemon: devenv daemon stop\n/m);
});

test("mirrors that answer, refuse, and are not there", async (t) => {
	const server = createServer((request, response) => {
		response.writeHead(request.url?.startsWith("/good/") === true ? 200 : 404, {
			date: "Fri, 27 Nov 2020 00:00:00 GMT",
		});
		response.end();
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const check = (...urls: readonly string[]) => checkMirrors({ mirrors: new Map([["debian", urls]]) }, {});
	const { findings, probes } = await check(
		`${address}/good`,
		`${address}/bad`,
		"http://127.0.0.1:1",
		"file:///nowhere",
	);
	// The machine's own may follow.
	t.like(findings.slice(0, 4), [
		{ state: "ok" },
		{ state: "warn", found: `${address}/bad/dists/trixie/InRelease: HTTP status 404` },
		{ state: "warn" },
		{ state: "warn", found: "file:///nowhere/dists/trixie/InRelease: there is no such file" },
	]);
	t.true((probes[0]?.skew ?? 0) < -100_000_000);
});

test("what makes environments", (t) => {
	t.like(checkViews("/nonexistent-helper", "bwrap"), { state: "fail" });
	const none = checkViews(null, "/nonexistent-bwrap");
	t.is(none.state, "fail");
	t.regex(none.remedy ?? "", /C compiler/);
});
