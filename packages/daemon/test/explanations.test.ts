import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type EnvSpec, expectEnvSpec, parseEnvFile } from "@devenv/env-file";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { variableSources } from "../src/explanations.ts";

const specOf = (content: string): EnvSpec => expectEnvSpec(parseEnvFile({ file: "env.yaml", content }));

test("who sets a variable, the one that counts first", (t) => {
	const project = temporaryFolder(t);
	writeFileSync(join(project, ".env"), "PORT=file\nTOKEN=secret\n");
	const spec = specOf("env:\n  PORT: 80\n  GEM_HOME: gems\ndotenv: true\nservices: { redis: true }\n");
	const variables = { PORT: "80", GEM_HOME: "gems", JAVA_HOME: "/usr/lib/jvm" };
	const sources = (name: string): [string, string | null, string | null][] =>
		variableSources(name, { spec, variables, project }).map(({ kind, place, value }) => [kind, place, value]);
	t.deepEqual(sources("PORT"), [
		["env", "env.yaml:2", "80"],
		["file", ".env", null],
	]);
	t.deepEqual(sources("TOKEN"), [["file", ".env", null]]);
	t.deepEqual(sources("JAVA_HOME"), [["package", null, "/usr/lib/jvm"]]);
	t.deepEqual(sources("DEVENV_ROOT"), [["devenv", null, project]]);
	t.deepEqual(sources("GOBIN"), [["tool", null, null]]);
	t.deepEqual(sources("GEM_HOME"), [["env", "env.yaml:3", "gems"]]);
	t.deepEqual(
		sources("REDIS_URL").map(([kind]) => kind),
		["service"],
	);
	for (const name of ["HOME", "constructor", "__proto__"]) t.deepEqual(sources(name), [], name);
});
