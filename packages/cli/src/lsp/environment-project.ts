/** A project's files of its environment, those that are open as the editor has them. Layer 5. */

import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { type Diagnostic, diagnose } from "@devenv/diagnostics";
import { type EnvFileText, type ImportReader, parseEnvFile, type ParseEnvOptions } from "@devenv/env-file";
import { VERSION } from "../installation.ts";

/** The text of a file that is open; undefined for others. */
export type OpenTexts = (path: string) => string | undefined;

/** Longest file that is read: what is longer is refused by its parser too. */
const MAX_BYTES = 1024 * 1024;

/** All that is wrong with the env.yaml and env.local.yaml of a folder; locations name files relative to it. */
export function diagnoseProject(folder: string, open: OpenTexts): readonly Diagnostic[] {
	const read = (file: string): EnvFileText | undefined => readText(join(folder, file), file, open);
	const local = read("env.local.yaml");
	const options: ParseEnvOptions = {
		...(local === undefined ? {} : { local }),
		readImport: importReader(folder, open),
		programVersion: VERSION,
		incomplete: existsSync(join(folder, "env.nix")),
	};
	return parseEnvFile(read("env.yaml") ?? { file: "env.yaml", content: "" }, options).diagnostics;
}

function readText(path: string, file: string, open: OpenTexts): EnvFileText | undefined {
	const text = open(path);
	if (text !== undefined) return { file, content: text };
	try {
		const status = statSync(path);
		return status.isFile() && status.size <= MAX_BYTES ? { file, content: readFileSync(path) } : undefined;
	} catch (error) {
		// It is not there, or not to be read.
		if ((error as NodeJS.ErrnoException).code !== undefined) return undefined;
		throw error;
	}
}

/** Finds what `imports` names: folders of the same repository. */
function importReader(folder: string, open: OpenTexts): ImportReader {
	return (written, from) => {
		const top = repositoryTop(folder);
		const named = written.startsWith("/") ? join(top, written) : resolve(folder, from, written);
		const target = realPath(named);
		const isHere = target !== undefined && isInside(target, top);
		if (isInside(named, top) && (target === undefined || isHere)) {
			const path = relative(realPath(folder) ?? folder, target ?? named);
			const text = target === undefined ? undefined : readText(join(target, "env.yaml"), join(path, "env.yaml"), open);
			if (text !== undefined) return { folder: path, text };
			return {
				reason: "MISSING",
				message: `the import '${written}' has no env.yaml in ${named}`,
				hint: "name a folder that has one, relative to this file, or from the repository's top: /folder",
			};
		}
		return {
			reason: "OUTSIDE",
			message: `the import '${written}' leads out of ${top}`,
			hint: "imports stay in the project's repository",
		};
	};
}

/** The folder that holds `.git`, from a folder upward; the folder itself outside of a repository. */
export function repositoryTop(folder: string): string {
	const own = realPath(folder) ?? folder;
	for (let at = own; ; at = dirname(at)) {
		if (existsSync(join(at, ".git"))) return at;
		if (dirname(at) === at) return own;
	}
}

function realPath(path: string): string | undefined {
	try {
		return realpathSync(path);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== undefined) return undefined;
		throw error;
	}
}

function isInside(path: string, folder: string): boolean {
	return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** For a document that is no file. */
export function diagnoseText(content: string): readonly Diagnostic[] {
	return parseEnvFile({ file: "env.yaml", content }, { programVersion: VERSION, incomplete: true }).diagnostics;
}

/** What is said of a fault in a file that this one brings in. */
export function elsewhere({ message, code, location }: Diagnostic): Diagnostic {
	return diagnose(code, `${location?.file ?? ""}:${location?.line ?? 1}: ${message}`);
}
