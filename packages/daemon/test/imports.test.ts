import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import type { TrackedRead } from "@devenv/engine";
import test, { type ExecutionContext } from "ava";
import { readProject } from "../src/project.ts";

/** A folder with these files; those that end in `@` are links. */
function tree(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
	const made = realpathSync(mkdtempSync(join(tmpdir(), "devenv-imports-")));
	t.teardown(() => rmSync(made, { recursive: true, force: true }));
	for (const [name, content] of Object.entries(files)) {
		const path = join(made, name.replace(/@$/, ""));
		mkdirSync(dirname(path), { recursive: true });
		if (name.endsWith("@")) symlinkSync(content, path);
		else writeFileSync(path, content);
	}
	return made;
}

const packagesOf = (folder: string): string[] => readProject(folder, "1.0.0").spec.packages.map(({ attr }) => attr);

test("/ is the repository's top, whatever folder the project is in", (t) => {
	const top = tree(t, {
		".git/HEAD": "",
		"apps/web/env.yaml": "imports: [/shared, ../api, ./part]\npackages: [nodejs]\n",
		"apps/web/part/env.yaml": "packages: [brotli]\n",
		"apps/api/env.yaml": "imports: [/linked]\npackages: [python3]\n",
		"linked@": "shared",
		"shared/env.yaml": "packages: [jq]\noverlays: [./o.nix]\n",
	});
	const folder = join(top, "apps/web");
	t.deepEqual(packagesOf(folder), ["jq", "python3", "brotli", "nodejs"]);
	const { spec, tracked } = readProject(folder, "1.0.0");
	t.deepEqual(
		spec.overlays.map(({ value, location }) => [value, location?.file]),
		[["../../shared/o.nix", "../../shared/env.yaml"]],
	);
	const imported = tracked.map(({ path }) => path).filter((path) => !path.startsWith(`${folder}/env.`));
	t.deepEqual(
		[...new Set(imported)].filter((path) => path.endsWith("env.yaml")),
		["shared/env.yaml", "apps/api/env.yaml", "apps/web/part/env.yaml"].map((path) => join(top, path)),
	);
});

test("outside of a repository, / is the project's folder", (t) => {
	const folder = tree(t, { "env.yaml": "imports: [/part]\n", "part/env.yaml": "packages: [jq]\n" });
	t.deepEqual(packagesOf(folder), ["jq"]);
});

test("nothing outside of the repository is read, by whatever way it is named", (t) => {
	const outer = tree(t, {
		"secret/env.yaml": "packages: [secret]\n",
		"repo/.git/HEAD": "",
		"repo/by-link@": "../secret",
		"repo/by-file/env.yaml@": "../../secret/env.yaml",
		"repo/a/env.yaml": "",
	});
	const folder = join(outer, "repo/a");
	for (const written of ["../../secret", "/../secret", "/by-link", "/by-file", "..//../secret/"]) {
		writeFileSync(join(folder, "env.yaml"), `imports: ["${written}"]\n`);
		const reads: TrackedRead[] = [];
		const error = t.throws(
			() => readProject(folder, "1.0.0", { onRead: (more) => reads.push(...more) }),
			{ instanceOf: DiagnosticError },
			written,
		);
		t.is(error.diagnostics[0]?.code, "ENV_IMPORT_OUTSIDE", written);
		t.false(
			reads.some(({ path }) => path.startsWith(join(outer, "secret"))),
			written,
		);
	}
});

test("what is missing, broken or no file has a place, and is watched", (t) => {
	const folder = tree(t, {
		"env.yaml": "imports:\n  - ./gone\n  - ./env.local.yaml\n  - ./broken\n",
		"env.local.yaml": "",
		"broken/env.yaml": "packages: 7\n",
	});
	const reads: TrackedRead[] = [];
	const error = t.throws(() => readProject(folder, "1.0.0", { onRead: (more) => reads.push(...more) }), {
		instanceOf: DiagnosticError,
	});
	t.deepEqual(
		error.diagnostics.map(({ code, location }) => `${code} ${location?.file ?? ""}:${location?.line ?? 0}`),
		["ENV_IMPORT_MISSING env.yaml:2", "ENV_IMPORT_MISSING env.yaml:3", "ENV_TYPE broken/env.yaml:1"],
	);
	t.is(error.diagnostics[1]?.hint, "imports name folders, not files");
	t.true(reads.some(({ path, kind }) => path === join(folder, "gone/env.yaml") && kind === "absent"));
	t.true(reads.some(({ path, kind }) => path === join(folder, "broken/env.yaml") && kind === "file"));
	mkdirSync(join(folder, "piped"));
	execFileSync("mkfifo", [join(folder, "piped/env.yaml")]);
	symlinkSync("loop", join(folder, "loop"));
	for (const name of ["piped", "loop"]) {
		writeFileSync(join(folder, "env.yaml"), `imports: [./${name}]\n`);
		const refused = t.throws(() => readProject(folder, "1.0.0"), { instanceOf: DiagnosticError }, name);
		t.is(refused.diagnostics[0]?.code, "ENV_UNREADABLE", name);
	}
});
