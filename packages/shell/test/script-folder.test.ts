import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { nodeEnvironment, temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { placeScripts } from "../src/script-folder.ts";

test("scripts run in the project's folder with their arguments, and go when they are not declared any more", (t) => {
	const folder = temporaryFolder(t);
	const [scripts, project] = [join(folder, "it's scripts"), join(folder, "project")];
	mkdirSync(project);
	const run = (name: string, ...args: readonly string[]): { readonly status: number | null; readonly stdout: string } =>
		spawnSync(join(scripts, name), args, {
			cwd: "/",
			encoding: "utf8",
			env: { ...nodeEnvironment(), DEVENV_ROOT: project },
		});
	placeScripts(scripts, [
		{ name: "show", exec: 'echo "$PWD|$#|$2"; exit 7', interpreter: "" },
		{ name: "node-it", exec: "console.log(process.cwd(), process.argv.slice(2))\n", interpreter: "node" },
	]);
	t.like(run("show", "a", "b c"), { status: 7, stdout: `${project}|2|b c\n` });
	t.is(run("node-it", "x 'y").stdout, `${project} [ "x 'y" ]\n`);
	t.is(statSync(join(scripts, "show")).mode & 0o777, 0o700);
	const before = statSync(join(scripts, "show")).ino;
	placeScripts(scripts, [{ name: "show", exec: 'echo "$PWD|$#|$2"; exit 7', interpreter: "" }]);
	t.is(statSync(join(scripts, "show")).ino, before, "what is the same is not written again");
	t.deepEqual(readdirSync(scripts).sort(), [".texts", "show"]);
	t.deepEqual(readdirSync(join(scripts, ".texts")), []);
	placeScripts(scripts, [{ name: "show", exec: "echo new", interpreter: "" }]);
	t.is(run("show").stdout, "new\n");
	placeScripts(scripts, []);
	t.false(existsSync(scripts));
	placeScripts(scripts, []);
});
