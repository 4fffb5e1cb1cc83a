/** `devenv gc` beside projects that are used, gone and open. Needs the mirror. */

import { existsSync, readFileSync, rmSync, utimesSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { CollectResult } from "@devenv/protocol";
import test from "ava";
import { storeFaults } from "./aftermath.ts";
import { Installation } from "./installation.ts";

const installation = new Installation();

test.after.always(() => installation.remove());

test("network: what projects need stays, what only gone and unused ones had is deleted", async (t) => {
	t.timeout(600_000);
	const kept = installation.project("kept", { "env.yaml": "packages: [hello]\n" });
	const enter = (cwd: string, program: string): ReturnType<Installation["devenv"]> =>
		installation.devenv(["shell", "--", program, "--version"], { cwd });
	t.is((await enter(kept, "hello")).code, 0);
	const lock = readFileSync(join(kept, "env.lock"), "utf8");
	const project = (name: string, program: string): string =>
		installation.project(name, { "env.yaml": `packages: [${program}]\n`, "env.lock": lock });
	const [gone, old, open] = [project("gone", "jq"), project("old", "pv"), project("open", "tree")];
	t.is((await enter(gone, "jq")).code, 0);
	t.is((await enter(old, "pv")).code, 0);

	// A program runs on in an environment whose project is gone.
	const { promise: input, resolve } = Promise.withResolvers<string>();
	const { promise: started, resolve: start } = Promise.withResolvers<undefined>();
	const running = installation.devenv(["shell", "--", "sh", "-c", "echo up; read line; tree --version"], {
		cwd: open,
		input,
		onOutput: (text) => {
			if (text.includes("up\n")) start(undefined);
		},
	});
	await started;
	for (const folder of [gone, open]) rmSync(folder, { recursive: true });
	const stamps = join(installation.home, "state/stamps");
	const forty = new Date(Date.now() - 40 * 24 * 3600 * 1000);
	for (const name of readdirSync(stamps)) {
		if (readFileSync(join(stamps, name), "latin1").includes(`\0${old}\0`)) utimesSync(join(stamps, name), forty, forty);
	}

	const gc = async (...args: readonly string[]): Promise<CollectResult> => {
		const { code, stdout, stderr } = await installation.devenv(["gc", "--json", ...args]);
		t.is(code, 0, stderr + stdout);
		return JSON.parse(stdout) as CollectResult;
	};
	const dropped = ({ projects }: CollectResult): Record<string, string | null> =>
		Object.fromEntries(projects.map((each) => [each.project, each.dropped]));
	const expected = { [gone]: "gone", [kept]: null, [old]: "old", [open]: "gone" };
	t.deepEqual(dropped(await gc("--dry-run", "--older-than", "30d")), expected);
	t.is((await enter(old, "pv")).code, 0);
	for (const name of readdirSync(stamps)) {
		if (readFileSync(join(stamps, name), "latin1").includes(`\0${old}\0`)) utimesSync(join(stamps, name), forty, forty);
	}
	const report = await gc("--older-than", "30d");
	t.deepEqual(dropped(report), expected);
	t.true(report.bytesFreed > 1_000_000, String(report.bytesFreed));
	t.true(report.projects.every(({ size, own }) => size > 1_000_000 && own <= size));
	t.true(report.largest.some(({ path }) => /-jq-/.test(path)));

	resolve("go on\n");
	const ended = await running;
	t.is(ended.code, 0, ended.stderr);
	t.regex(ended.stdout, /tree v/);
	// Without the network: all that the kept project needs is there, unpacked packages included.
	const offline = { http_proxy: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };
	installation.write(join(kept, "env.yaml"), "packages: [hello]\nenv: { CHANGED: yes }\n");
	const again = await installation.devenv(["shell", "--", "hello", "-g", "still"], { cwd: kept, env: offline });
	t.is(again.stdout, "still\n", again.stderr);
	t.deepEqual(await storeFaults(join(installation.home, "root")), []);
	// Of a project that is dropped nothing is left, nor of the logs of builds.
	const history = async (cwd: string): Promise<number> =>
		(JSON.parse((await installation.devenv(["history", "--json"], { cwd })).stdout) as { generations: unknown[] })
			.generations.length;
	t.is(await history(kept), 2);
	const later = await gc("--older-than", "0h");
	t.true(later.files.count > 0 && later.files.bytes > 0);
	t.is(await history(kept), 0);
	// The one that was dropped is made again.
	t.is((await enter(old, "pv")).code, 0);
	t.true(existsSync(join(old, "env.lock")));
	const wrong = await installation.devenv(["gc", "--older-than", "soon"]);
	t.is(wrong.code, 2);
	t.regex(wrong.stderr, /^error\[USAGE_INVALID\]: --older-than soon cannot be understood/);
});
