/** Mirrors that are down, lie or break off: one diagnostic, nothing written, and the next run works. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { contentsOf, storeFaults, withoutProgress } from "./aftermath.ts";
import { FaultyMirror, flipByte } from "./faulty-mirror.ts";
import { Installation } from "./installation.ts";

const installation = new Installation();
const mirror = await FaultyMirror.startFor(installation);

test.after.always(async () => {
	await installation.remove();
	await mirror.close();
});

/** Standard error with what differs from machine to machine replaced. */
function comparable(stderr: string): string {
	return withoutProgress(stderr)
		.replaceAll(mirror.address, "MIRROR")
		.replaceAll(/https?:\/\/[^ ]*?\/(debian(?:-security)?)\//g, "APT/$1/")
		.replaceAll(/sha256-[A-Za-z0-9+/=]{44}/g, "HASH")
		.replaceAll(/\b[0-9a-f]{64}\b/g, "HASH")
		.replaceAll(/(?: {2}note: key [0-9A-F]{16}: (.*)\n)+/g, "  note: key KEY: $1\n")
		.replaceAll(/pool\/[^ ']*\.deb/g, "DEB")
		.replaceAll(/\b\d{4}-\d\d-\d\dT[0-9:]{8}Z/g, "DATE")
		.replaceAll(/\b\d+ (of|bytes)/g, "N $1")
		.replaceAll(/instead of \d+/g, "instead of N");
}

interface Case {
	readonly name: string;
	/** Brings the mirror into a bad state. */
	readonly breakMirror: () => void | Promise<void>;
	readonly diagnostic: readonly string[];
}

async function mendMirror(): Promise<void> {
	mirror.clear();
	if (!mirror.listening) await mirror.listen();
}

const place = [
	"  --> env.yaml:1:26",
	" 1 | inputs: { debian: { url: 'debian:trixie?components=contrib' } }",
	"   |                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
];
const checkNetwork = "  help: check the network (and http_proxy), or name another mirror in the user configuration";
const release = "dists/trixie/InRelease";
const releaseFile = /trixie\/InRelease$/;
const packages = "dists/trixie/contrib/binary-amd64/by-hash/SHA256/HASH";
const packagesFile = /trixie\/contrib\/binary-amd64\//;

/** The same reason from the mirror of the user configuration and from apt's. */
function fromBoth(path: string, reason: string): string[] {
	return [`  note: MIRROR/debian/${path}: ${reason}`, `  note: APT/debian/${path}: ${reason}`];
}

const lockingCases: readonly Case[] = [
	{
		name: "a mirror that is down",
		breakMirror: () => mirror.unlisten(),
		diagnostic: [
			`error[FETCH_FAILED]: cannot fetch 'mirror://debian/${release}': the connection was refused`,
			...place,
			...fromBoth(release, "the connection was refused"),
			checkNetwork,
		],
	},
	{
		name: "a mirror that fails",
		breakMirror: () => mirror.inject(/./, { kind: "status", status: 500 }),
		diagnostic: [
			`error[FETCH_FAILED]: cannot fetch 'mirror://debian/${release}': HTTP status 500 (Internal Server Error)`,
			...place,
			...fromBoth(release, "HTTP status 500 (Internal Server Error)"),
			checkNetwork,
		],
	},
	{
		name: "a mirror that has nothing",
		breakMirror: () => mirror.inject(/./, { kind: "status", status: 404 }),
		diagnostic: [
			"error[DEBIAN_UNKNOWN_SUITE]: the archive 'debian' has no suite 'trixie'",
			...place,
			"  help: Suites are named by codename, for example debian:trixie, debian:bookworm or debian:sid.",
		],
	},
	{
		name: "an InRelease file that was changed after it was signed",
		breakMirror: () => mirror.inject(releaseFile, { kind: "alter", alter: flipByte }),
		diagnostic: [
			`error[DEBIAN_SIGNATURE_BAD]: the signature of ${release} of the archive 'debian' is wrong`,
			...place,
			"  note: key KEY: Signed digest did not match",
			"  help: The file was changed after Debian signed it: choose another mirror.",
		],
	},
	{
		name: "a page of something between in place of the InRelease file",
		breakMirror: () => mirror.inject(releaseFile, { kind: "alter", alter: () => Buffer.from("<html>Log in</html>\n") }),
		diagnostic: [
			`error[DEBIAN_SIGNATURE_MISSING]: ${release} of the archive 'debian' is not signed`,
			...place,
			"  note: Misformed armored text",
			"  help: The mirror is broken or something stands between it and this machine: try again or choose another mirror.",
		],
	},
	{
		name: "an InRelease file that breaks off",
		breakMirror: () => mirror.inject(releaseFile, { kind: "truncate" }),
		diagnostic: [
			`error[FETCH_TRUNCATED]: cannot fetch 'mirror://debian/${release}': the connection ended after N of N bytes`,
			...place,
			...fromBoth(release, "the connection ended after N of N bytes"),
			checkNetwork,
		],
	},
	{
		name: "a Packages file with another hash",
		breakMirror: () => mirror.inject(packagesFile, { kind: "alter", alter: flipByte }),
		diagnostic: [
			`error[FETCH_HASH_MISMATCH]: 'mirror://debian/${packages}' is not the file that was asked for: its hash is HASH instead of HASH`,
			...place,
			...fromBoth(packages, "its hash is HASH instead of HASH"),
			"  help: the mirror is out of date or was tampered with: try another mirror; if upstream changed the file, update the hash",
		],
	},
	{
		name: "a Packages file that is too short",
		breakMirror: () => mirror.inject(packagesFile, { kind: "alter", alter: (content) => content.subarray(0, 500) }),
		diagnostic: [
			`error[FETCH_TRUNCATED]: 'mirror://debian/${packages}' is not the file that was asked for: it is N bytes long instead of N`,
			...place,
			...fromBoth(packages, "it is N bytes long instead of N"),
			"  help: try another mirror",
		],
	},
	{
		name: "a Packages file that is missing",
		breakMirror: () => mirror.inject(packagesFile, { kind: "status", status: 404 }),
		diagnostic: [
			"error[DEBIAN_PACKAGES_GONE]: no mirror has dists/trixie/contrib/binary-amd64/Packages.xz as it was on DATE",
			...place,
			"  help: Mirrors keep indexes for a few days only: name a snapshot archive in the user configuration, or run 'devenv update'.",
		],
	},
];

for (const [index, { name, breakMirror, diagnostic }] of lockingCases.entries()) {
	test.serial(`network: locking with ${name}`, async (t) => {
		// The smallest component locks in a moment.
		const project = installation.project(`locking-${index}`, {
			"env.yaml": "inputs: { debian: { url: 'debian:trixie?components=contrib' } }\n",
		});
		const before = contentsOf(project);
		// Else the index that the last case left in the store would do, and nothing but Release files be fetched.
		rmSync(join(installation.home, "cache/indexes"), { recursive: true, force: true });
		await breakMirror();
		const { code, stderr } = await installation.devenv(["update"], { cwd: project });
		await mendMirror();
		t.is(comparable(stderr), `${diagnostic.join("\n")}\n`);
		t.is(code, 1);
		t.deepEqual(contentsOf(project), before);
		const next = await installation.devenv(["update"], { cwd: project });
		t.is(next.code, 0, next.stderr);
		t.regex(next.stdout, /^Updated env\.lock:\n {2}debian {2}\(new\) → /);
	});
}

const project = installation.project("project", { "env.yaml": "packages: [hello]\n" });

test.serial("network: a project locks, fetches and enters through the mirror", async (t) => {
	t.timeout(600_000);
	const { code, stdout, stderr } = await installation.devenv(["shell", "--", "hello", "-g", "entered"], {
		cwd: project,
	});
	t.is(code, 0, stderr);
	t.is(stdout, "entered\n");
});

/** Each fetches one package that the store does not have. */
const fetchingCases: readonly (Case & { readonly package: string })[] = [
	{
		name: "a mirror that is down",
		package: "figlet",
		breakMirror: () => mirror.unlisten(),
		diagnostic: [
			"error[FETCH_FAILED]: cannot fetch 'mirror://debian/DEB': the connection was refused",
			...fromBoth("DEB", "the connection was refused"),
			checkNetwork,
		],
	},
	{
		name: "a package that no mirror has any more",
		package: "tree",
		breakMirror: () => mirror.inject(/\.deb$/, { kind: "status", status: 404 }),
		diagnostic: [
			"error[FETCH_NOT_FOUND]: no server has 'mirror://debian/DEB'",
			...fromBoth("DEB", "HTTP status 404 (Not Found)"),
			"  help: old versions leave the mirrors: 'devenv update' pins what they have now",
		],
	},
	{
		name: "a package with other bytes",
		package: "ed",
		breakMirror: () => mirror.inject(/\.deb$/, { kind: "alter", alter: flipByte }),
		diagnostic: [
			"error[FETCH_HASH_MISMATCH]: 'mirror://debian/DEB' is not the file that was asked for: its hash is HASH instead of HASH",
			...fromBoth("DEB", "its hash is HASH instead of HASH"),
			"  help: the mirror is out of date or was tampered with: try another mirror; if upstream changed the file, update the hash",
		],
	},
	{
		name: "a package that is too short",
		package: "pv",
		breakMirror: () => mirror.inject(/\.deb$/, { kind: "alter", alter: (content) => content.subarray(0, 1000) }),
		diagnostic: [
			"error[FETCH_HASH_MISMATCH]: 'mirror://debian/DEB' is not the file that was asked for: its hash is HASH instead of HASH",
			...fromBoth("DEB", "its hash is HASH instead of HASH"),
			"  help: the mirror is out of date or was tampered with: try another mirror; if upstream changed the file, update the hash",
		],
	},
	{
		name: "a package that breaks off",
		package: "bsdgames",
		breakMirror: () => mirror.inject(/\.deb$/, { kind: "truncate" }),
		diagnostic: [
			"error[FETCH_TRUNCATED]: cannot fetch 'mirror://debian/DEB': the connection ended after N of N bytes",
			...fromBoth("DEB", "the connection ended after N of N bytes"),
			checkNetwork,
		],
	},
];

for (const { name, package: wanted, breakMirror, diagnostic } of fetchingCases) {
	test.serial(`network: fetching with ${name}`, async (t) => {
		t.timeout(120_000);
		installation.write(join(project, "env.yaml"), `packages: [hello, ${wanted}]\n`);
		const before = contentsOf(project);
		await breakMirror();
		const { code, stderr } = await installation.devenv(["shell", "--", "true"], { cwd: project });
		await mendMirror();
		t.is(comparable(stderr), `${diagnostic.join("\n")}\n`);
		t.is(code, 1);
		t.deepEqual(contentsOf(project), before);
		const next = await installation.devenv(["shell", "--", "cat", `/var/lib/dpkg/info/${wanted}.list`], {
			cwd: project,
		});
		t.is(next.code, 0, next.stderr);
		t.true(next.stdout.startsWith("/.\n"), next.stdout);
	});
}

test.serial("network: a bad mirror of the user configuration does not matter where apt's has the file", async (t) => {
	t.timeout(120_000);
	installation.write(join(project, "env.yaml"), "packages: [hello, sl]\n");
	mirror.inject(/^direct:/, { kind: "alter", alter: flipByte });
	const { code, stdout, stderr } = await installation.devenv(["shell", "--", "sh", "-c", "command -v sl"], {
		cwd: project,
	});
	await mendMirror();
	t.is(code, 0, stderr);
	t.is(stdout, "/usr/games/sl\n");
	t.is(withoutProgress(stderr), "");
});

test.serial("network: after all of this the store is sound", async (t) => {
	t.timeout(120_000);
	t.deepEqual(await storeFaults(join(installation.home, "root")), []);
});
