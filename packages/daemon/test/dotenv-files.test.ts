import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { dotenvFiles } from "../src/dotenv-files.ts";
import { readProject } from "../src/project.ts";

const named = (...values: string[]): { value: string }[] => values.map((value) => ({ value }));

function refusal(t: ExecutionContext, folder: string, value: string): string {
	const error = t.throws(() => dotenvFiles(folder, named(value)), { instanceOf: DiagnosticError });
	return error.diagnostics[0]?.code ?? "";
}

test("finds the files that there are, and tracks those that may come", (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, "real"), "A=1\n");
	symlinkSync("real", join(folder, "linked"));
	const found = dotenvFiles(folder, named("linked", "none"));
	t.deepEqual(found, {
		files: [join(folder, "real")],
		tracked: [
			{ path: join(folder, "linked"), kind: "link" },
			{ path: join(folder, "linked"), kind: "file" },
			{ path: join(folder, "real"), kind: "file" },
			{ path: join(folder, "none"), kind: "absent" },
		],
		diagnostics: [],
	});
});

test("says which lines are no variables, and never what they hold", (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, ".env"), "A=1\nsecret\nB=2\nsecret\n");
	mkdirSync(join(folder, "folder"));
	const [line, unreadable, ...none] = dotenvFiles(folder, named(".env", "folder")).diagnostics;
	t.is(line?.code, "ENV_DOTENV_LINE");
	t.is(line?.severity, "warning");
	t.like(line?.location, { file: ".env", line: 2 });
	t.notRegex(JSON.stringify(line), /secret/);
	t.is(unreadable?.code, "ENV_DOTENV_UNREADABLE");
	t.deepEqual(none, []);
});

test("reads nothing outside of the repository", (t) => {
	const top = temporaryFolder(t);
	const folder = join(top, "repository/project");
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(top, "outside"), "A=1\n");
	writeFileSync(join(top, "repository/.env"), "A=1\n");
	symlinkSync(join(top, "outside"), join(folder, "link"));
	symlinkSync(top, join(folder, "up"));
	for (const value of ["../../outside", "link", "up/outside", "../.env"]) {
		t.is(refusal(t, folder, value), "ENV_DOTENV_OUTSIDE", value);
	}
	mkdirSync(join(top, "repository/.git"));
	t.deepEqual(dotenvFiles(folder, named("../.env")).files, [join(top, "repository/.env")]);
	t.is(refusal(t, folder, "../../outside"), "ENV_DOTENV_OUTSIDE");
});

test("an import's files are relative to it", (t) => {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, "part"));
	writeFileSync(join(folder, "env.yaml"), "imports: [./part]\ndotenv: true\n");
	writeFileSync(join(folder, "part/env.yaml"), "dotenv: .env\nprofiles: { ci: { dotenv: [ci.env] } }\n");
	const files = (profile?: string): string[] =>
		readProject(folder, "1.0.0", { profile }).spec.dotenv.map(({ value }) => value);
	t.deepEqual(files(), ["./part/.env", ".env"]);
	t.deepEqual(files("ci"), ["./part/.env", ".env", "./part/ci.env"]);
	writeFileSync(join(folder, ".env"), "A=1\n");
	const { tracked } = readProject(folder, "1.0.0");
	t.true(tracked.some(({ path, kind }) => path === join(folder, ".env") && kind === "file"));
	rmSync(join(folder, ".env"));
});
