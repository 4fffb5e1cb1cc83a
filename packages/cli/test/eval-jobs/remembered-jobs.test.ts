/** Jobs that are remembered: what a change makes evaluate again, and that the results are those of an evaluation. */

import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	realpathSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { userLayout } from "@devenv/client";
import { parseDrvPath } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { removeFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import type { Job, JobsRequest } from "../../src/eval-jobs/messages.ts";
import { runEvalJobs } from "../../src/eval-jobs/run-eval-jobs.ts";

const files: Readonly<Record<string, string>> = {
	"default.nix": `let
		make = name: more: derivation ({ inherit name; system = "x86_64-linux"; builder = "/b"; } // more);
		pkgs = {
			base = import ./base.nix { inherit make; };
			user = import ./user.nix { inherit make pkgs; };
			leaf = import ./leaf.nix { inherit make; };
			optional = make "optional" { there = builtins.pathExists ./optional; };
			listing = make "listing" { names = builtins.attrNames (builtins.readDir ./folder); };
			copied = make "copied" { src = ./folder; };
			filtered = make "filtered" {
				src = builtins.path { path = ./folder; name = "src"; filter = path: type: baseNameOf path != "left-out"; };
			};
			placed = make "placed" { where = toString ./leaf.nix; };
			compared = make "compared" {
				same = toString ./leaf.nix == toString ./folder + "/../leaf.nix" || toString ./. == "text";
				name = baseNameOf (toString ./leaf.nix);
				text = builtins.readFile (toString ./folder + "/one");
				keys = builtins.length (builtins.genericClosure {
					startSet = [ { key = toString ./leaf.nix; } { key = "\${toString ./.}/leaf.nix"; } { key = ":other"; } ];
					operator = item: [ ];
				});
			};
			told = builtins.trace "a message" (make "told" { });
			broken = throw "it is broken";
			deep = { recurseForDerivations = true; inner = make "inner" { text = builtins.readFile ./leaf.nix; }; };
		};
	in pkgs`,
	"base.nix": `{ make }: make "base" { flavour = "plain"; }`,
	"user.nix": `{ make, pkgs }: make "user" { uses = pkgs.base; }`,
	"leaf.nix": `{ make }: make "leaf" { }`,
	"folder/one": "1",
	"folder/left-out": "2",
};

interface Walk {
	readonly evaluated: number;
	/** Lines of the output, sorted. */
	readonly lines: readonly string[];
	readonly logs: readonly string[];
}

interface Fixture {
	readonly folder: string;
	readonly tree: string;
	readonly storeRoot: string;
	readonly records: string;
	readonly walk: (more?: Partial<JobsRequest>, remember?: boolean, tree?: string) => Promise<Walk>;
	readonly write: (name: string, text: string) => void;
}

function setUp(t: ExecutionContext, given: Readonly<Record<string, string>> = files): Fixture {
	const folder = realpathSync(mkdtempSync(join(tmpdir(), "devenv-remembered-")));
	t.teardown(() => {
		removeFolder(folder);
	});
	const layout = userLayout({ DEVENV_HOME: join(folder, "home"), HOME: folder });
	const tree = join(folder, "tree");
	const write = (name: string, text: string): void => {
		mkdirSync(join(tree, name, ".."), { recursive: true });
		writeFileSync(join(tree, name), text);
	};
	for (const [name, text] of Object.entries(given)) write(name, text);
	const walk: Fixture["walk"] = async (more, remember = true, place = tree) => {
		const request: JobsRequest = {
			source: { kind: "file", path: place },
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
		const { evaluated } = await runEvalJobs({
			request,
			layout,
			workers: 1,
			memory: 512,
			timeout: undefined,
			remember,
			onJob: (job) => found.push(job),
			onLog: (line) => logs.push(line),
		});
		return { evaluated, lines: found.map((job) => JSON.stringify(job)).sort(), logs };
	};
	return { folder, tree, storeRoot: layout.storeRoot, records: join(layout.cache, "evaluations"), walk, write };
}

/** A walk that remembers, with what it says compared to one that does not. */
async function checked(t: ExecutionContext, { walk }: Fixture, more: Partial<JobsRequest> = {}): Promise<number> {
	const remembering = await walk(more);
	const afresh = await walk(more, false);
	t.deepEqual(remembering.lines, afresh.lines);
	t.deepEqual(remembering.logs, afresh.logs);
	return remembering.evaluated;
}

test("nothing is evaluated again while nothing has changed, and what a change concerns is", async (t) => {
	const fixture = setUp(t);
	const { write, tree } = fixture;
	// The set itself, twelve attributes and one below.
	t.is(await checked(t, fixture), 14);
	t.is(await checked(t, fixture), 0);
	const changes: readonly (readonly [what: string, change: () => void, evaluated: number])[] = [
		["a leaf, and who reads its text", () => write("leaf.nix", `{ make }: make "leaf" { new = 1; }`), 2],
		["as large, at once", () => write("leaf.nix", `{ make }: make "leaf" { new = 2; }`), 2],
		["what others use", () => write("base.nix", `{ make }: make "base" { flavour = "sweet"; }`), 2],
		["a file that was looked for", () => write("optional", ""), 1],
		["an entry of a folder", () => write("folder/two", "2"), 3],
		["a file that a filter lets through", () => write("folder/one", "one"), 3],
		["its mode", () => chmodSync(join(tree, "folder/one"), 0o755), 2],
		["a file that a filter leaves out", () => write("folder/left-out", "3"), 1],
		["the same text", () => write("leaf.nix", `{ make }: make "leaf" { new = 2; }`), 0],
		["all of it", () => write("default.nix", (files["default.nix"] ?? "").replace("a message", "another")), 14],
		["a file that is gone", () => rmSync(join(tree, "optional")), 1],
	];
	for (const [what, change, evaluated] of changes) {
		change();
		t.is(await checked(t, fixture), evaluated, what);
		t.is(await checked(t, fixture), 0, what);
	}
});

test("an equal tree elsewhere takes over what does not depend on where it lies", async (t) => {
	const fixture = setUp(t);
	const { tree, folder, walk } = fixture;
	await walk();
	const copy = join(folder, "other/place");
	cpSync(tree, copy, { recursive: true });
	const first = await walk({}, true, copy);
	// What has a path as a text, a message, an error.
	t.is(first.evaluated, 3);
	t.deepEqual(first.lines, (await walk({}, false, copy)).lines);
	t.is((await walk({}, true, copy)).evaluated, 0);
	t.is((await walk()).evaluated, 0);
	writeFileSync(join(copy, "leaf.nix"), `{ make }: make "leaf" { here = 1; }`);
	t.is((await walk({}, true, copy)).evaluated, 2);
	t.is((await walk()).evaluated, 0);
});

test("arguments, settings and variables are told apart", async (t) => {
	const fixture = setUp(t, {
		"default.nix": `{ greeting ? "hi" }: {
			a = derivation { name = "a"; system = "s"; builder = "/b"; inherit greeting; };
			home = derivation { name = "h"; system = "s"; builder = "/b"; home = builtins.getEnv "DEVENV_TEST_HOME"; };
			time = derivation { name = "t"; system = "s"; builder = "/b"; time = toString (builtins.currentTime / 1000000000); };
		}`,
	});
	const args = [{ name: "greeting", kind: "string", text: "hello" }] as const;
	t.is(await checked(t, fixture), 4);
	t.is(await checked(t, fixture, { args }), 4);
	t.is(await checked(t, fixture, { meta: true }), 4);
	t.is(await checked(t, fixture, { impure: true }), 4);
	t.is(await checked(t, fixture, { args }), 0);
	// What the time is, is never remembered.
	t.is(await checked(t, fixture, { impure: true }), 1);
	process.env["DEVENV_TEST_HOME"] = "/somewhere";
	t.teardown(() => {
		delete process.env["DEVENV_TEST_HOME"];
	});
	t.is(await checked(t, fixture, { impure: true }), 2);
	const [record = ""] = readdirSync(fixture.records);
	t.not(record, "");
});

test("store derivations that are gone are written again", async (t) => {
	const fixture = setUp(t);
	const { walk, storeRoot } = fixture;
	const { lines } = await walk({ readOnly: false });
	t.is((await walk({ readOnly: false })).evaluated, 0);
	const jobs = lines.map((line) => JSON.parse(line) as Job);
	const leaf = parseDrvPath(jobs.find(({ attr }) => attr === "leaf")?.drvPath ?? "");
	const store = openStore({ root: storeRoot });
	store.collectGarbage();
	t.false(store.isValid(leaf));
	// All derivations; that there is a failure and a set is remembered.
	t.is((await walk({ readOnly: false })).evaluated, 11);
	t.true(store.isValid(leaf));
	store.close();
});

test("a damaged record is as good as none", async (t) => {
	const fixture = setUp(t);
	const { walk, records } = fixture;
	await walk();
	const [name = ""] = readdirSync(records);
	for (const text of ["", "devenv-evaluations 1\n", "devenv-evaluations 1\nAAAA\nnonsense", "something else"]) {
		writeFileSync(join(records, name), text);
		t.is((await walk()).evaluated, 14);
		t.is((await walk()).evaluated, 0);
	}
	t.is(readdirSync(records).length, 1);
	await walk({ meta: true }, false);
	t.is(readdirSync(records).length, 1);
	t.true(existsSync(join(records, name)));
});
