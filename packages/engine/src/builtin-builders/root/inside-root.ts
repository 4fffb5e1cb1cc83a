/**
 * Files of a root that is being composed, reached from outside as they are inside of it: a symbolic link that a package brought or
 * a script made is followed as if the root were "/", so that nothing leads to the host. Layer 3.
 *
 * Holds only while nothing else writes to the root: before scripts run, and after the last has ended.
 */

import {
	closeSync,
	constants,
	fstatSync,
	lstatSync,
	mkdirSync,
	openSync,
	readFileSync,
	readlinkSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";

/** As the kernel's own limit for one path. */
const mostLinks = 40;

/** The host path of `path` in the root; its last component is not followed. Nothing needs to be there. */
export function placeInRoot(root: string, path: string): string {
	return join(root, ...resolve(root, path, false));
}

/** The host path of the folder `path` in the root, links followed, made where it is missing. Fails with `COMPOSE_LAYOUT`. */
export function folderInRoot(root: string, path: string): string {
	let folder = root;
	for (const name of resolve(root, path, true)) {
		folder = join(folder, name);
		const info = lstatSync(folder, { throwIfNoEntry: false });
		if (info === undefined) mkdirSync(folder, 0o755);
		else if (!info.isDirectory())
			fail("COMPOSE_LAYOUT", `/${path} has to be a folder, and a package has something else there`);
	}
	return folder;
}

/** Puts a new file at `path`, whatever is there: an inode that others share is never written. */
export function replaceInRoot(root: string, path: string, contents: string | Uint8Array): void {
	const slash = path.lastIndexOf("/");
	const place = join(folderInRoot(root, path.slice(0, Math.max(0, slash))), path.slice(slash + 1));
	rmSync(place, { force: true, recursive: true });
	writeFileSync(place, contents, { flag: "wx", mode: 0o644 });
}

/** The bytes of a file of the root, links followed; undefined where no file is. */
export function readInRoot(root: string, path: string): Buffer | undefined {
	return readPlainFile(join(root, ...resolve(root, path, true)));
}

/** The bytes of a file that a script could have replaced by anything; undefined unless it is a plain file. */
export function readPlainFile(path: string): Buffer | undefined {
	if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
	const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		return fstatSync(fd).isFile() ? readFileSync(fd) : undefined;
	} finally {
		closeSync(fd);
	}
}

/** The components of `path` with every link on the way (and, if wanted, at its end) followed inside the root. */
function resolve(root: string, path: string, followLast: boolean): string[] {
	const left = path.split("/").reverse();
	let at: string[] = [];
	let links = 0;
	for (let name = left.pop(); name !== undefined; name = left.pop()) {
		if (name === "" || name === ".") continue;
		if (name === "..") {
			at.pop();
			continue;
		}
		const info =
			left.length > 0 || followLast ? lstatSync(join(root, ...at, name), { throwIfNoEntry: false }) : undefined;
		if (info?.isSymbolicLink() !== true) {
			at.push(name);
			continue;
		}
		links++;
		if (links > mostLinks) fail("COMPOSE_LAYOUT", `the links at /${path} lead in a circle`);
		const target = readlinkSync(join(root, ...at, name));
		if (target.startsWith("/")) at = [];
		left.push(...target.split("/").reverse());
	}
	return at;
}
