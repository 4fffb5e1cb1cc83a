/** What `nix-instantiate` remembers: the same output without an evaluation, and none that is not right any more. */

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDrvPath } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { nodeEnvironment, removeFolder } from "@devenv/test-support";
import test from "ava";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "devenv-remembered-")));
test.after.always(() => {
	removeFolder(folder);
});
const records = join(folder, "home/cache/evaluations");
const work = join(folder, "work");
mkdirSync(work);
writeFileSync(join(work, "part.nix"), "{ flavour = 1; }");
// As long as it takes to be worth remembering.
writeFileSync(
	join(work, "default.nix"),
	`let
		long = builtins.foldl' (sum: n: sum + n) 0 (builtins.genList (n: n) 3000000);
		parts = import ./part.nix;
	in {
		job = builtins.trace "a message" (derivation { name = "job"; system = "s"; builder = "/b"; inherit long; inherit (parts) flavour; });
		value = builtins.seq long parts;
	}`,
);

interface Run {
	readonly status: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

function run(...argv: readonly string[]): Run {
	const module = new URL("../../src/nix-instantiate/run-nix-instantiate.ts", import.meta.url).href;
	const program = `import { runNixInstantiate } from ${JSON.stringify(module)}; process.exit(await runNixInstantiate(${JSON.stringify(argv)}));`;
	return spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
		cwd: work,
		encoding: "utf8",
		env: { ...nodeEnvironment(), DEVENV_HOME: join(folder, "home") },
	});
}

function countRecords(): number {
	return readdirSync(records).length;
}

test.serial("the same is said again, messages too, until something changes", (t) => {
	const first = run("-A", "job");
	t.regex(first.stdout, /^\/nix\/store\/\S+-job\.drv\n$/, first.stderr);
	t.regex(first.stderr, /^trace: a message$/m);
	t.is(countRecords(), 1);
	const second = run("-A", "job");
	t.deepEqual([second.stdout, second.stderr, second.status], [first.stdout, first.stderr, first.status]);
	writeFileSync(join(work, "part.nix"), "{ flavour = 2; }");
	const changed = run("-A", "job");
	t.not(changed.stdout, first.stdout);
	t.is(changed.stdout, run("-A", "job", "--no-eval-cache").stdout);
	t.is(countRecords(), 1);
});

test.serial("values are remembered with how they are printed", (t) => {
	for (const form of [["--strict"], ["--json", "--strict"], ["--xml", "--strict"]]) {
		const first = run("--eval", ...form, "-A", "value");
		t.is(first.status, 0, first.stderr);
		t.is(run("--eval", ...form, "-A", "value").stdout, first.stdout);
	}
	t.is(countRecords(), 4);
});

test.serial("a store derivation that is gone is written again, and without a place to remember nothing fails", (t) => {
	const drvPath = parseDrvPath(run("-A", "job").stdout.trim());
	const store = openStore({ root: join(folder, "home/root") });
	t.teardown(() => {
		store.close();
	});
	store.collectGarbage();
	t.false(store.isValid(drvPath));
	t.is(run("-A", "job").stdout.trim(), drvPath);
	t.true(store.isValid(drvPath));
	rmSync(records, { recursive: true });
	writeFileSync(records, "no folder");
	const again = run("-A", "job");
	t.is(again.stdout.trim(), drvPath, again.stderr);
});
