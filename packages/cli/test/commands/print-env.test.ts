import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { makeLiveFolder, pushChange } from "@devenv/shell";
import { findProgram, skip, temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { type PrintedEnvironment } from "@devenv/protocol";
import { shellText } from "../../src/shell-text.ts";
import { FakeDaemon } from "../fake-daemon.ts";

const hostile = 'it\'s "$HOME" `id` \\ two\nlines';

const report: PrintedEnvironment = {
	version: 1,
	project: "/home/a/shop",
	name: "shop",
	environment: "/home/a/store/environment",
	root: "/home/a/store/root",
	variables: { GREETING: hostile, PORT: "1" },
	unset: ["GONE"],
	path: ["/home/a/state/shims/1/bin"],
	headers: ["/home/a/store/root/usr/include"],
	libraries: [],
	pkg_config: [],
	watched: ["/home/a/shop/env.yaml"],
};

async function setUp(t: ExecutionContext): Promise<{ daemon: FakeDaemon; consents: unknown[] }> {
	const consents: unknown[] = [];
	const daemon = await FakeDaemon.start({
		"environment.print": ({ consent }) => {
			consents.push(consent);
			return { report, registration: '{"version":1}', diagnostics: [] };
		},
	});
	t.teardown(() => {
		daemon.close();
	});
	writeFileSync(join(daemon.project, "env.yaml"), "packages: [jq]\n");
	return { daemon, consents };
}

test("print-env speaks to programs only of what is allowed", async (t) => {
	const { daemon, consents } = await setUp(t);
	const json = await daemon.run(["print-env", "--json"]);
	t.deepEqual(JSON.parse(json.stdout), report);
	const text = await daemon.run(["print-env", "--shell", "direnv"]);
	t.is(text.stdout, shellText("direnv", report));
	t.deepEqual(await daemon.run(["print-env", "--compile-flags"]), {
		code: 0,
		signal: null,
		stdout: "--sysroot=/home/a/store/root\n",
		stderr: "",
	});
	t.is((await daemon.run(["print-env"], { SHELL: "/usr/bin/fish" })).stdout, shellText("fish", report));
	t.deepEqual(consents, ["needed", "needed", "needed", "needed"]);
	const wrong = await daemon.run(["print-env", "--shell", "tcsh"]);
	t.is(wrong.code, 2);
	t.regex(wrong.stderr, /^error\[USAGE_INVALID\]/);
});

test("shims prints the folder, and only of what is allowed", async (t) => {
	const { daemon, consents } = await setUp(t);
	t.is((await daemon.run(["shims"])).stdout, "/home/a/state/shims/1/bin\n");
	t.deepEqual(consents, ["needed"]);
});

test("hook prints the same by the launcher and by the client", async (t) => {
	const { daemon } = await setUp(t);
	const launcher = fileURLToPath(new URL("../../../../scripts/devenv", import.meta.url));
	for (const args of [["bash"], ["zsh", "--shims"], ["fish"], ["direnv"]]) {
		const { code, stdout, stderr } = await daemon.run(["hook", ...args]);
		t.is(code, 0, stderr);
		const direct = spawnSync(launcher, ["hook", ...args], {
			encoding: "utf8",
			env: { ...process.env, HOME: daemon.home },
		});
		t.is(direct.stdout, stdout);
		t.true(stdout.includes(launcher));
	}
	t.is((await daemon.run(["hook", "direnv", "--shims"])).code, 2);
	t.is((await daemon.run(["hook", "tcsh"])).code, 2);
});

for (const shell of ["bash", "zsh", "fish"] as const) {
	test(`${shell} reads the text as it is meant`, (t) => {
		if (findProgram(shell) === undefined) {
			skip(t, `no ${shell}`);
			return;
		}
		const print = 'printf "%s|" "$GREETING" "$PORT" "$PATH"; env | grep -c ^GONE=';
		const { stdout } = spawnSync(shell, ["-c", `${shellText(shell, report)}${print}`], {
			encoding: "utf8",
			env: { PATH: "/usr/bin:/bin", HOME: temporaryFolder(t), GONE: "here" },
		});
		t.is(
			stdout.replace("bin /", "bin:/").replace("bin /bin", "bin:/bin"),
			`${hostile}|1|/home/a/state/shims/1/bin:/usr/bin:/bin|0\n`,
		);
	});
}

test("print-env --watch prints what the daemon says, and takes its registration away at the end", async (t) => {
	const { daemon } = await setUp(t);
	const child = daemon.spawn(["print-env", "--watch"]);
	let out = "";
	child.stdout?.setEncoding("utf8").on("data", (text: string) => {
		out += text;
	});
	const folder = makeLiveFolder(join(daemon.home, "run"));
	const registration = `${child.pid}.shell`;
	const wait = async (condition: () => boolean): Promise<void> => {
		for (let turn = 0; turn < 800 && !condition(); turn++) await sleep(50);
		t.true(condition(), out);
	};
	await wait(() => out.includes("\n") && existsSync(join(folder, registration)));
	t.deepEqual(JSON.parse(out), { kind: "environment", message: "", environment: report });
	pushChange(folder, child.pid ?? 0, { generation: 1, text: '{"kind":"message","message":"one"}\n' });
	pushChange(folder, child.pid ?? 0, { generation: 2, text: '{"kind":"message","message":"two"}\n' });
	await wait(() => out.includes('{"kind":"message","message":"two"}\n'));
	const ended = new Promise((resolve) => child.once("close", resolve));
	// Without any further change: a watcher whose reader is gone would stay for ever.
	child.stdout?.destroy();
	await ended;
	t.false(readdirSync(folder).includes(registration));
});
