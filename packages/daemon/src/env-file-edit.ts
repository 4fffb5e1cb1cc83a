/** One edit of a project's env.yaml: read, judged, and replaced at once or not at all. Layer 4. */

import { randomBytes } from "node:crypto";
import { accessSync, constants, fchmodSync, fchownSync, openSync, closeSync, realpathSync } from "node:fs";
import { fsyncSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "@devenv/diagnostics";
import type { EnvFileText } from "@devenv/env-file";
import { readProjectFile } from "./project.ts";
import { isInside } from "./repository-folders.ts";

export class EnvFileEdit {
	/** As it was read. */
	readonly text: EnvFileText;
	readonly #folder: string;
	/** Where the file really lies. */
	readonly #target: string;

	/** Reads env.yaml. Throws `ENV_MISSING`, `ENV_UNREADABLE`, and `EDIT_OUTSIDE` where it lies in another folder. */
	constructor(folder: string) {
		const text = readProjectFile(folder, "env.yaml");
		if (text === undefined) {
			fail("ENV_MISSING", `there is no env.yaml in ${folder}`, { hint: "`devenv init` writes one" });
		}
		this.text = text;
		this.#folder = folder;
		this.#target = targetOf(folder);
	}

	/**
	 * Puts another text in the file's place, its mode and owner kept. Throws `EDIT_CHANGED` where the file is not what was
	 * read any more, and `EDIT_UNWRITABLE`; then nothing has changed.
	 */
	replace(content: string): void {
		const target = this.#target;
		const part = join(dirname(target), `.env.yaml.${randomBytes(9).toString("hex")}.part`);
		try {
			// A rename would replace a file that is meant not to be written.
			accessSync(target, constants.W_OK);
			writeCopy(part, content, target);
			this.#requireUnchanged();
			renameSync(part, target);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") rmSync(part, { force: true });
			const { code } = error as NodeJS.ErrnoException;
			if (code === undefined) throw error;
			fail("EDIT_UNWRITABLE", `cannot write ${target}: ${code}`, {
				hint: "make env.yaml and its folder writable",
			});
		}
	}

	/** The last look before the rename; what changes in the instant between is lost, as with any editor. */
	#requireUnchanged(): void {
		const now = readProjectFile(this.#folder, "env.yaml");
		const before = Buffer.from(this.text.content);
		if (now !== undefined && before.equals(Buffer.from(now.content)) && targetOf(this.#folder) === this.#target) return;
		fail("EDIT_CHANGED", `${join(this.#folder, "env.yaml")} was changed meanwhile; it was left as it is`, {
			hint: "run the command again",
		});
	}
}

/** Where env.yaml really lies; links may lead to another place in the project only. */
function targetOf(folder: string): string {
	const file = join(folder, "env.yaml");
	const root = realpathSync(folder);
	const target = realpathSync(file);
	if (isInside(target, root)) return target;
	return fail("EDIT_OUTSIDE", `${file} is a link that leads out of the project, to ${target}`, {
		hint: "edit that file by hand, or put a file of its own in the link's place",
	});
}

/** A new file with the mode and, as far as this process may, the owner of another. */
function writeCopy(file: string, content: string, like: string): void {
	const { mode, uid, gid } = statSync(like);
	const descriptor = openSync(file, "wx", 0o600);
	try {
		writeFileSync(descriptor, content);
		if (process.geteuid?.() === 0) fchownSync(descriptor, uid, gid);
		fchmodSync(descriptor, mode & 0o7777);
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}
