import { DiagnosticError, renderDiagnostic } from "@devenv/diagnostics";
import test from "ava";
import fc from "fast-check";
import { type LockFile, type LockedDebianInput, type LockedInput, formatLock, parseLock } from "../src/index.ts";
import { readDiagnosticCases } from "./diagnostic-cases.ts";

for (const { name, text, expected } of readDiagnosticCases(new URL("lock-diagnostics.txt", import.meta.url))) {
	test(`refuses a lock that is ${name}`, (t) => {
		const error = t.throws(() => parseLock({ file: "env.lock", content: text }), { instanceOf: DiagnosticError });
		t.is(
			error.diagnostics
				.map((each) => renderDiagnostic(each))
				.join("")
				.trimEnd(),
			expected,
		);
	});
}

const hash = "0123456789abcdef".repeat(4);

const sample: LockFile = {
	inputs: [
		{
			kind: "debian",
			name: "debian",
			url: "debian:trixie",
			indexes: [{ system: "x86_64-linux", narHash: `sha256-${"A".repeat(43)}=` }],
			suites: [
				{
					suite: "trixie",
					archive: "debian",
					date: "2026-11-21T14:03:22Z",
					packages: [
						{ component: "main", path: "dists/trixie/main/binary-amd64/Packages.xz", sha256: hash, size: 9607424 },
					],
				},
			],
		},
	],
};

test("formats a lock one value a line", (t) => {
	t.is(
		formatLock(sample),
		`# The exact package sets of this environment. Commit this file; \`devenv update\` renews it.
inputs:
  debian:
    kind: debian
    url: debian:trixie
    suites:
      - suite: trixie
        archive: debian
        date: 2026-11-21T14:03:22Z
        packages:
          - component: main
            path: dists/trixie/main/binary-amd64/Packages.xz
            sha256: "${hash}"
            size: 9607424
    indexes:
      - system: x86_64-linux
        narHash: sha256-${"A".repeat(43)}=
version: 1
`,
	);
});

test("knows where each input stands", (t) => {
	const { locations } = parseLock({ file: "env.lock", content: formatLock(sample) });
	t.deepEqual([locations.get("debian")?.line, locations.get("debian")?.lineText], [5, "    url: debian:trixie"]);
});

test("every truncation of a lock is refused", (t) => {
	const text = formatLock(sample);
	for (let end = 0; end < text.length - 2; end++) {
		t.throws(() => parseLock({ file: "env.lock", content: text.slice(0, end) }), { instanceOf: DiagnosticError });
	}
});

const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const text64 = fc.stringMatching(/^[0-9a-f]{64}$/);
const name = fc.oneof(word, fc.constantFrom("true", "null", "No", "constructor"));
const narHash = fc.stringMatching(/^[A-Za-z0-9+/]{43}$/).map((each) => `sha256-${each}=`);
const tree: fc.Arbitrary<LockedInput> = fc.record(
	{
		kind: fc.constant("tree" as const),
		name,
		url: word.map((path) => `path:../${path}`),
		rev: fc.oneof(fc.stringMatching(/^[0-9a-f]{40}$/), fc.constant("1".repeat(40))),
		date: fc.constant("2026-11-01T12:00:00Z"),
		narHash,
	},
	{ requiredKeys: ["kind", "name", "url", "narHash"] },
);
const debian: fc.Arbitrary<LockedInput> = fc.record({
	kind: fc.constant("debian" as const),
	name,
	url: word.map((suite) => `debian:${suite}`),
	indexes: fc.uniqueArray(
		fc.record({
			system: fc.constantFrom("x86_64-linux", "aarch64-linux"),
			narHash: fc.stringMatching(/^[A-Za-z0-9+/]{43}$/).map((each) => `sha256-${each}=`),
		}),
		{ selector: ({ system }) => system, maxLength: 2 },
	),
	suites: fc.uniqueArray(
		fc.record({
			suite: word,
			archive: fc.constantFrom("debian", "debian-security"),
			date: fc
				.date({ min: new Date("1996-01-01"), max: new Date("2999-01-01"), noInvalidDate: true })
				.map((date) => `${date.toISOString().slice(0, 19)}Z`),
			packages: fc.uniqueArray(
				fc.record({
					component: fc.oneof(word, fc.constantFrom("true", "null")),
					path: fc.oneof(word, fc.stringMatching(/^[0-9]{1,5}(\.[0-9]{1,3})?$/), fc.constant("dists/a+b~1/x")),
					sha256: fc.oneof(text64, fc.constant("1".repeat(64)), fc.constant(`${"1".repeat(32)}e${"1".repeat(31)}`)),
					size: fc.maxSafeNat(),
				}),
				{ selector: ({ component, path }) => `${component} ${path}`, maxLength: 3 },
			),
		}),
		{ selector: ({ suite }) => suite, maxLength: 3 },
	),
});
const lockFile: fc.Arbitrary<LockFile> = fc.record({
	inputs: fc.uniqueArray(fc.oneof(debian, tree), { selector: ({ name }) => name, maxLength: 3 }),
});

test("parsing inverts formatting, and formatting is canonical", (t) => {
	fc.assert(
		fc.property(lockFile, (lock) => {
			const text = formatLock(lock);
			const { lock: parsed } = parseLock({ file: "env.lock", content: text });
			t.deepEqual(sortLock(parsed), sortLock(lock));
			t.is(formatLock(parsed), text);
		}),
		{ numRuns: 200 },
	);
});

function sortLock(lock: LockFile): unknown {
	const by = <T>(entries: readonly T[], keyOf: (entry: T) => string): T[] =>
		[...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
	const sortDebian = (input: LockedDebianInput): unknown => ({
		...input,
		indexes: by(input.indexes, ({ system }) => system),
		suites: by(input.suites, ({ suite }) => suite).map((suite) => ({
			...suite,
			packages: by(suite.packages, ({ component, path }) => `${component}\0${path}`),
		})),
	});
	return by(lock.inputs, (input) => input.name).map((input) => (input.kind === "tree" ? input : sortDebian(input)));
}
