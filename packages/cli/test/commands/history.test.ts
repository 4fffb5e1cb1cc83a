import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type Answer, FakeDaemon } from "../fake-daemon.ts";

async function setUp(t: ExecutionContext, answers: Readonly<Record<string, Answer>>): Promise<FakeDaemon> {
	const daemon = await FakeDaemon.start(answers);
	t.teardown(() => {
		daemon.close();
	});
	writeFileSync(join(daemon.project, "env.yaml"), "packages: [jq]\n");
	return daemon;
}

const generation = {
	number: 1,
	time: Date.UTC(2026, 10, 27, 8, 5),
	environment: "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-shop",
	ready: true,
	lock: "0",
	spec: "1",
	summary: "jq 1.7\u001b[31m",
	current: true,
};

const history = {
	project: "/shop",
	generations: [generation, { ...generation, number: 2, summary: "+ redis 8.0", current: false, ready: false }],
	rolledBackTo: 1,
};

const utc = { TZ: "UTC" };

test("history for people, the newest first", async (t) => {
	const daemon = await setUp(t, { "generations.list": () => history });
	const { stdout, code } = await daemon.run(["history"], utc);
	t.is(
		stdout,
		`  2  2026-11-27 08:05  + redis 8.0 (not in the store any more)
* 1  2026-11-27 08:05  jq 1.7\\x1b[31m

Rolled back to 1 until env.yaml or env.lock changes; \`devenv reload\` returns to what they say.
`,
	);
	t.is(code, 0);
	const json = await daemon.run(["history", "--json"]);
	t.deepEqual(JSON.parse(json.stdout), history);
});

test("diff for people, with what is needed by packages counted and listed apart", async (t) => {
	const asked: unknown[] = [];
	const result = {
		before: { generation: 1, time: generation.time, environment: "/nix/store/a" },
		after: { generation: null, time: null, environment: "/nix/store/b" },
		summary: "",
		packages: [
			{ name: "redis", before: null, after: "8.0" },
			{ name: "python3", before: "3.13.4", after: "3.13.5" },
		],
		closure: {
			before: 60,
			after: 62,
			changes: [
				{ name: "python3", before: "3.13.4", after: "3.13.5" },
				{ name: "libjemalloc2", before: null, after: "5.3" },
			],
		},
		variables: [{ name: "PORT", before: "80", after: null }],
		scripts: [{ name: "enter_shell", before: null, after: "echo a\necho b\n" }],
		path: [],
		inputs: [{ name: "debian", before: "2026-11-01", after: "2026-11-20" }],
		diagnostics: [],
	};
	const daemon = await setUp(t, {
		"generations.diff": (params) => {
			asked.push([params["from"], params["to"]]);
			return result;
		},
	});
	const { stdout } = await daemon.run(["diff", "1"], utc);
	t.is(
		stdout,
		`generation 1 (2026-11-27 08:05) → what the files say now

inputs
  ~  debian  2026-11-01 → 2026-11-20

packages
  +  redis    8.0
  ~  python3  3.13.4 → 3.13.5

needed by them (60 → 62 packages in the root)
  +  libjemalloc2  5.3

variables
  -  PORT  80

enter_shell
  + echo a
  + echo b
`,
	);
	await daemon.run(["diff"]);
	await daemon.run(["diff", "1", "2"]);
	t.deepEqual(asked, [
		[1, null],
		[null, null],
		[1, 2],
	]);
});

test("a rollback says how to return", async (t) => {
	const result = { from: 2, to: 1, shells: 1, summary: "- redis", diagnostics: [] };
	const daemon = await setUp(t, { "generations.rollback": () => result });
	const { stdout, code } = await daemon.run(["rollback"]);
	t.is(
		stdout,
		`Rolled back from generation 2 to 1: - redis
1 shell takes at the next prompt: - redis
This holds until env.yaml or env.lock changes; \`devenv reload\` returns to what they say now.
`,
	);
	t.is(code, 0);
});

test("what is no generation is refused before the daemon is asked", async (t) => {
	const daemon = await setUp(t, {});
	const { stderr, code } = await daemon.run(["rollback", "-1x"]);
	t.true(stderr.includes("USAGE_INVALID"), stderr);
	t.is(code, 2);
	const second = await daemon.run(["diff", "two"]);
	t.true(second.stderr.includes("'two' is no generation: it has to be a number"), second.stderr);
	t.deepEqual(daemon.received, []);
});
