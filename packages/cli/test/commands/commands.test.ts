import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diagnose } from "@devenv/diagnostics";
import { skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { type Answer, FakeDaemon, Refusal, collect } from "../fake-daemon.ts";

async function setUp(t: ExecutionContext, answers: Readonly<Record<string, Answer>> = {}): Promise<FakeDaemon> {
	const daemon = await FakeDaemon.start(answers);
	t.teardown(() => {
		daemon.close();
	});
	return daemon;
}

function writeEnvironment(daemon: FakeDaemon): void {
	writeFileSync(join(daemon.project, "env.yaml"), "packages: [jq]\n");
}

const info = {
	name: "shop",
	project: "/home/a/shop",
	storeRoot: "/home/a/.local/share/devenv/root",
	environment: "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-shop",
	ready: false,
	root: "/nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-root",
	packages: [
		{ attr: "jq", name: "jq", version: "1.7.1-6" },
		{ attr: "postgresql", name: "postgresql-17", version: "17.6-0" },
	],
	inputs: [{ name: "debian", url: "debian:trixie", revision: "2026-11-21" }],
	scripts: [{ name: "test", description: "run the tests" }],
	variables: ["GREETING"],
	diagnostics: [],
};

test("info for people", async (t) => {
	const daemon = await setUp(t, { "environment.info": () => info });
	writeEnvironment(daemon);
	const { stdout, code } = await daemon.run(["info"]);
	t.is(
		stdout,
		`name         shop
project      /home/a/shop
environment  /nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-shop (not built yet)
root         /nix/store/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb-root
store        /home/a/.local/share/devenv/root

inputs
  debian  debian:trixie  2026-11-21

packages
  jq          1.7.1-6
  postgresql  17.6-0 (postgresql-17)

scripts
  test  run the tests

variables
  GREETING
`,
	);
	t.is(code, 0);
});

test("info --json is one object, and so is its failure", async (t) => {
	let fails = false;
	const daemon = await setUp(t, {
		"environment.info": () => {
			if (fails) throw new Refusal(-32001, { diagnostics: [diagnose("ENV_TYPE", "wrong", { hint: "mend it" })] });
			return info;
		},
	});
	writeEnvironment(daemon);
	const good = await daemon.run(["info", "--json"]);
	t.deepEqual(JSON.parse(good.stdout), info);
	t.is(good.code, 0);
	fails = true;
	const bad = await daemon.run(["info", "--json"]);
	t.deepEqual(JSON.parse(bad.stdout), {
		diagnostics: [{ code: "ENV_TYPE", severity: "error", message: "wrong", hint: "mend it" }],
	});
	t.deepEqual([bad.code, bad.stderr], [1, ""]);
	const plain = await daemon.run(["info"]);
	t.deepEqual([plain.code, plain.stdout, plain.stderr], [1, "", "error[ENV_TYPE]: wrong\n  help: mend it\n"]);
});

test("search prints a line a package", async (t) => {
	const seen: unknown[] = [];
	const daemon = await setUp(t, {
		"packages.search": (params) => {
			seen.push(params);
			const hits = [
				{ attr: "jq", version: "1.7.1", description: "JSON processor", input: "debian" },
				{ attr: "gojq", version: "0.12", description: "jq in Go", input: "debian" },
			];
			return params["query"] === "nothing" ? { hits: [], total: 0 } : { hits, total: 5 };
		},
	});
	const found = await daemon.run(["search", "json", "processor", "--limit", "2"]);
	t.is(found.stdout, "jq    1.7.1  JSON processor\ngojq  0.12   jq in Go\n… and 3 more; --limit shows them\n");
	t.deepEqual(seen, [{ project: null, query: "json processor", limit: 2 }]);
	const missed = await daemon.run(["search", "nothing"]);
	t.is(missed.stderr, "error[SEARCH_NOTHING]: no package matches 'nothing'\n  help: try fewer or shorter words\n");
	t.is(missed.code, 1);
});

test("update says what has changed", async (t) => {
	const seen: unknown[] = [];
	const dependency = (index: number) => ({ name: `lib${index}`, from: "1", to: "2", requested: false });
	const daemon = await setUp(t, {
		"inputs.update": (params) => {
			seen.push([params["inputs"], params["dryRun"], params["to"]]);
			if ((params["inputs"] as string[]).length > 0) return { changes: [], packages: [], diagnostics: [] };
			return {
				changes: [
					{ input: "debian", from: "2026-11-01", to: "2026-11-21" },
					{ input: "sid", from: null, to: "2026-11-22" },
					{ input: "old", from: "2026-11-01", to: null },
				],
				packages: [
					{ name: "jq", from: "1.7.1", to: "1.7.2", requested: true },
					{ name: "libnew", from: null, to: "1.0", requested: false },
					{ name: "libold", from: "0.9", to: null, requested: false },
					...Array.from({ length: 20 }, (_, index) => dependency(index)),
				],
				diagnostics: [],
			};
		},
	});
	writeEnvironment(daemon);
	const lines = (await daemon.run(["update", "--to", "2026-11-20"])).stdout.split("\n");
	t.deepEqual(lines.slice(0, 9), [
		"Updated env.lock:",
		"  debian  2026-11-01 → 2026-11-21",
		"  sid     (new) → 2026-11-22",
		"  old     (not declared any more)",
		"packages",
		"  jq  1.7.1 → 1.7.2",
		"dependencies",
		"  libnew  + 1.0",
		"  libold  - 0.9",
	]);
	t.is(lines.at(-2), "  … and 2 more; --json has them all");
	t.is((await daemon.run(["update", "debian", "-n"])).stdout, "Nothing has changed.\n");
	t.deepEqual(seen, [
		[[], false, "2026-11-20"],
		[["debian"], true, undefined],
	]);
});

test("add and remove say what they did to env.yaml", async (t) => {
	const seen: unknown[] = [];
	const fault = diagnose("EVAL_ERROR", "the overlay is wrong");
	const daemon = await setUp(t, {
		"packages.edit": ({ edit, packages }) => {
			seen.push([edit, packages]);
			return edit === "add"
				? { edited: [{ package: "jq", version: "1.7.1" }], present: ["a", "b"], lockWritten: true, diagnostics: [] }
				: { edited: [{ package: "jq", version: null }], present: [], lockWritten: false, diagnostics: [fault] };
		},
	});
	const lost = await daemon.run(["add", "jq"]);
	t.regex(lost.stderr, /^error\[ENV_NOT_FOUND\].*\n {2}help: `devenv init` writes one here\n$/);
	writeEnvironment(daemon);
	t.is(
		(await daemon.run(["add", "jq", "a", "b"])).stdout,
		"Added to env.yaml:\n  jq  1.7.1\nAlready in env.yaml: a, b\nWrote env.lock; commit it together with env.yaml.\n",
	);
	const removed = await daemon.run(["remove", "jq"]);
	t.deepEqual(removed, {
		code: 1,
		signal: null,
		stdout: "Removed from env.yaml:\n  jq\n",
		stderr: "error[EVAL_ERROR]: the overlay is wrong\n",
	});
	t.is((await daemon.run(["remove"])).code, 2);
	t.deepEqual(seen, [
		["add", ["jq", "a", "b"]],
		["remove", ["jq"]],
	]);
});

test("daemon status and stop where none runs", async (t) => {
	const daemon = await setUp(t);
	const elsewhere = join(daemon.home, "other");
	const status = await daemon.run(["daemon", "status", "--json"], { DEVENV_HOME: elsewhere });
	t.deepEqual(JSON.parse(status.stdout), { running: false });
	t.is((await daemon.run(["daemon", "stop"], { DEVENV_HOME: elsewhere })).stdout, "No daemon is running.\n");
	t.false(existsSync(elsewhere));
});

test("init writes what the parser takes, once", async (t) => {
	const daemon = await setUp(t);
	const { stdout, code } = await daemon.run(["init"]);
	t.regex(stdout, /^Wrote env\.yaml\.\n/);
	t.is(code, 0);
	const text = readFileSync(join(daemon.project, "env.yaml"), "utf8");
	t.regex(text, /^# yaml-language-server: \$schema=\.devenv\/env\.schema\.json\n/);
	t.true(existsSync(join(daemon.project, ".devenv/env.schema.json")));
	t.is(readFileSync(join(daemon.project, ".devenv/.gitignore"), "utf8"), "*\n");
	const again = await daemon.run(["init"]);
	t.is(again.code, 1);
	t.regex(again.stderr, /^error\[INIT_EXISTS\]: .*env\.yaml exists already\n/);
	t.is(readFileSync(join(daemon.project, "env.yaml"), "utf8"), text);
});

test("init does not write through a link", async (t) => {
	const daemon = await setUp(t);
	const outside = join(daemon.home, "outside");
	symlinkSync(outside, join(daemon.project, "env.yaml"));
	t.is((await daemon.run(["init"])).code, 1);
	t.is(lstatSync(outside, { throwIfNoEntry: false }), undefined);
});

const mistakes: readonly (readonly [readonly string[], string])[] = [
	[
		["serach", "jq"],
		"error[USAGE_UNKNOWN_COMMAND]: there is no command 'serach'\n  help: did you mean 'devenv search'?\n",
	],
	[
		["daemon", "stpo"],
		"error[USAGE_UNKNOWN_COMMAND]: there is no command 'daemon stpo'\n  help: did you mean 'devenv daemon stop'?\n",
	],
	[
		["--foo"],
		"error[USAGE_INVALID]: there is no option '--foo' before the command\n  help: `devenv --help` lists the commands\n",
	],
	[
		["shell", "make", "test"],
		"error[USAGE_COMMAND]: unexpected argument 'make'\n  help: to run a command, put -- before it: devenv shell -- make test\n",
	],
	[
		["shell", "--"],
		"error[USAGE_COMMAND]: there is no command after --\n  help: for example: devenv shell -- make test\n",
	],
	[
		["info", "--jsno"],
		"error[USAGE_INVALID]: nonexistent flag: --jsno\n  help: `devenv info --help` shows how it is used\n",
	],
	[
		["completion", "tcsh"],
		"error[USAGE_INVALID]: expected tcsh to be one of: bash, zsh, fish\n  help: `devenv completion --help` shows how it is used\n",
	],
];

for (const [args, expected] of mistakes) {
	test(`a mistake: ${args.join(" ")}`, async (t) => {
		const daemon = await setUp(t);
		const { stderr, stdout, code } = await daemon.run(args);
		t.is(stderr, expected);
		t.deepEqual([stdout, code], ["", 2]);
	});
}

test("without env.yaml the message names the folder", async (t) => {
	const daemon = await setUp(t);
	for (const args of [["shell"], ["shell", "--", "true"], ["info"]]) {
		const { stderr, code } = await daemon.run(args);
		t.is(
			stderr,
			`error[ENV_NOT_FOUND]: there is no env.yaml in ${daemon.project} or in a folder above it\n  help: \`devenv init\` writes one here\n`,
		);
		t.is(code, 1);
	}
});

function interruption(place: string): string {
	return `error[CANCELLED]: interrupted${place}\n  help: nothing was left half done; the same command goes on from here\n`;
}

test("Ctrl-C cancels the request and exits with 130", async (t) => {
	const { promise: asked, resolve } = Promise.withResolvers<undefined>();
	const daemon = await setUp(t, {
		"environment.prepare": (_params, progress) => {
			progress({ kind: "phase", phase: "evaluate", message: "evaluating" });
			resolve(undefined);
			return new Promise(() => undefined);
		},
	});
	writeEnvironment(daemon);
	const child = daemon.spawn(["shell", "--", "true"]);
	const outcome = collect(child);
	await asked;
	child.kill("SIGINT");
	const { code, stdout, stderr } = await outcome;
	t.deepEqual([code, stdout], [130, ""]);
	// On a slow machine the request was long enough for a line of progress.
	t.is(stderr.replaceAll(/^devenv: evaluating, 0:\d\d\n/gm, ""), interruption(" while evaluating"));
	t.true(daemon.received.includes("cancel"));
});

test("SIGTERM cancels and ends by the signal", async (t) => {
	const { promise: asked, resolve } = Promise.withResolvers<undefined>();
	const daemon = await setUp(t, {
		"environment.info": () => {
			resolve(undefined);
			return new Promise(() => undefined);
		},
	});
	writeEnvironment(daemon);
	const child = daemon.spawn(["info"]);
	const outcome = collect(child);
	await asked;
	child.kill("SIGTERM");
	const { signal, stderr } = await outcome;
	t.is(signal, "SIGTERM");
	t.is(stderr, interruption(""));
	t.true(daemon.received.includes("cancel"));
});

test("a caller without an account, a home folder and a shell", async (t) => {
	const daemon = await setUp(t, { "environment.info": () => info });
	writeEnvironment(daemon);
	const prefix = ["unshare", "--user", "--map-user=54321", "--"];
	const [program, ...probe] = [...prefix, "true"] as const;
	if (spawnSync(program, probe).status !== 0) {
		skip(t, "no unshare that maps a user");
		return;
	}
	const child = daemon.spawn(["info", "--json"], { HOME: undefined, SHELL: undefined }, prefix);
	const { code, stdout, stderr } = await collect(child);
	t.is(stderr, "");
	t.is(code, 0);
	t.deepEqual((JSON.parse(stdout) as { name: string }).name, "shop");
});

test("--version and --help", async (t) => {
	const daemon = await setUp(t);
	t.regex((await daemon.run(["--version"])).stdout, /^devenv \d+\.\d+\.\d+\n$/);
	const help = await daemon.run(["--help"]);
	for (const word of ["init", "shell", "update", "info", "search", "daemon", "eval", "nix-instantiate", "completion"]) {
		t.true(help.stdout.includes(`  ${word} `), word);
	}
	t.is(help.code, 0);
	t.is((await daemon.run([])).stdout, help.stdout);
	const ofSearch = await daemon.run(["search", "--help"]);
	t.true(ofSearch.stdout.startsWith("Find packages by name and description\n\nUSAGE\n"));
	t.is((await daemon.run(["help", "search"])).stdout, ofSearch.stdout);
});
