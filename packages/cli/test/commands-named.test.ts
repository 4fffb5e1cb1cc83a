import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { commands } from "../src/commands.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Commands in backquotes, or after "run" in quotes, as hints name them. */
const named = /(?:\\?`devenv|run 'devenv) (?!failed:)([a-z][a-z-]*)(?: ([a-z-]+))?/g;

function sources(): string[] {
	const packages = readdirSync(join(repository, "packages")).map((name) => join(repository, "packages", name, "src"));
	return packages.flatMap((folder) =>
		readdirSync(folder, { recursive: true, encoding: "utf8" })
			.filter((name) => name.endsWith(".ts"))
			.map((name) => join(folder, name)),
	);
}

test("every command that a text names is there", (t) => {
	let found = 0;
	for (const file of sources()) {
		for (const [, first = "", second = ""] of readFileSync(file, "utf8").matchAll(named)) {
			found += 1;
			t.true(first in commands || `${first}:${second}` in commands, `${file}: devenv ${first} ${second}`);
		}
	}
	t.true(found > 20);
});
