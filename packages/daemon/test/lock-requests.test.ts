import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import type { Engine, EvaluatedEnvironment } from "@devenv/engine";
import { formatLock, type LockFile, type LockedDebianInput, parseLock } from "@devenv/env-file";
import test, { type ExecutionContext } from "ava";
import type { RequestContext } from "../src/handler.ts";
import { LockRequests, packageChanges } from "../src/lock-requests.ts";
import { ProjectMutex } from "../src/project-mutex.ts";

const request: RequestContext = { signal: new AbortController().signal, progress: () => undefined };

function pin(name: string, day: string, url = "debian:trixie"): LockedDebianInput {
	const suites = [{ suite: "trixie", archive: "debian", date: `2026-11-${day}T00:00:00Z`, packages: [] }];
	return { kind: "debian", name, url, indexes: [], suites };
}

interface Fixture {
	readonly requests: LockRequests;
	readonly project: string;
	/** What the engine locks. */
	newest: LockFile;
	/** Evaluates with a lock. */
	evaluate: (lock: LockFile) => Pick<EvaluatedEnvironment, "packages">;
	/** Options that inputs were locked with. */
	readonly asked: unknown[];
	readonly lockText: () => string;
}

function setUp(t: ExecutionContext, text: string, lock?: LockFile): Fixture {
	const project = mkdtempSync(join(tmpdir(), "devenv-lock-"));
	t.teardown(() => rmSync(project, { recursive: true, force: true }));
	writeFileSync(join(project, "env.yaml"), text);
	if (lock !== undefined) writeFileSync(join(project, "env.lock"), formatLock(lock));
	const asked: unknown[] = [];
	const engine: Pick<Engine, "lockInputs" | "evaluateEnvironment" | "closure"> = {
		lockInputs: (_spec, _existing, { signal: _signal, onEvent: _onEvent, project: _project, ...options }) => {
			asked.push(options);
			return Promise.resolve({ lock: fixture.newest, changes: [{ input: "debian", from: "1", to: "2" }] });
		},
		evaluateEnvironment: (wanted) =>
			Promise.resolve().then(
				() => ({ ...fixture.evaluate(wanted.lock), diagnostics: [] }) as unknown as EvaluatedEnvironment,
			),
		closure: () => [],
	};
	const fixture: Fixture = {
		requests: new LockRequests({ engine: engine as Engine, version: "0.1.0", locking: new ProjectMutex() }),
		project,
		newest: { inputs: [pin("debian", "20")] },
		evaluate: () => ({ packages: [] }),
		asked,
		lockText: () => readFileSync(join(project, "env.lock"), "utf8"),
	};
	return fixture;
}

const old: LockFile = { inputs: [pin("debian", "01")] };

test("update says what the environment has otherwise, and writes", async (t) => {
	const fixture = setUp(t, "packages: [jq]\n", old);
	const { requests, project, newest } = fixture;
	fixture.evaluate = (lock) => ({
		packages: [{ attr: "jq", name: "jq", version: formatLock(lock) === formatLock(old) ? "1.7.1" : "1.7.2" }],
	});
	const params = { project, variables: {}, inputs: [], dryRun: true, to: "2026-11-20" };
	const dry = await requests.update(params, request);
	t.deepEqual(dry.packages, [{ name: "jq", from: "1.7.1", to: "1.7.2", requested: true }]);
	t.is(fixture.lockText(), formatLock(old));
	await requests.update({ ...params, dryRun: false }, request);
	t.is(fixture.lockText(), formatLock(newest));
	t.deepEqual(fixture.asked[0], { update: "all", to: "2026-11-20" });
});

test("update writes nothing where it would break what works, and goes on where it was broken", async (t) => {
	const fixture = setUp(t, "packages: [jq]\n", old);
	const { requests, project } = fixture;
	const params = { project, variables: {}, inputs: [], dryRun: false };
	const fault = diagnose("ENV_UNKNOWN_PACKAGE", "there is no package 'jq'");
	fixture.evaluate = (lock) => {
		if (formatLock(lock) === formatLock(old)) return { packages: [] };
		throw new DiagnosticError(fault);
	};
	const error = await t.throwsAsync(requests.update(params, request), { instanceOf: DiagnosticError });
	t.deepEqual(error.diagnostics, [fault]);
	t.is(fixture.lockText(), formatLock(old));
	fixture.evaluate = () => {
		throw new DiagnosticError(fault);
	};
	const { packages, diagnostics } = await requests.update(params, request);
	t.deepEqual([packages, diagnostics], [null, [{ ...fault, severity: "warning" }]]);
	t.is(fixture.lockText(), formatLock(fixture.newest));
});

