/**
 * The project's scripts as programs on PATH: a folder of one executable file each, outside the project. Layer 2. Each runs in the
 * project's folder, as `devenv run` runs it.
 */

import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { activationName } from "./stamp-file.ts";

export interface ProjectScript {
	readonly name: string;
	/** Shell text, or the interpreter's. */
	readonly exec: string;
	/** A program of the environment; empty: the shell. */
	readonly interpreter: string;
}

/** Where a project's scripts are, those of a profile apart. */
export function scriptFolder(state: string, project: string, profile?: string): string {
	return `${state}/scripts/${activationName(project, { asUser: false, profile })}`;
}

/** Makes the folder what env.yaml says. An open shell has the new text at once, since only the files change. */
export function placeScripts(folder: string, scripts: readonly ProjectScript[]): void {
	if (scripts.length === 0) {
		rmSync(folder, { recursive: true, force: true });
		return;
	}
	const texts = `${folder}/.texts`;
	mkdirSync(texts, { recursive: true, mode: 0o700 });
	for (const { name, exec, interpreter } of scripts) {
		if (interpreter === "") {
			place(join(folder, name), `#!/bin/sh\n${enterProject}\n${exec.endsWith("\n") ? exec : `${exec}\n`}`, 0o700);
			continue;
		}
		// Another language's text cannot change the folder first.
		place(join(texts, name), exec, 0o600);
		const text = `#!/bin/sh\n${enterProject}\nexec ${quote(interpreter)} ${quote(join(texts, name))} "$@"\n`;
		place(join(folder, name), text, 0o700);
	}
	const names = new Set(scripts.map(({ name }) => name));
	const withText = new Set(scripts.filter(({ interpreter }) => interpreter !== "").map(({ name }) => name));
	removeOthers(folder, (name) => name === ".texts" || names.has(name));
	removeOthers(texts, (name) => withText.has(name));
}

const enterProject = 'cd -- "$DEVENV_ROOT" || exit';

/** Written only where it differs: a shell may be reading the file. */
function place(file: string, text: string, mode: number): void {
	if (readIfThere(file) === text) return;
	const fresh = `${file}.part`;
	writeFileSync(fresh, text, { mode });
	chmodSync(fresh, mode);
	renameSync(fresh, file);
}

function readIfThere(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

function removeOthers(folder: string, isWanted: (name: string) => boolean): void {
	for (const name of readdirSync(folder))
		if (!isWanted(name)) rmSync(join(folder, name), { recursive: true, force: true });
}

function quote(text: string): string {
	return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
