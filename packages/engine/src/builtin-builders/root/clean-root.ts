/**
 * Takes out of a configured root what differs from run to run or belongs to one machine, so that equal packages give equal
 * roots. Layer 3.
 */

import { lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { placeInRoot, readInRoot, replaceInRoot } from "./inside-root.ts";

/** Files and folders that go; a trailing `/*` empties a folder. */
const removed: readonly string[] = [
	"etc/.pwd.lock",
	"etc/group-",
	"etc/gshadow",
	"etc/gshadow-",
	"etc/hostname",
	"etc/ld.so.cache~",
	"etc/machine-id",
	"etc/mtab",
	"etc/passwd-",
	"etc/resolv.conf",
	"etc/shadow",
	"etc/shadow-",
	"etc/subgid-",
	"etc/subuid-",
	"run/*",
	"tmp/*",
	"var/backups/*",
	"var/cache/apt/*",
	"var/cache/debconf/*",
	"var/cache/ldconfig",
	"var/cache/man/*",
	"var/lib/dbus/machine-id",
	"var/lib/dpkg/lock",
	"var/lib/dpkg/lock-frontend",
	"var/lib/dpkg/triggers/Lock",
	"var/lib/systemd/*",
	"var/log/*",
	"var/tmp/*",
];

/** Names that end so in one folder. */
const removedEndings: readonly (readonly [folder: string, ending: RegExp])[] = [
	["etc/ssh", /^ssh_host_.*_key(?:\.pub)?$/],
	["var/lib/dpkg", /-old$/],
	["var/lib/ucf", /^(?:hashfile|registry)\.\d+$/],
];

export function cleanRoot(root: string): void {
	for (const entry of removed) {
		const path = placeInRoot(root, entry.replace(/\/\*$/, ""));
		const info = lstatSync(path, { throwIfNoEntry: false });
		if (info === undefined) continue;
		if (!entry.endsWith("/*")) rmSync(path, { recursive: true, force: true });
		else if (info.isDirectory())
			for (const name of readdirSync(path)) rmSync(join(path, name), { recursive: true, force: true });
	}
	for (const [folder, ending] of removedEndings) {
		const path = placeInRoot(root, folder);
		if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
		for (const name of readdirSync(path))
			if (ending.test(name)) rmSync(join(path, name), { recursive: true, force: true });
	}
	sortLines(root, "etc/ca-certificates.conf.dpkg-old");
}

/** Some registries are written in the order of hash tables. */
function sortLines(root: string, path: string): void {
	const contents = readInRoot(root, path);
	if (contents !== undefined) replaceInRoot(root, path, contents.toString("utf8").split("\n").sort().join("\n"));
}
