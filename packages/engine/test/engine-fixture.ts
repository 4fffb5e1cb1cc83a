/** An engine with a small archive of its own, which needs no network. */

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { type EnvModule, type EnvSpec, expectEnvSpec, type LockFile, parseEnvFile } from "@devenv/env-file";
import { openStore } from "@devenv/store";
import { removeFolder } from "@devenv/test-support";
import { type ExecutionContext } from "ava";
import { hashIndex, layOutIndex } from "../src/debian/index-object.ts";
import { buildPackageTable } from "../src/debian/package-table.ts";
import type { Engine, EvaluatedEnvironment } from "../src/engine-interface.ts";
import { createEngine, defaultSettings } from "../src/index.ts";
import { recordsOf, type TestPackage } from "./debian/stanzas.ts";

const system = "x86_64-linux";

const packages: readonly TestPackage[] = [
	{ Package: "bash", Essential: "yes" },
	{ Package: "jq", Depends: "libjq1" },
	{ Package: "libjq1" },
	{ Package: "zsh" },
	{ Package: "locales" },
];

export interface Fixture {
	readonly engine: Engine;
	readonly project: string;
	readonly lock: LockFile;
	/** Evaluates the environment of an env.yaml. */
	readonly environment: (text: string, variables?: Readonly<Record<string, string>>) => Promise<EvaluatedEnvironment>;
	/** The same with an env.nix. */
	readonly withModule: (text: string, module: string, profile?: string) => Promise<EvaluatedEnvironment>;
	readonly evaluate: (
		expression: string,
		more?: { format?: "nix" | "json" | "raw"; strict?: boolean; attrPath?: string },
	) => Promise<string>;
	readonly write: (name: string, text: string) => string;
}

/** An engine whose store holds the index that its lock names: it needs no network. */
export function makeEngine(t: ExecutionContext): Fixture {
	const folder = newFolder(t);
	const storeRoot = join(folder, "root");
	const project = join(folder, "project");
	mkdirSync(project, { recursive: true });
	const narHash = addIndex(storeRoot);
	const engine = createEngine({
		storeRoot,
		state: join(folder, "state"),
		cache: join(folder, "cache"),
		settings: { ...defaultSettings(), maxJobs: 2 },
		helper: "/nonexistent/devenv-helper",
		system,
	});
	t.teardown(() => engine.close());
	const lock: LockFile = {
		inputs: [{ kind: "debian", name: "debian", url: "debian:trixie", indexes: [{ system, narHash }], suites: [] }],
	};
	return {
		engine,
		project,
		lock,
		environment: (text, variables = {}) =>
			engine.evaluateEnvironment({ project, spec: specOf(text), lock, variables }, {}),
		withModule: (text, module, profile) => {
			const file = join(project, "env.nix");
			writeFileSync(file, module);
			const env = { file: "env.yaml", content: text };
			const options = profile === undefined ? {} : { profile };
			const spec = expectEnvSpec(parseEnvFile(env, { ...options, incomplete: true }));
			const complete = (read: EnvModule): EnvSpec => expectEnvSpec(parseEnvFile(env, { ...options, module: read }));
			return engine.evaluateEnvironment(
				{ project, spec, lock, variables: {}, module: { file, profile, complete } },
				{},
			);
		},
		evaluate: async (expression, more = {}) => {
			const environment = { project, spec: specOf(""), lock, variables: {} };
			const { text } = await engine.evaluate({
				environment,
				expression,
				name: "<test>",
				baseDir: project,
				attrPath: more.attrPath ?? "",
				format: more.format ?? "nix",
				strict: more.strict ?? false,
				variables: { GIVEN: "yes" },
			});
			return text;
		},
		write: (name, text) => {
			const file = join(project, name);
			writeFileSync(file, text);
			return file;
		},
	};
}

export function newFolder(t: ExecutionContext): string {
	const folder = mkdtempSync(join(tmpdir(), "devenv-engine-"));
	t.teardown(() => {
		removeFolder(folder);
	});
	return folder;
}

export function addIndex(root: string): string {
	const object = layOutIndex(buildPackageTable(recordsOf(packages)), {
		suite: "trixie",
		system,
		architecture: "amd64",
		suites: [{ suite: "trixie", archive: "debian", date: "2026-02-01T00:00:00Z" }],
	});
	using store = openStore({ root });
	using scratch = store.scratch();
	for (const [path, contents] of object.files) {
		mkdirSync(dirname(join(scratch.path, path)), { recursive: true });
		writeFileSync(join(scratch.path, path), contents);
	}
	store.addPath({ name: object.name, source: scratch.path });
	return hashIndex(object);
}

export function specOf(text: string): EnvSpec {
	return expectEnvSpec(parseEnvFile({ file: "env.yaml", content: text }));
}

export async function failure(t: ExecutionContext, promise: Promise<unknown>): Promise<Diagnostic> {
	const error = await t.throwsAsync(promise, { instanceOf: DiagnosticError });
	const [diagnostic] = error.diagnostics;
	if (diagnostic === undefined) throw new Error("no diagnostic");
	return diagnostic;
}
