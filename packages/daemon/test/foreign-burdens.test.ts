/** What one client or whoever starts a daemon brings along must not burden others. */

import { spawnSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import { evaluate, makeHome } from "./fixture.ts";

test("an answer too long for a message is an error, and others are served on", async (t) => {
	const home = makeHome(t);
	const client = await home.connect();
	// Each character is six bytes of JSON: too long for a message, and too long for a string.
	for (const characters of [16 * 1024 * 1024, 90 * 1024 * 1024]) {
		const error = await t.throwsAsync(evaluate(client, `long ${characters}`), { instanceOf: DiagnosticError });
		t.is(error.diagnostics[0]?.code, "ANSWER_TOO_LARGE");
	}
	t.is(await evaluate(client, "echo on"), "on");
});

test("a daemon keeps none of its starter's descriptors open", async (t) => {
	const home = makeHome(t);
	const file = join(home.home, "lock");
	const program = `
		import { connectOrStart } from ${JSON.stringify(fileURLToPath(new URL("../../client/src/index.ts", import.meta.url)))};
		const client = await connectOrStart({
			layout: ${JSON.stringify(home.layout)}, version: "1.0.0",
			start: { argv: [process.execPath, ${JSON.stringify(fileURLToPath(new URL("fake-daemon.ts", import.meta.url)))}] },
		});
		client.close();`;
	const script = 'exec 200>"$1"; shift; exec "$@"';
	const started = spawnSync(
		"bash",
		["-c", script, "sh", file, process.execPath, "--input-type=module", "-e", program],
		{
			env: { ...process.env, DEVENV_HOME: home.home, FAKE_VERSION: "1.0.0" },
			encoding: "utf8",
		},
	);
	t.is(started.status, 0, started.stderr);
	const { daemon } = await home.find();
	const open = readdirSync(`/proc/${daemon.pid}/fd`).map((name) => readlinkSync(`/proc/${daemon.pid}/fd/${name}`));
	t.false(open.includes(file));
	t.true(open.some((path) => path.startsWith("socket:")));
});
