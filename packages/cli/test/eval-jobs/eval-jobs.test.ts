/** Walking a set of jobs: what is a job, what costs its own line only, and the same derivations as real Nix. */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { userLayout } from "@devenv/client";
import { openStore, type Store } from "@devenv/store";
import { removeFolder, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import type { Job, JobsRequest } from "../../src/eval-jobs/messages.ts";
import { type JobsOptions, runEvalJobs } from "../../src/eval-jobs/run-eval-jobs.ts";

const jobs = `{ greeting ? "hi" }:
let
  make = name: derivation { inherit name greeting; system = "x86_64-linux"; builder = "/b"; outputs = [ "out" "dev" ]; }
    // { meta = { description = "the job \${name}"; bad = throw "not asked"; call = x: x; }; };
in {
  a = make "a";
  broken = throw "it is broken";
  "c.d" = make "cd";
  deep = { recurseForDerivations = true; f = make "f"; closed = { h = make "h"; }; };
  called = { greeting }: make "called";
  hidden = { i = make "i"; };
  number = 1;
  endless = let x = x; in x;
  z = make "z";
}`;

interface Fixture {
	readonly folder: string;
	readonly run: (more?: Partial<JobsRequest>, options?: Partial<JobsOptions>) => Promise<Outcome>;
	readonly store: () => Store;
}

interface Outcome {
	readonly whole: boolean;
	/** In the order of their attributes. */
	readonly jobs: readonly Job[];
	readonly logs: readonly string[];
}

function setUp(t: ExecutionContext, text: string = jobs): Fixture {
	const folder = mkdtempSync(join(tmpdir(), "devenv-jobs-"));
	t.teardown(() => {
		removeFolder(folder);
	});
	const layout = userLayout({ DEVENV_HOME: join(folder, "home"), HOME: folder });
	const path = join(folder, "jobs.nix");
	writeFileSync(path, text);
	const run: Fixture["run"] = async (more, options) => {
		const request: JobsRequest = {
			source: { kind: "file", path },
			attrPath: "",
			args: [],
			include: [],
			impure: false,
			readOnly: true,
			meta: false,
			forceRecurse: false,
			showTrace: false,
			gcRoots: undefined,
			...more,
		};
		const found: Job[] = [];
		const logs: string[] = [];
		const { whole } = await runEvalJobs({
			request,
			layout,
			workers: 1,
			memory: 512,
			timeout: undefined,
			remember: true,
			onJob: (job) => found.push(job),
			onLog: (line) => logs.push(line),
			...options,
		});
		return { whole, jobs: found.sort((a, b) => (a.attr < b.attr ? -1 : 1)), logs };
	};
	const store = (): Store => {
		const opened = openStore({ root: layout.storeRoot });
		t.teardown(() => {
			opened.close();
		});
		return opened;
	};
	return { folder, run, store };
}

const lastLine = (text: string | undefined): string => (text ?? "").trim().replace(/^.*\berror: /s, "");

test("derivations at the top and in sets that say so are jobs; what fails costs its own line", async (t) => {
	const { run } = setUp(t);
	const { whole, jobs: found } = await run({}, { workers: 2 });
	t.true(whole);
	t.deepEqual(
		found.map(({ attr, name, error }) => [attr, name ?? lastLine(error).split("\n")[0]]),
		[
			['"c.d"', "cd"],
			["a", "a"],
			["broken", "it is broken"],
			["called", "cannot evaluate a function that has an argument without a value ('greeting')"],
			["deep.f", "f"],
			["endless", "infinite recursion encountered"],
			["z", "z"],
		],
	);
	t.deepEqual(found[4]?.attrPath, ["deep", "f"]);
	const all = await run({ forceRecurse: true });
	t.deepEqual(
		all.jobs.filter(({ name }) => name !== undefined).map(({ attr }) => attr),
		['"c.d"', "a", "deep.closed.h", "deep.f", "hidden.i", "z"],
	);
});

test("the same derivations as real Nix, with arguments, written to the store when wanted", async (t) => {
	const { run, folder, store } = setUp(t);
	const args = [{ name: "greeting", kind: "string", text: "hello" }] as const;
	const { jobs: found } = await run({ args, readOnly: false, gcRoots: join(folder, "roots"), attrPath: "deep" });
	const [job] = found;
	t.is(found.length, 1);
	t.is(job?.attr, "f");
	t.is(job?.system, "x86_64-linux");
	const path = job?.drvPath ?? "";
	const written = store();
	t.is(written.readDerivation(path as never).env.get("greeting"), "hello");
	t.deepEqual(Object.keys(job?.outputs ?? {}).sort(), ["dev", "out"]);
	t.deepEqual(
		readdirSync(join(folder, "roots")).map((name) => readlinkSync(join(folder, "roots", name))),
		[path],
	);
	const nix = spawnSync(
		"nix-instantiate",
		["--eval", "--strict", "--json", "-E", `(import ${folder}/jobs.nix { greeting = "hello"; }).deep.f.drvPath`],
		{
			encoding: "utf8",
			env: {
				PATH: process.env["PATH"],
				HOME: folder,
				NIX_STATE_DIR: join(folder, "state"),
				NIX_CONF_DIR: folder,
				NIX_REMOTE: `local?root=${folder}/real`,
			},
		},
	);
	if (nix.error !== undefined) skip(t, "no nix-instantiate on PATH");
	else t.is(JSON.parse(nix.stdout), path, nix.stderr);
});

test("what is only read writes nothing; meta is what of it is plain data", async (t) => {
	const { run, folder } = setUp(t);
	const { jobs: found } = await run({ meta: true });
	t.deepEqual(found.find(({ attr }) => attr === "a")?.meta, { description: "the job a" });
	t.false(existsSync(join(folder, "home/store/nix/store")));
	t.false("meta" in ((await run()).jobs[0] ?? {}));
});

test("a set that cannot be evaluated is one line, and no success", async (t) => {
	const { run } = setUp(t, "{ needed }: { }");
	const { whole, jobs: found } = await run();
	t.false(whole);
	t.deepEqual(
		found.map(({ attr, attrPath }) => [attr, attrPath]),
		[["", []]],
	);
	t.regex(found[0]?.error ?? "", /'needed'/);
	const none = await setUp(t, "[ ]").run();
	t.false(none.whole);
	t.regex(none.jobs[0]?.error ?? "", /jobs\.nix evaluates to no set of jobs$/);
});

test("an attribute that needs too much memory or time costs its own line", async (t) => {
	const { run } = setUp(
		t,
		`let make = name: derivation { inherit name; system = "s"; builder = "/b"; }; in {
			a = make "a";
			hungry = builtins.seq (builtins.foldl' (all: n: builtins.seq (builtins.length all) (all ++ builtins.genList (x: x) 400000)) [ ] (builtins.genList (n: n) 1000)) (make "h");
			slow = builtins.seq (builtins.foldl' (a: n: builtins.seq (builtins.foldl' builtins.add 0 (builtins.genList (x: x) 10000)) n) 0 (builtins.genList (n: n) 100000)) (make "s");
			z = make "z";
		}`,
	);
	const { whole, jobs: found } = await run({}, { memory: 100, timeout: 12_000, workers: 2 });
	t.true(whole);
	t.deepEqual(
		found.map(({ attr, name, error }) => [attr, name ?? error]),
		[
			["a", "a"],
			["hungry", "error: the evaluation needs more than 125 MiB of memory"],
			["slow", "error: the evaluation takes longer than 12 s"],
			["z", "z"],
		],
	);
});

test("a thread that has grown beyond the limit is replaced, and nothing is lost", async (t) => {
	const names = Array.from({ length: 30 }, (_, index) => `j${String(index).padStart(2, "0")}`);
	const { run } = setUp(
		t,
		`builtins.listToAttrs (map (name: { inherit name; value =
			let kept = builtins.genList (x: x + 0.5) 100000; in
			builtins.deepSeq kept (derivation { inherit name; system = "s"; builder = "/b"; } // { inherit kept; }); })
			${JSON.stringify(names).replaceAll(",", " ")})`,
	);
	const { whole, jobs: found } = await run({}, { memory: 64 });
	t.true(whole);
	t.deepEqual(
		found.map(({ attr, name }) => [attr, name]),
		names.map((name) => [name, name]),
	);
});

test("without impure nothing depends on the machine", async (t) => {
	const text = `{ a = derivation { name = "n" + builtins.getEnv "PATH"; system = "s"; builder = "/b"; };
		b = derivation { name = toString builtins.currentTime; system = "s"; builder = "/b"; };
		c = import <somewhere>; d = builtins.trace "a message" (derivation { name = "d"; system = "s"; builder = "/b"; }); }`;
	const { run, folder } = setUp(t, text);
	const { jobs: found, logs } = await run();
	t.is(found[0]?.name, "n");
	t.regex(found[1]?.error ?? "", /the time is not known here/);
	t.regex(found[2]?.error ?? "", /'somewhere' was not found in the Nix search path/);
	t.deepEqual(logs, ["trace: a message"]);
	mkdirSync(join(folder, "somewhere"));
	writeFileSync(join(folder, "somewhere/default.nix"), 'derivation { name = "c"; system = "s"; builder = "/b"; }');
	const impure = await run({ impure: true, include: [`somewhere=${folder}/somewhere`] });
	t.regex(impure.jobs[1]?.name ?? "", /^\d+$/);
	t.is(impure.jobs[2]?.name, "c");
});

test("an expression, and the outputs of a flake", async (t) => {
	const { run, folder } = setUp(t);
	const text = '{ x = derivation { name = "x"; system = "s"; builder = "/b"; }; }';
	const expression = await run({ source: { kind: "expression", text, baseDir: folder } });
	t.is(expression.jobs[0]?.name, "x");
	const flake = join(folder, "flake");
	mkdirSync(flake);
	writeFileSync(join(flake, "flake.nix"), `{ outputs = { self }: { hydraJobs = ${text}; }; }`);
	const source = { kind: "flake", reference: `path:${flake}`, attrPath: "hydraJobs" } as const;
	t.deepEqual((await run({ source, impure: true })).jobs, expression.jobs);
	const pinned = await run({ source });
	t.false(pinned.whole, "a folder may be another one tomorrow");
	t.regex(pinned.jobs[0]?.error ?? "", /may only fetch what it pins/);
});
