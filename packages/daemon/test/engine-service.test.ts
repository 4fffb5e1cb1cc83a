import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { userLayout } from "@devenv/client";
import { DiagnosticError } from "@devenv/diagnostics";
import { defaultSettings, type Engine } from "@devenv/engine";
import { type EnvSpec, formatLock, type LockFile } from "@devenv/env-file";
import test, { type ExecutionContext } from "ava";
import { EngineService } from "../src/engine-service.ts";
import type { RequestContext } from "../src/handler.ts";

const request: RequestContext = { signal: new AbortController().signal, progress: () => undefined };

/** A lock with an entry for each input of a spec, which an engine would fill from the network. */
function lockOf(spec: Pick<EnvSpec, "inputs">, narHash: string): LockFile {
	const indexes = [{ system: "x86_64-linux", narHash }];
	return {
		inputs: spec.inputs.map(({ name, url }) => ({ kind: "debian", name, url: url.value, indexes, suites: [] })),
	};
}

const made = `sha256-${"A".repeat(43)}=`;
const locked = `sha256-${"B".repeat(42)}A=`;

interface Fixture {
	readonly service: EngineService;
	readonly project: string;
	readonly searched: LockFile[];
	/** URLs that were locked, in order. */
	readonly asked: string[];
}

function setUp(t: ExecutionContext): Fixture {
	const home = mkdtempSync(join(tmpdir(), "devenv-service-"));
	t.teardown(() => rmSync(home, { recursive: true, force: true }));
	const project = join(home, "project");
	mkdirSync(project);
	const searched: LockFile[] = [];
	const asked: string[] = [];
	const engine: Pick<Engine, "lockInputs" | "search"> = {
		lockInputs: (spec) => {
			asked.push(...spec.inputs.map(({ url }) => url.value));
			return Promise.resolve({ lock: lockOf(spec, made), changes: [] });
		},
		search: ({ lock }) => {
			searched.push(lock);
			return Promise.resolve({ hits: [], total: 0 });
		},
	};
	const context = {
		layout: userLayout({ DEVENV_HOME: home }),
		settings: defaultSettings(),
		log: { write: () => undefined, close: () => undefined },
		version: "1.0.0",
	};
	return { service: new EngineService(engine as Engine, context, null), project, searched, asked };
}

test("a search takes the project's lock, else the newest state, and never writes env.lock", async (t) => {
	const { service, project, searched, asked } = setUp(t);
	const search = (folder: string | null): Promise<unknown> =>
		service.search({ project: folder, query: "jq", limit: 1 }, request);
	writeFileSync(join(project, "env.yaml"), "inputs: { debian: { url: debian:sid } }\n");
	await search(project);
	await search(project);
	t.deepEqual(asked, ["debian:sid"]);
	t.false(existsSync(join(project, "env.lock")));
	await search(null);
	t.is(asked.length, 2);
	t.not(asked[1], "debian:sid");
	const lock = lockOf({ inputs: [{ name: "debian", url: { value: "debian:sid" }, overlays: [] }] }, locked);
	writeFileSync(join(project, "env.lock"), formatLock(lock));
	await search(project);
	t.is(asked.length, 2);
	const hashes = searched.map(({ inputs: [first] }) =>
		first?.kind === "debian" ? first.indexes[0]?.narHash : undefined,
	);
	t.deepEqual(hashes, [made, made, made, locked]);
});

test("without a lock, info says how to come to one", async (t) => {
	const { service, project } = setUp(t);
	writeFileSync(join(project, "env.yaml"), "packages: [jq]\n");
	const error = await t.throwsAsync(service.info({ project, variables: {} }, request), {
		instanceOf: DiagnosticError,
	});
	t.deepEqual(error.diagnostics, [
		{
			code: "LOCK_MISSING",
			severity: "error",
			message: `there is no env.lock in ${project}`,
			hint: "`devenv lock` writes it; commit it together with env.yaml",
		},
	]);
});
