/** Packages files for tests, written from a few fields per package. */

import { createHash } from "node:crypto";
import { parsePackages, type PackageRecord } from "../../src/debian/package-record.ts";

/** Fields that differ from what {@link packagesText} fills in; `Package` is needed. */
export type TestPackage = { readonly Package: string } & Readonly<Record<string, string>>;

/** A Packages file in the form in which Debian writes it. */
export function packagesText(packages: readonly TestPackage[]): string {
	return packages
		.map((each) => {
			const { Package: name, ...others } = each;
			const version = each["Version"] ?? "1.0-1";
			const architecture = each["Architecture"] ?? "amd64";
			const fields: Record<string, string> = {
				Package: name,
				Version: version,
				"Installed-Size": "10",
				Maintainer: "Nobody <nobody@example.org>",
				Architecture: architecture,
				Description: `the test package ${name}`,
				Section: "misc",
				Priority: "optional",
				Filename: `pool/main/${name.slice(0, 1)}/${name}/${name}_${version.replace(/^\d+:/, "")}_${architecture}.deb`,
				Size: "1000",
				SHA256: createHash("sha256").update(`${name} ${version}`).digest("hex"),
				...others,
			};
			return Object.entries(fields)
				.map(([key, value]) => `${key}: ${value}\n`)
				.join("");
		})
		.join("\n");
}

export function recordsOf(packages: readonly TestPackage[]): PackageRecord[] {
	return parsePackages(packagesText(packages), {
		archive: "debian",
		suite: "trixie",
		path: "dists/trixie/main/binary-amd64/Packages.xz",
		architecture: "amd64",
	});
}
