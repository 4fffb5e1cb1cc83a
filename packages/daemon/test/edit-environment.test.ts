import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import type { EvaluatedEnvironment } from "@devenv/engine";
import type { EditResult } from "@devenv/protocol";
import test, { type ExecutionContext } from "ava";
import { editEnvironment } from "../src/edit-environment.ts";
import type { Project } from "../src/project.ts";

interface Fixture {
	readonly folder: string;
	/** Called while an edit is evaluated. */
	onEvaluate: (project: Project) => void;
	edit(edit: "add" | "remove", ...packages: string[]): Promise<EditResult>;
}

function setUp(t: ExecutionContext, text: string): Fixture {
	const outer = mkdtempSync(join(tmpdir(), "devenv-edit-"));
	t.teardown(() => rmSync(outer, { recursive: true, force: true }));
	const folder = join(outer, "project");
	mkdirSync(folder);
	writeFileSync(join(folder, "env.yaml"), text);
	const fixture: Fixture = {
		folder,
		onEvaluate: () => undefined,
		edit: (edit, ...packages) =>
			editEnvironment(
				{ project: folder, variables: {}, edit, packages },
				{
					version: "0.1.0",
					evaluate: (project) => {
						fixture.onEvaluate(project);
						const versions = project.spec.packages.map(({ attr }) => ({ attr, name: attr, version: "1.0" }));
						const environment: Pick<EvaluatedEnvironment, "packages" | "diagnostics"> = {
							packages: versions,
							diagnostics: [],
						};
						return Promise.resolve({ environment: environment as EvaluatedEnvironment, keep: () => true });
					},
				},
			),
	};
	return fixture;
}

const textOf = ({ folder }: Fixture): string => readFileSync(join(folder, "env.yaml"), "utf8");

async function refusal(t: ExecutionContext, work: Promise<unknown>): Promise<readonly (string | undefined)[]> {
	const error = await t.throwsAsync(work, { instanceOf: DiagnosticError });
	const [first] = error.diagnostics;
	return [first?.code, first?.hint];
}

test("adds with versions, keeps the mode, and leaves no other file", async (t) => {
	const fixture = setUp(t, "packages: [a] # mine\n");
	chmodSync(join(fixture.folder, "env.yaml"), 0o640);
	t.deepEqual(await fixture.edit("add", "jq", "a", "debian#b"), {
		edited: [
			{ package: "jq", version: "1.0" },
			{ package: "debian#b", version: "1.0" },
		],
		present: ["a"],
		lockWritten: true,
		diagnostics: [],
	});
	t.is(textOf(fixture), "packages: [a, jq, debian#b] # mine\n");
	t.is(statSync(join(fixture.folder, "env.yaml")).mode & 0o777, 0o640);
	t.deepEqual(readdirSync(fixture.folder), ["env.yaml"]);
	fixture.onEvaluate = () => t.fail("there is nothing to evaluate");
	t.deepEqual((await fixture.edit("add", "jq")).present, ["jq"]);
});

test("writes nothing where evaluation refuses, and gives added packages no place", async (t) => {
	const fixture = setUp(t, "packages: [a]\n");
	fixture.onEvaluate = ({ spec }) => {
		t.deepEqual(
			spec.packages.map(({ text, location }) => [text, location?.line]),
			[
				["a", 1],
				["jqq", undefined],
			],
		);
		throw new DiagnosticError(diagnose("ENV_UNKNOWN_PACKAGE", "there is no package 'jqq'"));
	};
	t.deepEqual(await refusal(t, fixture.edit("add", "jqq")), ["ENV_UNKNOWN_PACKAGE", undefined]);
	t.is(textOf(fixture), "packages: [a]\n");
	t.deepEqual(readdirSync(fixture.folder), ["env.yaml"]);
});

test("leaves a file that changes meanwhile", async (t) => {
	const fixture = setUp(t, "packages: [a]\n");
	fixture.onEvaluate = () => {
		writeFileSync(join(fixture.folder, "env.yaml"), "packages: [b]\n");
	};
	t.deepEqual(await refusal(t, fixture.edit("add", "jq")), ["EDIT_CHANGED", "run the command again"]);
	t.is(textOf(fixture), "packages: [b]\n");
	t.deepEqual(readdirSync(fixture.folder), ["env.yaml"]);
});

test("follows a link in the project, and none out of it", async (t) => {
	const fixture = setUp(t, "");
	const file = join(fixture.folder, "env.yaml");
	rmSync(file);
	mkdirSync(join(fixture.folder, "etc"));
	writeFileSync(join(fixture.folder, "etc/real.yaml"), "packages: [a]\n");
	symlinkSync("etc/real.yaml", file);
	await fixture.edit("add", "jq");
	t.is(readFileSync(join(fixture.folder, "etc/real.yaml"), "utf8"), "packages: [a, jq]\n");
	const outside = join(fixture.folder, "../project-other.yaml");
	writeFileSync(outside, "packages: [a]\n");
	rmSync(file);
	symlinkSync("../project-other.yaml", file);
	t.is((await refusal(t, fixture.edit("add", "jq")))[0], "EDIT_OUTSIDE");
	t.is((await refusal(t, fixture.edit("remove", "a")))[0], "EDIT_OUTSIDE");
	t.is(readFileSync(outside, "utf8"), "packages: [a]\n");
});

test("removes even what cannot be evaluated afterwards, and says so", async (t) => {
	const fixture = setUp(t, "packages: [a, b]\n");
	writeFileSync(join(fixture.folder, "env.lock"), "inputs: {}\nversion: 1\n");
	const fault = diagnose("EVAL_ERROR", "the overlay is wrong");
	fixture.onEvaluate = () => {
		throw new DiagnosticError(fault);
	};
	const { edited, diagnostics } = await fixture.edit("remove", "b");
	t.deepEqual([edited, diagnostics], [[{ package: "b", version: null }], [fault]]);
	t.is(textOf(fixture), "packages: [a]\n");
});

test("says what is listed where a package to remove is not", async (t) => {
	const fixture = setUp(t, "packages: [ripgrep, jq]\n");
	writeFileSync(join(fixture.folder, "env.local.yaml"), "packages: [fd]\n");
	t.deepEqual(await refusal(t, fixture.edit("remove", "jq", "ripgrp")), ["EDIT_NOT_LISTED", "did you mean: ripgrep?"]);
	t.deepEqual(await refusal(t, fixture.edit("remove", "fd")), ["EDIT_ELSEWHERE", "take it out there by hand"]);
	t.deepEqual(await refusal(t, fixture.edit("remove", "zzzzzz")), ["EDIT_NOT_LISTED", "it lists: ripgrep, jq, fd"]);
	t.is(textOf(fixture), "packages: [ripgrep, jq]\n");
});
