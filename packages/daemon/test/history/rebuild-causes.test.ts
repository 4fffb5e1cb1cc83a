/** Changes as a user makes them, and the cause that has to be named for each. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrackedRead } from "@devenv/engine";
import { expectEnvSpec, parseEnvFile } from "@devenv/env-file";
import test from "ava";
import { recordOptions, recordReads, recordVariables } from "../../src/history/evidence.ts";
import { type Explained, rebuildCauses } from "../../src/history/rebuild-causes.ts";

/** A project's state: texts of its files, and facts around it. */
interface State {
	readonly yaml: string;
	readonly local?: string;
	/** Files below the project by name; null: looked for and absent; an array: a folder with these entries; `→x`: a link. */
	readonly reads?: Readonly<Record<string, string | null | readonly string[]>>;
	readonly inputs?: Readonly<Record<string, string>>;
	readonly lock?: string;
	readonly variables?: Readonly<Record<string, string>>;
	readonly version?: string;
}

const base: State = {
	yaml: [
		"name: shop",
		"packages:",
		"  - jq",
		"  - python3",
		"env:",
		'  PORT: "80"',
		"overlays: [./a.nix]",
		"enter_shell: echo hello",
		"",
	].join("\n"),
	reads: { "a.nix": "self: super: { }", "data.json": "{}", "maybe.nix": null, lib: ["one"], link: "→one" },
	inputs: { debian: "2026-11-01" },
	lock: "lock",
	variables: { SHELL: "/bin/bash", LANG: "en_US.UTF-8" },
	version: "0.1.0",
};

function edited(from: string, to: string): State {
	const yaml = base.yaml.replace(from, to);
	if (yaml === base.yaml) throw new Error(`'${from}' is not in the text`);
	return { ...base, yaml };
}

function reading(reads: State["reads"]): State {
	return { ...base, reads: { ...base.reads, ...reads } };
}

const without = (name: string): NonNullable<State["reads"]> =>
	Object.fromEntries(Object.entries(base.reads ?? {}).filter(([each]) => each !== name));

