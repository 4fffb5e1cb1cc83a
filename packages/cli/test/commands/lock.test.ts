import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diagnose } from "@devenv/diagnostics";
import { formatLock } from "@devenv/env-file";
import { findProgram, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { type Answer, FakeDaemon } from "../fake-daemon.ts";

async function setUp(t: ExecutionContext, answers: Readonly<Record<string, Answer>> = {}): Promise<FakeDaemon> {
	const daemon = await FakeDaemon.start(answers);
	t.teardown(() => {
		daemon.close();
	});
	writeFileSync(join(daemon.project, "env.yaml"), "packages: [jq]\n");
	return daemon;
}

function lockOf(day: string): string {
	const suites = [{ suite: "trixie", archive: "debian", date: `2026-11-${day}T00:00:00Z`, packages: [] }];
	return formatLock({ inputs: [{ kind: "debian", name: "debian", url: "debian:trixie", indexes: [], suites }] });
}

test("lock and lock --check", async (t) => {
	let differences = [diagnose("LOCK_MISSING", "there is no env.lock", { hint: "`devenv lock` writes it" })];
	const daemon = await setUp(t, {
		"inputs.lock": ({ mode, offline }) => {
			if (mode === "check") return { changes: [], differences, written: false, diagnostics: [] };
			const changes = [{ input: "debian", from: null, to: offline === true ? "offline" : "2026-11-21" }];
			return { changes, differences: [], written: true, diagnostics: [] };
		},
	});
	t.is((await daemon.run(["lock"])).stdout, "Wrote env.lock:\n  debian  (new) → 2026-11-21\n");
	t.is((await daemon.run(["lock", "--offline"])).stdout, "Wrote env.lock:\n  debian  (new) → offline\n");
	const bad = await daemon.run(["lock", "--check"]);
	t.deepEqual(bad, {
		code: 1,
		signal: null,
		stdout: "",
		stderr: "error[LOCK_MISSING]: there is no env.lock\n  help: `devenv lock` writes it\n",
	});
	differences = [];
	const good = await daemon.run(["lock", "--check"]);
	t.deepEqual([good.code, good.stdout], [0, "env.lock has every input of env.yaml.\n"]);
	t.is((await daemon.run(["lock", "--check", "--resolve"])).code, 2);
});

/** A repository whose last merge left env.lock in conflict. */
function makeConflict(t: ExecutionContext, folder: string): ((...args: string[]) => number | null) | undefined {
	if (findProgram("git") === undefined) {
		skip(t, "git is not installed");
		return undefined;
	}
	const git = (...args: string[]): number | null =>
		spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...args], { cwd: folder }).status;
	git("init", "--quiet", "--initial-branch=main");
	const commit = (day: string): void => {
		writeFileSync(join(folder, "env.lock"), lockOf(day));
		git("add", "--all");
		git("commit", "--quiet", "--message", day);
	};
	commit("01");
	git("checkout", "--quiet", "-b", "other");
	commit("20");
	git("checkout", "--quiet", "main");
	commit("10");
	return git;
}

test("lock --resolve takes both sides from git, else from the markers", async (t) => {
	const seen: Record<string, unknown>[] = [];
	const daemon = await setUp(t, {
		"inputs.resolve": (params) => {
			seen.push(params);
			return { choices: [{ input: "debian", ours: "2026-11-10", theirs: "2026-11-20", taken: "theirs" }] };
		},
	});
	const git = makeConflict(t, daemon.project);
	if (git === undefined) return;
	t.is((await daemon.run(["lock", "--resolve"])).stdout, "There is no conflict in env.lock.\n");
	t.is(git("merge", "--quiet", "other"), 1);
	const conflict = readFileSync(join(daemon.project, "env.lock"), "utf8");
	t.is(
		(await daemon.run(["lock", "--resolve"])).stdout,
		"Wrote env.lock:\n  debian  ours 2026-11-10  theirs 2026-11-20  → theirs\nThen: git add env.lock\n",
	);
	git("merge", "--abort");
	writeFileSync(join(daemon.project, "env.lock"), conflict);
	t.is((await daemon.run(["lock", "--resolve"])).stderr, "");
	const sides = { project: daemon.project, ours: lockOf("10"), theirs: lockOf("20") };
	t.deepEqual(seen, [
		{ ...sides, base: lockOf("01"), mixed: false },
		{ ...sides, base: null, mixed: true },
	]);
});

test("the merge driver, once installed, leaves no conflict", async (t) => {
	const daemon = await setUp(t);
	const git = makeConflict(t, daemon.project);
	if (git === undefined) return;
	const install = await daemon.run(["lock", "--install-merge-driver"]);
	t.is(
		install.stdout,
		"Changed: git config merge.devenv-lock.name, git config merge.devenv-lock.driver, .gitattributes.\n",
	);
	t.is((await daemon.run(["lock", "--install-merge-driver"])).stdout, "git merges env.lock this way already.\n");
	t.is(readFileSync(join(daemon.project, ".gitattributes"), "utf8"), "env.lock merge=devenv-lock\n");
	t.is(git("merge", "--quiet", "--no-edit", "other"), 0);
	t.is(readFileSync(join(daemon.project, "env.lock"), "utf8"), lockOf("20"));
	const broken = join(daemon.home, "broken");
	writeFileSync(broken, "version: 7\n");
	const failed = await daemon.run(["lock", "--merge-driver", broken, broken, broken]);
	t.is(failed.code, 1);
	t.regex(failed.stderr, /LOCK_NEWER/);
	t.is(readFileSync(broken, "utf8"), "version: 7\n");
	t.is((await daemon.run(["lock", "--merge-driver", broken])).code, 2);
});
