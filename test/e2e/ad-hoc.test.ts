/** `devenv shell -p`: environments without a project. Needs the mirror. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { contentsOf } from "./aftermath.ts";
import { Installation } from "./installation.ts";

const installation = new Installation();

test.after.always(() => installation.remove());

test("network: packages by name, in any folder, warm and offline the second time", async (t) => {
	t.timeout(600_000);
	const cwd = installation.project("anywhere", { file: "x" });
	const before = contentsOf(cwd);
	const enter = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
		installation.devenv(["shell", ...args], { cwd, env });
	const print = ["--", "sh", "-c", 'pwd; command -v hello jq | cat; hello -g "$1"; exit 3', "sh", "two words"];
	const first = await enter(["-p", "hello", ...print]);
	t.is(first.code, 3, first.stderr);
	t.is(first.stdout, `${cwd}\n/usr/bin/hello\ntwo words\n`);
	t.notRegex(first.stderr, /env\.lock/);
	t.deepEqual(contentsOf(cwd), before);

	// A daemon has the proxies of whoever started it.
	const stop = async (): Promise<void> => {
		t.is((await installation.devenv(["daemon", "stop"])).code, 0);
	};
	await stop();
	const offline = { http_proxy: "http://127.0.0.1:9", https_proxy: "http://127.0.0.1:9" };
	t.is((await enter(["-p", "hello", ...print], offline)).code, 3);
	await stop();
	// Another set: the same pinned state, so that only packages are fetched.
	const second = await enter(["-p", "jq", "-p", "hello", "--", "sh", "-c", "jq -n 1+1; hello -g both"]);
	t.is(second.stdout, "2\nboth\n", second.stderr);
	const folders = readdirSync(join(installation.home, "state/ad-hoc"));
	t.is(folders.length, 3, folders.join());
	// The order and repetitions mean nothing.
	await stop();
	t.is((await enter(["-p", "hello", "-p", "jq", "-p", "hello", "--", "jq", "-n", "1"], offline)).stdout, "1\n");

	await stop();
	const wrong = await enter(["-p", "helo", "--", "true"]);
	t.is(wrong.code, 1);
	t.regex(wrong.stderr, /^error\[ENV_UNKNOWN_PACKAGE\]: there is no package 'helo'\n[^]*did you mean: hello\?/m);
	const alone = await enter(["--fresh", "--", "true"]);
	t.is(alone.code, 2);
	t.regex(alone.stderr, /^error\[USAGE_INVALID\]: --fresh is of use with -p only/);
	t.is((await enter(["--fresh", "-p", "hello", "--", "hello", "-g", "newest"])).stdout, "newest\n");

	t.is((await installation.devenv(["gc", "--older-than", "0h"])).code, 0);
	t.deepEqual(readdirSync(join(installation.home, "state/ad-hoc")), ["env.lock"]);
	t.true(existsSync(join(cwd, "file")));
});