/** Each: what was done, the state after it, and the causes as `kind name change place before→after`. */
const cases: readonly (readonly [what: string, after: State, causes: readonly string[]])[] = [
	["nothing", base, []],
	["a comment and an empty line", edited("packages:", "# tools\n\npackages:"), []],
	["a package added", edited("  - jq", "  - jq\n  - redis"), ["option packages redis added env.yaml:4"]],
	["a package removed", edited("  - jq\n", ""), ["option packages jq removed env.yaml:3"]],
	[
		"a package for another",
		edited("  - jq", "  - gojq"),
		["option packages gojq added env.yaml:3", "option packages jq removed env.yaml:3"],
	],
	["a variable changed", edited('"80"', '"81"'), ["option env PORT changed env.yaml:6"]],
	["a variable added", edited("  PORT", "  HOST: a\n  PORT"), ["option env HOST added env.yaml:6"]],
	["a variable removed", edited('env:\n  PORT: "80"\n', ""), ["option env PORT removed env.yaml:6"]],
	[
		"a variable of env.local.yaml",
		{ ...base, local: 'env:\n  PORT: "90"\n' },
		["option env PORT changed env.local.yaml:2"],
	],
	["the name", edited("name: shop", "name: store"), ["option name changed env.yaml:1"]],
	["the text run on entering", edited("echo hello", "echo bye"), ["option enter_shell changed"]],
	["the shell", edited("name: shop", "name: shop\nshell: zsh"), ["option shell added"]],
	["an overlay added", edited("[./a.nix]", "[./a.nix, ./b.nix]"), ["option overlays ./b.nix added env.yaml:7"]],
	[
		"overlays in another order",
		edited("[./a.nix]", "[./b.nix, ./a.nix]"),
		["option overlays ./a.nix changed env.yaml:7", "option overlays ./b.nix added env.yaml:7"],
	],
	["an overlay's text", reading({ "a.nix": "self: super: { x = 1; }" }), ["file a.nix changed"]],
	["a file that an overlay reads", reading({ "data.json": "[]" }), ["file data.json changed"]],
	["a file that was looked for", reading({ "maybe.nix": "{ }" }), ["file maybe.nix added"]],
	["a file removed", reading({ "data.json": null }), ["file data.json removed"]],
	["a file that is read now", reading({ "new.nix": "{ }" }), ["file new.nix added"]],
	["a file that is not read any more", { ...base, reads: without("data.json") }, ["file data.json removed"]],
	["a path looked for only now, in vain", reading({ "vain.nix": null }), []],
	["an entry of a folder", reading({ lib: ["one", "two"] }), ["file lib changed"]],
	["a link that leads elsewhere", reading({ link: "→two" }), ["file link changed"]],
	[
		"an updated input",
		{ ...base, inputs: { debian: "2026-11-20" }, lock: "other" },
		["input debian changed env.lock 2026-11-01→2026-11-20"],
	],
	["another index in the lock", { ...base, lock: "other" }, ["lock env.lock changed env.lock"]],
	[
		"another suite",
		edited("name: shop", "name: shop\ninputs: { debian: { url: debian:sid } }"),
		["option inputs debian changed env.yaml:2"],
	],
	[
		"the caller's locale",
		{ ...base, variables: { ...base.variables, LANG: "de_DE.UTF-8" } },
		["variable LANG changed en_US.UTF-8→de_DE.UTF-8"],
	],
	[
		"a variable that the caller unset",
		{ ...base, variables: { SHELL: "/bin/bash" } },
		["variable LANG removed en_US.UTF-8→"],
	],
	["an upgrade of devenv", { ...base, version: "0.2.0" }, ["installation devenv changed 0.1.0→0.2.0"]],
	[
		"several at once, what the user wrote first",
		{ ...edited('"80"', '"81"'), inputs: { debian: "2026-11-20" }, reads: { ...base.reads, "a.nix": "x" } },
		["option env PORT changed env.yaml:6", "input debian changed env.lock 2026-11-01→2026-11-20", "file a.nix changed"],
	],
];

function explained(folder: string, state: State): Explained {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder);
	const reads = Object.entries(state.reads ?? {}).map(([name, content]): TrackedRead => {
		const path = join(folder, name);
		if (content === null) return { path, kind: "absent" };
		if (typeof content !== "string") {
			mkdirSync(path);
			for (const entry of content) writeFileSync(join(path, entry), "");
			return { path, kind: "directory" };
		}
		if (content.startsWith("→")) {
			symlinkSync(content.slice(1), path);
			return { path, kind: "link" };
		}
		writeFileSync(path, content);
		return { path, kind: "file" };
	});
	const local = state.local === undefined ? {} : { local: { file: "env.local.yaml", content: state.local } };
	const spec = expectEnvSpec(
		parseEnvFile({ file: "env.yaml", content: state.yaml }, { programVersion: "0.1.0", ...local }),
	);
	const variables = state.variables ?? {};
	return {
		lock: state.lock ?? "",
		evidence: {
			version: state.version ?? "",
			options: recordOptions(spec),
			reads: recordReads(reads, []),
			inputs: Object.entries(state.inputs ?? {}).map(([name, value]) => ({ name, value })),
			variables: recordVariables(Object.keys(variables), variables),
		},
	};
}

for (const [what, after, expected] of cases) {
	test(`the cause of a rebuild: ${what}`, (t) => {
		const home = mkdtempSync(join(tmpdir(), "devenv-causes-"));
		t.teardown(() => rmSync(home, { recursive: true, force: true }));
		const folder = join(home, "project");
		const causes = rebuildCauses(folder, explained(folder, base), explained(folder, after));
		const said = causes.map(({ kind, name, change, place, before, after: now }) => {
			const sides = before === null && now === null ? [] : [`${before ?? ""}→${now ?? ""}`];
			return [kind, name, change, ...(place === null ? [] : [place]), ...sides].join(" ");
		});
		t.deepEqual(said, [...expected]);
	});
}
