/** The files of variables that a project names: those of its own repository, and no others. Layer 4. */

import { lstatSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, DiagnosticError, diagnose } from "@devenv/diagnostics";
import type { TrackedRead } from "@devenv/engine";
import type { Located } from "@devenv/env-file";
import { readDotenvFile } from "@devenv/shell";
import type { ShellSettings } from "./history/generation-record.ts";
import { isInside, placeOf, resolvedPath } from "./repository-folders.ts";

export interface DotenvFiles {
	/** Those that are there: absolute, without links. */
	readonly files: readonly string[];
	/** Everything that was looked for. */
	readonly tracked: readonly TrackedRead[];
	/** Warnings. */
	readonly diagnostics: readonly Diagnostic[];
}

/**
 * Finds what `dotenv` names in a project in `folder`, and says which lines are no variables. Throws `ENV_DOTENV_OUTSIDE` for what
 * lies above the repository's top (or the project, outside of a repository), links followed: nothing there is read. Values
 * are not kept.
 */
export function dotenvFiles(folder: string, named: readonly Located<string>[]): DotenvFiles {
	if (named.length === 0) return { files: [], tracked: [], diagnostics: [] };
	const { own, top } = placeOf(folder);
	const files: string[] = [];
	const tracked: TrackedRead[] = [];
	const diagnostics: Diagnostic[] = [];
	for (const each of named) {
		const path = join(own, each.value);
		if (!isInside(path, top)) refuseOutside(each, top);
		const file = resolvedPath(path);
		if (file === undefined) {
			tracked.push({ path, kind: "absent" });
			continue;
		}
		if (!isInside(file, top)) refuseOutside(each, top);
		if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) tracked.push({ path, kind: "link" });
		// What is read in the end is tracked by its own name too, which is the one that a stamp has.
		for (const name of new Set([path, file])) tracked.push({ path: name, kind: "file" });
		files.push(file);
		diagnostics.push(...faultsOf(each, file));
	}
	return { files, tracked, diagnostics };
}

/** The same for the settings of a generation. */
export function dotenvOf(folder: string, { dotenv = [] }: Pick<ShellSettings, "dotenv">): DotenvFiles {
	return dotenvFiles(
		folder,
		dotenv.map((value) => ({ value })),
	);
}

function faultsOf({ value, location }: Located<string>, file: string): Diagnostic[] {
	const found = readDotenvFile(file);
	if (found === undefined) {
		return [
			diagnose("ENV_DOTENV_UNREADABLE", `${value} sets no variables: it is not a file that can be read`, {
				severity: "warning",
				...(location === undefined ? {} : { location }),
				hint: "`dotenv` names text files of up to 256 KiB",
			}),
		];
	}
	const [line, ...more] = found.faults;
	if (line === undefined) return [];
	const others = more.length === 0 ? "" : `, and ${more.length} more`;
	return [
		diagnose("ENV_DOTENV_LINE", `line ${line} of ${value} is no variable and is passed over${others}`, {
			severity: "warning",
			location: { file: value, line, column: 1, length: 1 },
			hint: "write NAME=value, with quotes around a value of several lines",
		}),
	];
}

function refuseOutside({ value, location }: Located<string>, top: string): never {
	throw new DiagnosticError(
		diagnose("ENV_DOTENV_OUTSIDE", `the dotenv file '${value}' leads out of ${top}`, {
			...(location === undefined ? {} : { location }),
			hint: "dotenv files stay in the project's repository; link nothing from outside",
		}),
	);
}
