/** The project that a command is about: the nearest folder upward that holds an env.yaml. Layer 5. */

import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "@devenv/diagnostics";

/** The folder of the nearest env.yaml from `start` upward, or undefined. */
export function findProject(start: string): string | undefined {
	for (let folder = start; ; folder = dirname(folder)) {
		if (lstatSync(join(folder, "env.yaml"), { throwIfNoEntry: false }) !== undefined) return folder;
		if (dirname(folder) === folder) return undefined;
	}
}

/** As {@link findProject}; fails with `ENV_NOT_FOUND`. */
export function requireProject(start: string): string {
	const project = findProject(start);
	if (project !== undefined) return project;
	return fail("ENV_NOT_FOUND", `there is no env.yaml in ${start} or in a folder above it`, {
		hint: "`devenv init` writes one here",
	});
}

/** The current folder; fails with `CWD_MISSING` where it was deleted. */
export function currentFolder(): string {
	try {
		return process.cwd();
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		return fail("CWD_MISSING", "the current folder does not exist any more", { hint: "change to another folder" });
	}
}
