import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseLock } from "@devenv/env-file";
import test, { type ExecutionContext } from "ava";
import { writeLock } from "../src/project.ts";

function folder(t: ExecutionContext): string {
	const made = mkdtempSync(join(tmpdir(), "devenv-project-"));
	t.teardown(() => rmSync(made, { recursive: true, force: true }));
	return made;
}

test("a lock is written through no link that others planted in the project", (t) => {
	const project = folder(t);
	const victim = join(project, "victim");
	writeFileSync(victim, "original");
	for (const name of ["env.lock", "env.lock.part", `env.lock.${process.pid}.part`])
		symlinkSync("victim", join(project, name));
	const content = Buffer.from("version: 1\ninputs: {}\n");
	writeLock(project, parseLock({ file: "env.lock", content }).lock);
	t.is(readFileSync(victim, "utf8"), "original");
	t.not(readFileSync(join(project, "env.lock"), "utf8"), "original");
	t.true(existsSync(join(project, `env.lock.${process.pid}.part`)));
	t.is(readdirSync(project).length, 4);
});
