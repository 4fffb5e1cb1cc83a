/** An environment that one machine made, on another that only takes it from a binary cache. Needs the mirror for the package lists. */

import { spawn } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CopyResult } from "@devenv/protocol";
import test, { type ExecutionContext } from "ava";
import { storeFaults } from "./aftermath.ts";
import { FaultyMirror } from "./faulty-mirror.ts";
import { Installation, launcher } from "./installation.ts";

const [maker, taker] = [new Installation(), new Installation()];
const mirror = await FaultyMirror.startFor(taker);

test.after.always(async () => {
	await Promise.all([maker.remove(), taker.remove()]);
	await mirror.close();
});

const packages = "packages: [hello]\nenv: { GREETING: from a cache }\n";
const project = maker.project("project", { "env.yaml": packages });
const folder = join(maker.folder, "cache");
const key = join(maker.folder, "key");

test.serial("network: what was copied to a folder is entered elsewhere without a package being fetched", async (t) => {
	t.timeout(600_000);
	const made = await maker.devenv(["cache", "key", "team-1", key]);
	t.is(made.code, 0, made.stderr);
	t.regex(made.stdout, /^team-1:[A-Za-z0-9+/]{43}=\n$/);
	t.is(statSync(key).mode & 0o777, 0o600);
	const twice = await maker.devenv(["cache", "key", "team-1", key]);
	t.regex(twice.stderr, /^error\[KEY_EXISTS\]/);

	const locked = await maker.devenv(["lock"], { cwd: project });
	t.is(locked.code, 0, locked.stderr);
	const copied = await copy(t, maker, project, ["--to", folder, "--key", key]);
	t.true(copied.copied >= 2 && copied.bytes > 1_000_000, JSON.stringify(copied));
	t.like(await copy(t, maker, project, ["--to", folder]), { copied: 0, present: copied.copied });

	const lock = readFileSync(join(project, "env.lock"), "utf8");
	const other = taker.project("other", { "env.yaml": packages, "env.lock": lock });
	const substituters = (keys: string): void => {
		const settings = `substituters: ["file://${folder}"]\ntrusted_public_keys: [${keys}]\n`;
		taker.write(join(taker.home, "config/config.yaml"), mirror.config + settings);
	};
	// Nobody's key: --from says so.
	substituters("");
	const refused = await taker.devenv(["copy", "--from", folder], { cwd: other });
	t.is(refused.code, 1);
	t.regex(
		refused.stderr,
		/error\[CACHE_COPY_MISSING\][^]*no key of trusted_public_keys has signed it; it has signatures of 'team-1'/,
	);
	t.is((await taker.devenv(["daemon", "stop"])).code, 0);

	substituters(`"${made.stdout.trim()}"`);
	const entered = await taker.devenv(["shell", "--", "sh", "-c", 'hello -g "$GREETING"'], { cwd: other });
	t.is(entered.stdout, "from a cache\n", entered.stderr);
	t.deepEqual(
		mirror.requests.filter((path) => path.endsWith(".deb")),
		[],
	);
	t.deepEqual(await storeFaults(join(taker.home, "root")), []);
});

test.serial("network: a store that is served gives another project's environment", async (t) => {
	t.timeout(600_000);
	const second = maker.project("second", {
		"env.yaml": "packages: [hello, jq]\n",
		"env.lock": readFileSync(join(project, "env.lock")).toString(),
	});
	t.is((await maker.devenv(["shell", "--", "true"], { cwd: second })).code, 0);
	const server = spawn(launcher, ["cache", "serve", "--listen", "127.0.0.1:0", "--key", key], {
		env: { ...process.env, DEVENV_HOME: maker.home, HOME: maker.folder },
		stdio: ["ignore", "pipe", "pipe"],
	});
	const ended = new Promise((resolve) => server.once("close", resolve));
	t.teardown(() => server.kill("SIGKILL"));
	const url = await new Promise<string>((resolve, reject) => {
		let text = "";
		server.stdout.setEncoding("utf8").on("data", (piece: string) => {
			text += piece;
			const found = /^serving on (http:\S+)\n/.exec(text)?.[1];
			if (found !== undefined) resolve(found);
		});
		server.once("exit", (code) => {
			reject(new Error(`it ended with ${code}: ${text}`));
		});
	});
	server.stderr.resume();
	const other = taker.project("served", {
		"env.yaml": "packages: [hello, jq]\n",
		"env.lock": readFileSync(join(second, "env.lock")).toString(),
	});
	const result = await copy(t, taker, other, ["--from", url]);
	t.true(result.bytes > 1_000_000);
	t.like(await copy(t, taker, other, ["--from", url]), { copied: 0, present: 1, bytes: 0 });
	const entered = await taker.devenv(["shell", "--", "jq", "-n", "1+1"], { cwd: other });
	t.is(entered.stdout, "2\n", entered.stderr);
	t.deepEqual(
		mirror.requests.filter((path) => path.endsWith(".deb")),
		[],
	);
	server.kill("SIGINT");
	await ended;
});

async function copy(
	t: ExecutionContext,
	installation: Installation,
	cwd: string,
	args: readonly string[],
): Promise<CopyResult> {
	const { code, stdout, stderr } = await installation.devenv(["copy", ...args, "--json"], { cwd });
	t.is(code, 0, stdout + stderr);
	return JSON.parse(stdout) as CopyResult;
}
