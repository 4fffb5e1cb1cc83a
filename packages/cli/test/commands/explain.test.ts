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

test("why a package is there: ways from what is asked for, in the packages' own words", async (t) => {
	const asked: unknown[] = [];
	const chain = {
		start: { kind: "requested", text: "nodejs", place: "env.yaml:1" },
		version: "20.19",
		steps: [
			{ name: "libnode115", version: "20.19", kind: "depends", relation: "libnode115 (= 20.19)" },
			{ name: "exim4", version: "4", kind: "recommends", relation: null },
		],
	};
	const itself = { start: { kind: "essential", text: "exim4", place: null }, version: "4", steps: [] };
	const daemon = await setUp(t, {
		"environment.explainPackage": (params) => {
			asked.push((params as { name: string; profile?: string }).profile);
			return { name: "exim4", version: "4", chains: [chain, itself], more: 1, diagnostics: [] };
		},
	});
	const { stdout, code, stderr } = await daemon.run(["explain", "package", "exim4", "--profile", "ci"]);
	t.is(
		stdout,
		`exim4 4 is there because of

nodejs 20.19   (env.yaml:1)
  depends on libnode115 (= 20.19)
  → libnode115 20.19
    recommends
    → exim4 4

exim4 4   (essential: every environment has it)

and 1 more way
`,
		stderr,
	);
	t.is(code, 0);
	t.deepEqual(asked, ["ci"]);
});

test("who sets a variable: the one that counts first, and no secrets", async (t) => {
	const answer = {
		name: "PORT",
		sources: [
			{ kind: "env", place: "env.yaml:3", value: "80\u001b[31m", note: "" },
			{ kind: "file", place: ".env", value: null, note: "read when a program is started" },
		],
		inherited: true,
		diagnostics: [],
	};
	const daemon = await setUp(t, {
		"environment.explainVariable": (params) =>
			(params as { name: string }).name === "PORT"
				? answer
				: { ...answer, name: "NONE", sources: [], inherited: false },
	});
	t.is(
		(await daemon.run(["explain", "variable", "PORT"])).stdout,
		`PORT
  env     env.yaml:3  80\\x1b[31m
  dotenv  .env        read when a program is started
The first one counts.
`,
	);
	t.regex((await daemon.run(["explain", "variable", "NONE"])).stdout, /^Nothing in the project sets NONE: .*clean/);
	t.deepEqual(JSON.parse((await daemon.run(["explain", "variable", "PORT", "--json"])).stdout), answer);
});

test("what was used of the host, and what would bring it", async (t) => {
	const programs = [
		{ name: "htop", package: "htop" },
		{ name: "my-tool", package: null },
	];
	let answer: unknown = { programs };
	const daemon = await setUp(t, { "environment.explainHost": () => answer });
	t.is(
		(await daemon.run(["explain", "host"])).stdout,
		`Programs of the host that shells of this environment used:
  htop     devenv add htop
  my-tool
`,
	);
	answer = { programs: [] };
	t.regex((await daemon.run(["explain", "host"])).stdout, /used no programs of the host/);
});

test("a code: its page, however it is copied; else the nearest codes", async (t) => {
	const daemon = await setUp(t, {});
	const page = (await daemon.run(["explain", "ENV_UNKNOWN_KEY"])).stdout;
	t.regex(page, /^ENV_UNKNOWN_KEY, LOCK_UNKNOWN_KEY\n\nThere is no such option/);
	t.is((await daemon.run(["explain", "error[env_unknown_key]:"])).stdout, page);
	const { codes } = JSON.parse((await daemon.run(["explain", "TRUST_NEEDED", "--json"])).stdout) as { codes: unknown };
	t.deepEqual(codes, ["TRUST_NEEDED"]);

	const near = await daemon.run(["explain", "ENV_UNKNOWN_KEYS"]);
	t.is(near.code, 1);
	t.regex(near.stderr, /EXPLAIN_UNKNOWN_CODE.*there is no code 'ENV_UNKNOWN_KEYS'[^]*did you mean: ENV_UNKNOWN_KEY/);
	t.regex((await daemon.run(["explain", "variabel"])).stderr, /did you mean 'devenv explain variable'/);
	t.regex((await daemon.run(["explain", "TRUST_X"])).stderr, /there are: TRUST_NEEDED, TRUST_DENIED/);
});
