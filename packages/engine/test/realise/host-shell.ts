/** A shell for sandboxed test builds: the host's bash with its libraries, as one store object. */

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";

export interface HostShell {
	readonly path: StorePath;
	/** The dynamic loader: the builder of derivations that run a script. */
	readonly builder: string;
	/** Arguments that run a script. */
	args(script: string): string[];
}

/** Programs that scripts may use, beside what bash has built in. */
const programs = ["bash", "mkdir", "cat", "ln", "ls", "mv", "sleep"];

/** Adds the shell to a store. */
export function addHostShell(store: Store): HostShell {
	using scratch = store.scratch();
	const source = join(scratch.path, "shell");
	mkdirSync(source);
	let loader = "";
	for (const name of programs) {
		const program = execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
		copyFileSync(program, join(source, name));
		for (const [library] of execFileSync("ldd", [program], { encoding: "utf8" }).matchAll(/\/\S+/g)) {
			copyFileSync(library, join(source, basename(library)));
			if (basename(library).startsWith("ld-linux")) loader = basename(library);
		}
	}
	const path = store.addPath({ name: "shell", source });
	const run = (name: string): string => `${name}() { ${path}/${loader} --library-path ${path} ${path}/${name} "$@"; }`;
	const functions = programs.filter((name) => name !== "bash").map(run);
	return {
		path,
		builder: `${path}/${loader}`,
		args: (script) => ["--library-path", path, `${path}/bash`, "-ec", [...functions, script].join("\n")],
	};
}
