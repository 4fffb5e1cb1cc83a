/** What a command left behind: in a project's folder, in the store, among processes and mounts. */

import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { openStore, type VerifyFault } from "@devenv/store";
import type { Installation } from "./installation.ts";

/** Every path below a folder with its contents, to be compared. */
export function contentsOf(folder: string): Readonly<Record<string, string>> {
	const contents: Record<string, string> = {};
	for (const name of (readdirSync(folder, { recursive: true }) as string[]).sort()) {
		const path = join(folder, name);
		const info = lstatSync(path);
		contents[name] = info.isFile()
			? readFileSync(path, "latin1")
			: info.isSymbolicLink()
				? `→ ${readlinkSync(path)}`
				: "folder";
	}
	return contents;
}

/** Standard error without the lines of progress, which come when a machine is slow. */
export function withoutProgress(stderr: string): string {
	return stderr.replaceAll(/^devenv: .*\n/gm, "");
}

/** What is wrong with a store, every object's hash included. */
export async function storeFaults(root: string): Promise<readonly VerifyFault[]> {
	const store = openStore({ root, readOnly: true });
	try {
		return await store.verify({ checkContents: true });
	} finally {
		store.close();
	}
}

/** Command lines of the processes that have this installation's environment, the test's own excepted. */
export function processesOf(installation: Installation): readonly string[] {
	const mark = `DEVENV_HOME=${installation.home}`;
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
		.filter((pid) => readProcess(pid, "environ").split("\0").includes(mark))
		.map((pid) => `${pid}: ${readProcess(pid, "cmdline").replaceAll("\0", " ")}`);
}

/** Command lines that name a path, the test's own excepted. */
export function processesNaming(path: string): readonly string[] {
	return readdirSync("/proc")
		.filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
		.map((pid) => `${pid}: ${readProcess(pid, "cmdline").replaceAll("\0", " ")}`)
		.filter((line) => line.includes(path));
}

/** A process may end while it is looked at, and another user's is not for us. */
function readProcess(pid: string, file: string): string {
	try {
		return readFileSync(`/proc/${pid}/${file}`, "latin1");
	} catch {
		return "";
	}
}

/** Mount points below the installation's folder that this process sees. */
export function mountsOf(installation: Installation): readonly string[] {
	return readFileSync("/proc/self/mountinfo", "utf8")
		.split("\n")
		.map((line) => line.split(" ")[4] ?? "")
		.filter((point) => point.startsWith(installation.folder));
}

/** Files on their way that nobody finishes any more: in the store's, the cache's and the projects' folders. */
export function temporaryFiles(installation: Installation, project: string): readonly string[] {
	const { home } = installation;
	const kept = (folder: string, pattern: RegExp): string[] =>
		namesIn(folder)
			.filter((name) => pattern.test(name))
			.map((name) => join(folder, name));
	const sessions = join(home, "root/nix/var/nix/devenv/tmp");
	return [
		// An open store has a folder, with one for its temporary roots and empty ones for later.
		...kept(sessions, /./)
			.flatMap((session) => kept(session, /^(?!temproots$)/))
			.filter((path) => !isEmptyFolder(path)),
		...kept(join(home, "cache"), /^archive-/),
		...kept(join(home, "state/stamps"), /(?<!\.stamp)$/),
		...kept(project, /\.part$/),
	];
}

/** An empty folder, or nothing: what is looked at may be removed at that moment. */
function isEmptyFolder(path: string): boolean {
	const info = lstatSync(path, { throwIfNoEntry: false });
	return info === undefined || (info.isDirectory() && namesIn(path).length === 0);
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
}
