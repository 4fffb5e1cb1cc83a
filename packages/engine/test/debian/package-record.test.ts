import test from "ava";
import { DiagnosticError } from "@devenv/diagnostics";
import { parsePackages } from "../../src/debian/package-record.ts";
import { packagesText, recordsOf, type TestPackage } from "./stanzas.ts";

const origin = {
	archive: "debian",
	suite: "trixie",
	path: "dists/trixie/main/binary-amd64/Packages.xz",
	architecture: "amd64",
} as const;

test("reads the fields that the index keeps", (t) => {
	const text = `Package: jq
Version: 1.7.1-6
Installed-Size: 125
Maintainer: J\u00fcrgen \u4f8b <someone@example.org>
Architecture: amd64
Depends: libc6 (>= 2.38),
 libjq1 (= 1.7.1-6)
Description: JSON processor \u2013 small
 A long description
 that is not kept.
Multi-Arch: foreign
Section: utils
Priority: optional
Filename: pool/main/j/jq/jq_1.7.1-6_amd64.deb
Size: 78792
SHA256: ${"4".repeat(64)}
`;
	t.deepEqual(parsePackages(Buffer.from(text).toString("latin1"), origin), [
		{
			name: "jq",
			version: "1.7.1-6",
			architecture: "amd64",
			archive: "debian",
			suite: "trixie",
			filename: "pool/main/j/jq/jq_1.7.1-6_amd64.deb",
			sha256: "4".repeat(64),
			size: 78792,
			installedSize: 128000,
			essential: false,
			multiArch: "foreign",
			priority: "optional",
			section: "utils",
			source: "jq",
			homepage: "",
			description: "JSON processor \u2013 small",
			preDepends: "",
			depends: "libc6 (>= 2.38),\n libjq1 (= 1.7.1-6)",
			recommends: "",
			provides: "",
			conflicts: "",
			breaks: "",
		},
	]);
});

test("stanzas are separated by empty lines; the last needs none", (t) => {
	t.deepEqual(
		recordsOf([{ Package: "aa" }, { Package: "bb", Source: "cc (1.0)" }]).map((each) => [each.name, each.source]),
		[
			["aa", "aa"],
			["bb", "cc"],
		],
	);
	t.deepEqual(parsePackages("\n\n", origin), []);
});

const faults: readonly (readonly [string, TestPackage | string, string])[] = [
	["a package name", { Package: "../etc" }, "package '../etc' has Package '../etc'"],
	["a version", { Package: "aa", Version: "1.0; rm" }, "package 'aa' has Version '1.0; rm'"],
	["a hash", { Package: "aa", SHA256: "abc" }, "package 'aa' has SHA256 'abc'"],
	["a path", { Package: "aa", Filename: "pool/../../x.deb" }, "package 'aa' has Filename 'pool/../../x.deb'"],
	["another architecture", { Package: "aa", Architecture: "i386" }, "package 'aa' is for architecture 'i386'"],
	["a line", "<html>\n", "no field in line '<html>'"],
	["a stanza without fields", "Package: aa\n", "package 'aa' has Version ''"],
];

for (const [what, input, message] of faults) {
	test(`refuses ${what} that cannot be`, (t) => {
		const text = typeof input === "string" ? input : packagesText([input]);
		const error = t.throws(() => parsePackages(text, origin), { instanceOf: DiagnosticError });
		t.is(
			error.message,
			`DEBIAN_PACKAGES_MALFORMED: dists/trixie/main/binary-amd64/Packages.xz of the archive 'debian' cannot be read: ${message}`,
		);
	});
}
