/** What every root has beside its packages: links of a merged `/usr`, empty folders, the accounts that scripts expect. Layer 3. */

import { existsSync, lstatSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { mergedNames } from "../unpack-archive.ts";
import { folderInRoot, placeInRoot, readInRoot, replaceInRoot } from "./inside-root.ts";

/** Made unless a package has them. OpenJDK's scripts expect the manual folders, which minimal images leave out. */
const folders: readonly string[] = [
	"dev",
	"etc",
	"home",
	"media",
	"mnt",
	"nix",
	"opt",
	"proc",
	"root",
	"run",
	"srv",
	"sys",
	"tmp",
	"usr/bin",
	"usr/lib",
	"usr/sbin",
	"usr/share/info",
	"usr/share/man/man1",
	"usr/share/man/man5",
	"usr/share/man/man7",
	"usr/share/man/man8",
	"var/backups",
	"var/cache",
	"var/lib",
	"var/local",
	"var/log",
	"var/mail",
	"var/spool",
	"var/tmp",
];

const links: readonly (readonly [path: string, target: string])[] = [
	["var/run", "/run"],
	["var/lock", "/run/lock"],
];

/** `base-passwd` fills these in before anything else is unpacked on a real system. */
const accountFiles: readonly (readonly [path: string, master: string])[] = [
	["etc/passwd", "usr/share/base-passwd/passwd.master"],
	["etc/group", "usr/share/base-passwd/group.master"],
];

/** Completes the merged tree at `root`. */
export function makeBaseLayout(root: string): void {
	for (const folder of folders) folderInRoot(root, folder);
	for (const name of mergedNames) {
		if (existsSync(join(root, "usr", name))) link(root, name, `usr/${name}`);
	}
	for (const [path, target] of links) link(root, path, target);
	for (const [path, master] of accountFiles) {
		const contents = readInRoot(root, master);
		if (contents !== undefined && lstatSync(placeInRoot(root, path), { throwIfNoEntry: false }) === undefined)
			replaceInRoot(root, path, contents);
	}
}

function link(root: string, path: string, target: string): void {
	const place = placeInRoot(root, path);
	if (lstatSync(place, { throwIfNoEntry: false }) === undefined) symlinkSync(target, place);
}
