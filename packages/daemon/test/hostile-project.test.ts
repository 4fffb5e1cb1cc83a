import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import test, { type ExecutionContext } from "ava";
import { readProject } from "../src/project.ts";

function folder(t: ExecutionContext): string {
	const made = mkdtempSync(join(tmpdir(), "devenv-hostile-project-"));
	t.teardown(() => rmSync(made, { recursive: true, force: true }));
	return made;
}

const hostile: readonly [kind: string, make: (file: string) => void, code: string, reason: string][] = [
	["an endless device", (file) => symlinkSync("/dev/zero", file), "ENV_UNREADABLE", "is not a file"],
	["a pipe", (file) => execFileSync("mkfifo", [file]), "ENV_UNREADABLE", "is not a file"],
	[
		"a huge file",
		(file) => {
			writeFileSync(file, "");
			truncateSync(file, 2 ** 40);
		},
		"ENV_TOO_LARGE",
		"is larger than 1024 KiB",
	],
];

for (const [kind, make, code, reason] of hostile) {
	for (const name of ["env.yaml", "env.local.yaml", "env.lock"]) {
		test(`${kind} as ${name} is refused at once`, (t) => {
			const project = folder(t);
			if (name !== "env.yaml") writeFileSync(join(project, "env.yaml"), "packages: []\n");
			const file = join(project, name);
			make(file);
			const error = t.throws(() => readProject(project, "1.0.0"), { instanceOf: DiagnosticError });
			t.like(error.diagnostics[0], { code, message: `${file} ${reason}` });
		});
	}
}

test("an env.nix that is a link stays in the repository", (t) => {
	const top = folder(t);
	const project = join(top, "project");
	mkdirSync(project);
	writeFileSync(join(project, "env.yaml"), "packages: [jq]\n");
	writeFileSync(join(top, "outside.nix"), "{ }\n");
	writeFileSync(join(project, "real.nix"), "{ }\n");
	const link = join(project, "env.nix");
	for (const target of ["../outside.nix", "/etc/passwd", "nowhere.nix"]) {
		symlinkSync(target, link);
		t.throws(() => readProject(project, "1.0.0"), { message: /^ENV_MODULE: .* leads out of / }, target);
		rmSync(link);
	}
	symlinkSync("real.nix", link);
	t.is(readProject(project, "1.0.0").module?.file, link);
});
