/**
 * Shims: one small launcher for each program of an environment, for callers that are in no view and cannot enter one
 * (editors, git hooks, shells that only want the programs). Layer 2.
 *
 * A shim is a script whose interpreter is the helper (native/shim.c), which makes the view and becomes the program: no
 * shell and no node runs. They lie in the state folder, where no repository can plant one, and each says which stamp it
 * enters and which program it becomes.
 */

import {
	chmodSync,
	existsSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { shellNames } from "./shell-name.ts";

export interface ShimRequest {
	/** Physical path of the FHS root; its folders of programs, as seen inside. */
	readonly root: string;
	readonly path: readonly string[];
	/** The packages that env.yaml asks for, by their own names. */
	readonly packages: readonly string[];
	/** The folder to make, and the stamp that the shims enter. */
	readonly folder: string;
	readonly stamp: string;
	readonly helper: string;
}

/** The kernel reads no more of a first line than this (BINPRM_BUF_SIZE, less its end). */
const MOST_INTERPRETER = 250;
const MOST_LINKS = 16;

/** Packages that Debian installs everywhere, so that the host has their programs too. */
const basePriorities: ReadonlySet<string> = new Set(["required", "important", "standard"]);

/** The folder of PATH in which a project's shims lie: `hash` stands for the project. */
export function shimFolder(state: string, hash: string): string {
	return `${state}/shims/${hash}/bin`;
}

/**
 * Makes `folder` hold exactly the shims of this root, at once: it is a link that changes its target. Gives the names.
 */
export function writeShims(request: ShimRequest): string[] {
	const programs = shimPrograms(request);
	const { folder } = request;
	const parent = dirname(folder);
	mkdirSync(parent, { recursive: true, mode: 0o700 });
	const fresh = mkdtempSync(`${parent}/programs-`);
	try {
		for (const [name, program] of programs) {
			writeFileSync(join(fresh, name), shimText(request, program), { mode: 0o755 });
		}
		chmodSync(fresh, 0o755);
		const link = `${fresh}.link`;
		symlinkSync(basename(fresh), link);
		renameSync(link, folder);
	} catch (error) {
		rmSync(fresh, { recursive: true, force: true });
		throw error;
	}
	for (const name of readdirSync(parent)) {
		if (name.startsWith("programs-") && name !== basename(fresh)) rmSync(join(parent, name), { recursive: true });
	}
	return [...programs.keys()].sort();
}

/** Three lines: the interpreter, the stamp, the program as seen inside. */
function shimText({ helper, stamp }: ShimRequest, program: string): string {
	const direct = /^[^\s]*$/.test(helper) && Buffer.byteLength(helper) < MOST_INTERPRETER - "#! shim".length;
	// A path that cannot be an interpreter's: a shell passes the file on. The helper reads the lines after the first.
	const start = direct ? `#!${helper} shim` : `#!/bin/sh`;
	const rest = direct ? "" : `exec '${helper.replaceAll("'", "'\\''")}' shim "$0" "$@"\n`;
	return `${start}\n#stamp ${stamp}\n#program ${program}\n${rest}`;
}

/**
 * The programs of a root that get a shim, with their paths inside: all but those that every host has too
 * ({@link basePriorities}) and the shells, unless env.yaml asks for their package by name.
 */
export function shimPrograms(request: Pick<ShimRequest, "root" | "path" | "packages">): Map<string, string> {
	const { root, path, packages } = request;
	const hidden = hiddenFiles(root, new Set(packages));
	const programs = new Map<string, string>();
	for (const folder of path) {
		for (const name of listNames(`${root}${folder}`)) {
			if (programs.has(name) || !/^[^\s/]+$/.test(name)) continue;
			const target = followInRoot(root, `${folder}/${name}`);
			if (target === undefined || hidden.has(`${folder}/${name}`) || hidden.has(target)) continue;
			const info = statSync(`${root}${target}`, { throwIfNoEntry: false });
			if (info?.isFile() === true && (info.mode & 0o111) !== 0) programs.set(name, `${folder}/${name}`);
		}
	}
	return programs;
}

function listNames(folder: string): string[] {
	return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** Files of packages that are not shown, from dpkg's database in the root. */
function hiddenFiles(root: string, asked: ReadonlySet<string>): Set<string> {
	const files = new Set<string>();
	const status = `${root}/var/lib/dpkg/status`;
	if (!existsSync(status)) return files;
	for (const stanza of readFileSync(status, "utf8").split("\n\n")) {
		const field = (name: string): string | undefined => new RegExp(`^${name}: (.+)$`, "m").exec(stanza)?.[1];
		const name = field("Package");
		if (name === undefined || asked.has(name)) continue;
		const isBase = field("Essential") === "yes" || basePriorities.has(field("Priority") ?? "");
		if (!isBase && !shellNames.some((shell) => shell === name)) continue;
		const lists = [`${name}.list`, `${name}:${field("Architecture") ?? ""}.list`];
		for (const list of lists.map((each) => `${root}/var/lib/dpkg/info/${each}`).filter((each) => existsSync(each))) {
			for (const file of readFileSync(list, "utf8").split("\n")) files.add(merged(file));
		}
	}
	return files;
}

/** Where a file lies since /bin and /sbin are links into /usr. */
function merged(file: string): string {
	return /^\/s?bin\//.test(file) ? `/usr${file}` : file;
}

/** Where links lead to when the root is `/`; undefined where that is nowhere. */
function followInRoot(root: string, path: string): string | undefined {
	let at = path;
	for (let turn = 0; turn < MOST_LINKS; turn++) {
		const info = lstatSync(`${root}${at}`, { throwIfNoEntry: false });
		if (info === undefined) return undefined;
		if (!info.isSymbolicLink()) return at;
		at = merged(resolve(dirname(at), readlinkSync(`${root}${at}`)));
	}
	return undefined;
}