test("what is taken over from above is updated there", async (t) => {
	const fixture = setUp(t, "", old);
	const { requests, project } = fixture;
	const part = join(project, "part");
	mkdirSync(part);
	mkdirSync(join(project, ".git"));
	writeFileSync(join(part, "env.yaml"), "");
	const checked = await requests.lock({ project: part, variables: {}, mode: "check" }, request);
	t.deepEqual(checked.differences, []);
	const update = requests.update({ project: part, variables: {}, inputs: [], dryRun: false }, request);
	const error = await t.throwsAsync(update, { instanceOf: DiagnosticError });
	t.is(error.diagnostics[0]?.code, "LOCK_INHERITED");
	t.false(existsSync(join(part, "env.lock")));
	t.deepEqual(fixture.asked, []);
});

test("check says each difference and writes nothing; lock mends them", async (t) => {
	const fixture = setUp(t, "inputs: { debian: { url: debian:sid }, more: { url: debian:sid } }\n", {
		inputs: [pin("debian", "01"), pin("unused", "01")],
	});
	const { requests, project } = fixture;
	const before = fixture.lockText();
	const checked = await requests.lock({ project, variables: {}, mode: "check" }, request);
	t.deepEqual(
		checked.differences.map(({ code, location }) => [code, location?.file]),
		[
			["LOCK_INPUT_STALE", "env.yaml"],
			["LOCK_INPUT_MISSING", "env.yaml"],
			["LOCK_INPUT_EXTRA", "env.lock"],
		],
	);
	t.is(fixture.lockText(), before);
	t.deepEqual(fixture.asked, []);
	fixture.newest = { inputs: [pin("debian", "20", "debian:sid"), pin("more", "20", "debian:sid")] };
	t.true((await requests.lock({ project, variables: {}, mode: "write", offline: true }, request)).written);
	t.deepEqual(fixture.asked, [{ offline: true }]);
	t.deepEqual((await requests.lock({ project, variables: {}, mode: "check" }, request)).differences, []);
	t.false((await requests.lock({ project, variables: {}, mode: "write" }, request)).written);
});

test("check of a project without a lock", async (t) => {
	const { requests, project } = setUp(t, "");
	const { differences } = await requests.lock({ project, variables: {}, mode: "check" }, request);
	t.deepEqual(
		differences.map(({ code, hint }) => [code, hint]),
		[["LOCK_MISSING", "`devenv lock` writes it"]],
	);
	t.false(existsSync(join(project, "env.lock")));
});

test("resolve merges two locks, by what env.yaml says now", async (t) => {
	const fixture = setUp(t, "inputs: { debian: { url: debian:sid } }\n");
	const sides = {
		ours: formatLock({ inputs: [pin("debian", "20")] }),
		theirs: formatLock({ inputs: [pin("debian", "10", "debian:sid")] }),
	};
	const { requests, project } = fixture;
	const { choices } = await requests.resolve({ project, ...sides, base: null, mixed: false });
	t.is(fixture.lockText(), sides.theirs);
	t.deepEqual(choices, [
		{ input: "debian", ours: "2026-11-20T00:00:00Z", theirs: "2026-11-10T00:00:00Z", taken: "theirs" },
	]);
	writeFileSync(join(project, "env.yaml"), "<<<<<<< in a conflict too\n");
	await requests.resolve({ project, ...sides, base: null, mixed: false });
	t.is(fixture.lockText(), sides.ours);
	const index = { system: "x86_64-linux", narHash: `sha256-${"A".repeat(43)}=` };
	const ours = formatLock({ inputs: [{ ...pin("debian", "30"), indexes: [index] }] });
	await requests.resolve({ project, ...sides, ours, base: null, mixed: true });
	t.like(parseLock({ file: "env.lock", content: fixture.lockText() }).lock.inputs[0], { kind: "debian", indexes: [] });
});

test("changes of packages: requested ones by their attributes, others by name", (t) => {
	const before = {
		requested: [{ attr: "postgresql", name: "postgresql-17", version: "17.6" }],
		closure: [
			{ name: "libc6", version: "1" },
			{ name: "libold", version: "1" },
			{ name: "postgresql-17", version: "17.6" },
			{ name: "same", version: "1" },
		],
	};
	const after = {
		requested: [{ attr: "postgresql", name: "postgresql-17", version: "17.7" }],
		closure: [
			{ name: "libc6", version: "2" },
			{ name: "libnew", version: "1" },
			{ name: "postgresql-17", version: "17.7" },
			{ name: "same", version: "1" },
		],
	};
	t.deepEqual(packageChanges(before, after), [
		{ name: "postgresql", from: "17.6", to: "17.7", requested: true },
		{ name: "libc6", from: "1", to: "2", requested: false },
		{ name: "libnew", from: null, to: "1", requested: false },
		{ name: "libold", from: "1", to: null, requested: false },
	]);
});
