/**
 * dpkg's database of a root, as if dpkg had installed the packages: maintainer scripts read it (`dpkg -L`, `dpkg-query`, debconf),
 * and so do users. Layer 3.
 *
 * Format: dpkg(1) FILES, deb-triggers(5). It holds nothing that differs between two compositions of the same packages.
 */

import { constants, copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { folderInRoot, placeInRoot, replaceInRoot } from "./inside-root.ts";
import type { MergedTree } from "./merge-packages.ts";
import type { RootPackage } from "./root-package.ts";

const folder = "var/lib/dpkg";

/** Control files that nothing reads after installation. */
const leftOut: ReadonlySet<string> = new Set(["control", "md5sums", "shlibs", "symbols", "postrm", "prerm", "preinst"]);

export function writeDpkgDatabase(root: string, packages: readonly RootPackage[], tree: MergedTree): void {
	const put = (name: string, contents: string | Uint8Array): void => {
		replaceInRoot(root, `${folder}/${name}`, contents);
	};
	for (const name of ["alternatives", "info", "parts", "triggers", "updates"]) folderInRoot(root, `${folder}/${name}`);
	for (const name of ["available", "diversions", "statoverride", "triggers/File", "triggers/Unincorp", "lock"]) {
		put(name, "");
	}
	put("info/format", "1\n");
	for (const [index, rootPackage] of packages.entries()) {
		const paths = ["/.", ...(tree.pathsOf[index] ?? []).map((path) => `/${path}`)].sort();
		put(`info/${rootPackage.infoName}.list`, Buffer.from(`${paths.join("\n")}\n`, "latin1"));
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
	put("status", `${stanzas.join("\n\n")}\n\n`);
}
