/**
 * dpkg's database of a root, as if dpkg had installed the packages: maintainer scripts read it (`dpkg -L`, `dpkg-query`, debconf),
 * and so do users. Layer 3.
 *
 * Format: dpkg(1) FILES, deb-triggers(5). It holds nothing that differs between two compositions of the same packages.
 */

import { constants, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { folderInRoot, placeInRoot, replaceInRoot } from "./inside-root.ts";
import type { RootPackage } from "./root-package.ts";
import type { RootTree } from "./root-tree.ts";

const folder = "var/lib/dpkg";

/** Control files that nothing reads after installation. */
const leftOut: ReadonlySet<string> = new Set(["control", "md5sums", "shlibs", "symbols", "postrm", "prerm", "preinst"]);

/** Makes the database for the packages that a tree has. */
export async function writeDpkgDatabase(tree: RootTree): Promise<void> {
	const { root } = tree;
	for (const name of ["alternatives", "info", "parts", "triggers", "updates"]) folderInRoot(root, `${folder}/${name}`);
	for (const name of ["available", "diversions", "statoverride", "triggers/File", "triggers/Unincorp", "lock"]) {
		replaceInRoot(root, `${folder}/${name}`, "");
	}
	replaceInRoot(root, `${folder}/info/format`, "1\n");
	await completeDpkgDatabase(tree, tree.packages);
}

/** Adds packages that came to the tree, giving way to other work between them, and leaves what scripts wrote (diversions, alternatives, overrides) as it is. */
export async function completeDpkgDatabase(tree: RootTree, added: readonly RootPackage[]): Promise<void> {
	const { root, packages, pathsOf } = tree;
	for (const rootPackage of added) {
		await setImmediate();
		const paths = ["/.", ...(pathsOf.get(rootPackage) ?? []).map((path) => `/${path}`)].sort();
		const list = Buffer.from(`${paths.join("\n")}\n`, "latin1");
		replaceInRoot(root, `${folder}/info/${rootPackage.infoName}.list`, list);
		for (const name of rootPackage.controlFiles) {
			if (leftOut.has(name)) continue;
			const place = placeInRoot(root, `${folder}/info/${rootPackage.infoName}.${name}`);
			rmSync(place, { force: true, recursive: true });
			copyFileSync(join(rootPackage.control, name), place, constants.COPYFILE_EXCL);
		}
	}
	const stanzas = packages
		.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
		.map(({ controlText }) => controlText.trim().replace(/^(Package: .*)$/m, "$1\nStatus: install ok installed"));
	replaceInRoot(root, `${folder}/status`, `${stanzas.join("\n\n")}\n\n`);
}
