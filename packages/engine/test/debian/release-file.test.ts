import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import { parseRelease } from "../../src/debian/release-file.ts";
import { releaseText, sha256, testNow, type TestSuite } from "./test-archive.ts";

const origin = "dists/trixie/InRelease of the archive 'debian'";
const content = Buffer.from("x");

function text(release: TestSuite["release"] = {}): string {
	return releaseText(
		{ suite: "trixie", archive: "debian", packages: [], release },
		new Map([["main/binary-amd64/Packages.xz", content]]),
	);
}

test("reads what the index needs", (t) => {
	const release = parseRelease(text({ "Valid-Until": "Mon, 02 Mar 2026 01:02:03 UTC" }), {
		suite: "trixie",
		origin,
		now: testNow,
	});
	t.like(release, { suite: "stable", codename: "trixie", acquireByHash: true, separateAll: false });
	t.is(release.date.toISOString(), "2026-02-01T00:00:00.000Z");
	t.is(release.validUntil?.toISOString(), "2026-03-02T01:02:03.000Z");
	t.deepEqual(
		[...release.files.values()],
		[{ path: "main/binary-amd64/Packages.xz", sha256: sha256(content), size: 1 }],
	);
});

test("a suite has two names", (t) => {
	t.notThrows(() => parseRelease(text(), { suite: "stable", origin, now: testNow }));
});

test("packages for all architectures may stand apart", (t) => {
	t.true(
		parseRelease(text({ "No-Support-for-Architecture-all": undefined }), { suite: "trixie", origin, now: testNow })
			.separateAll,
	);
});

const refused: readonly (readonly [string, string, string])[] = [
	[
		"another suite",
		text({ Suite: "oldstable", Codename: "bookworm" }),
		`DEBIAN_WRONG_SUITE: ${origin} is the Release file of 'bookworm', not of 'trixie'`,
	],
	[
		"an expired file",
		text({ "Valid-Until": "Sat, 28 Feb 2026 00:00:00 UTC" }),
		`DEBIAN_RELEASE_EXPIRED: ${origin} was valid until 2026-02-28T00:00:00Z`,
	],
	[
		"a file from the future",
		text({ Date: "Wed, 04 Mar 2026 00:00:00 UTC" }),
		`DEBIAN_RELEASE_FROM_FUTURE: ${origin} was made on 2026-03-04T00:00:00Z, which is to come`,
	],
	["no date", text({ Date: undefined }), `DEBIAN_RELEASE_MALFORMED: ${origin} is no Release file: it has no Date`],
	[
		"a date that is none",
		text({ Date: "tomorrow" }),
		`DEBIAN_RELEASE_MALFORMED: ${origin} is no Release file: its date is 'tomorrow'`,
	],
	[
		"no hashes",
		text().replace("SHA256:", "MD5Sum:"),
		`DEBIAN_RELEASE_MALFORMED: ${origin} is no Release file: it lists no SHA256 hashes`,
	],
	[
		"a path that leaves the suite",
		text().replace("main/binary", "main/../../binary"),
		`DEBIAN_RELEASE_MALFORMED: ${origin} is no Release file: the line '${sha256(content)}        1 main/../../binary-amd64/Packages.xz' of its SHA256 list cannot be read`,
	],
	["another kind of file", "hello", `DEBIAN_RELEASE_MALFORMED: ${origin} is no Release file: it is no control file`],
];

for (const [what, release, message] of refused) {
	test(`refuses ${what}`, (t) => {
		const error = t.throws(() => parseRelease(release, { suite: "trixie", origin, now: testNow }), {
			instanceOf: DiagnosticError,
		});
		t.is(error.message, message);
	});
}
