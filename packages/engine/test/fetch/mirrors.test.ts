import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { DiagnosticError } from "@devenv/diagnostics";
import {
	debianMirrors,
	parseAptList,
	parseAptSources,
	readAptMirrors,
	resolveMirror,
	snapshotArchive,
} from "../../src/fetch/mirrors.ts";

test("reads one-line sources", (t) => {
	const text = [
		"# deb http://commented.invalid/debian trixie main",
		"deb http://one.invalid/debian trixie main contrib",
		"deb [arch=amd64 signed-by=/a] https://two.invalid/debian-security trixie-security main",
		"deb-src http://three.invalid/debian trixie main",
		"nonsense",
	].join("\n");
	t.deepEqual(parseAptList(text), [
		{ uris: ["http://one.invalid/debian"], suites: ["trixie"] },
		{ uris: ["https://two.invalid/debian-security"], suites: ["trixie-security"] },
	]);
});

test("reads deb822 sources", (t) => {
	const text = [
		"Types: deb deb-src",
		"# a comment",
		"URIs: http://one.invalid/debian",
		"  http://two.invalid/debian",
		"Suites: trixie trixie-updates",
		"",
		"Types: deb",
		"URIs: http://off.invalid/debian",
		"Suites: trixie",
		"Enabled: no",
		"",
		"Types: deb-src",
		"URIs: http://source.invalid/debian",
		"Suites: trixie",
	].join("\n");
	t.deepEqual(parseAptSources(text), [
		{ uris: ["http://one.invalid/debian", "http://two.invalid/debian"], suites: ["trixie", "trixie-updates"] },
	]);
});

test("tells Debian's archives from others", (t) => {
	const mirrors = debianMirrors([
		{ uris: ["http://mirror.invalid/debian/"], suites: ["bookworm"] },
		{ uris: ["http://mirror.invalid/debian-security"], suites: ["bookworm-security"] },
		{ uris: ["http://company.invalid/apt"], suites: ["trixie"] },
		{ uris: ["http://company.invalid/fixes"], suites: ["trixie-security"] },
		{ uris: ["http://mirror.invalid/ubuntu"], suites: ["noble"] },
		{ uris: ["https://vendor.invalid/repo"], suites: ["nodistro"] },
		{ uris: ["cdrom:[Debian]/"], suites: ["trixie"] },
	]);
	t.deepEqual(Object.fromEntries(mirrors), {
		debian: ["http://mirror.invalid/debian", "http://company.invalid/apt"],
		"debian-security": ["http://mirror.invalid/debian-security", "http://company.invalid/fixes"],
	});
});

test("reads the machine's configuration, lists of mirrors included", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-apt-test-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true });
	});
	mkdirSync(join(folder, "sources.list.d"));
	writeFileSync(join(folder, "mirrors"), "http://a.invalid/debian\tpriority:1\nhttp://b.invalid/debian\n");
	writeFileSync(join(folder, "sources.list"), `deb mirror+file:${folder}/mirrors trixie main\n`);
	writeFileSync(join(folder, "sources.list.d/x.list"), "deb http://c.invalid/debian trixie main\n");
	writeFileSync(join(folder, "sources.list.d/x.list.disabled"), "deb http://d.invalid/debian trixie main\n");
	writeFileSync(
		join(folder, "sources.list.d/y.sources"),
		"Types: deb\nURIs: http://e.invalid/debian\nSuites: trixie\n",
	);
	t.deepEqual(readAptMirrors(folder).get("debian"), [
		"http://a.invalid/debian",
		"http://b.invalid/debian",
		"http://c.invalid/debian",
		"http://e.invalid/debian",
	]);
	t.is(readAptMirrors(join(folder, "none")).size, 0);
});

const settings = {
	user: new Map([["debian", ["http://mine.invalid/debian"]]]),
	apt: new Map([
		["debian", ["http://apt.invalid/debian", "http://mine.invalid/debian/"]],
		["snapshot", ["https://past.invalid/archive"]],
	]),
};

test("the user's mirror comes first, then apt's, then the snapshot archive", (t) => {
	t.deepEqual(resolveMirror("mirror://debian/pool/a.deb", settings, { moment: "20260901T000000Z", only: false }), [
		"http://mine.invalid/debian/pool/a.deb",
		"http://apt.invalid/debian/pool/a.deb",
		"https://past.invalid/archive/debian/20260901T000000Z/pool/a.deb",
	]);
});

test("the snapshot archive is the one that apt knows", (t) => {
	const dump = [
		'Acquire::Snapshots::URI::Origin::Ubuntu "https://other.invalid/ubuntu/@SNAPSHOTID@/";',
		'Acquire::Snapshots::URI::Origin::Debian "https://past.invalid/archive/debian/@SNAPSHOTID@/";',
	].join("\n");
	t.is(snapshotArchive(dump), "https://past.invalid/archive");
	t.is(snapshotArchive('Acquire::Languages "";'), undefined);
});

test("any other URL stands for itself", (t) => {
	t.deepEqual(resolveMirror("https://host.invalid/a", settings), ["https://host.invalid/a"]);
});

test("an archive without a mirror is an error that says where to name one", (t) => {
	const error = t.throws(() => resolveMirror("mirror://gnu/x", settings), { instanceOf: DiagnosticError });
	t.is(error.diagnostics[0]?.code, "FETCH_NO_MIRROR");
	t.regex(error.diagnostics[0]?.hint ?? "", /gnu: \[<address>\]/);
});

test("where only the main archive is configured, the security archive is looked for beside it", (t) => {
	const apt = new Map([["debian", ["http://apt.invalid/debian/", "http://apt.invalid/other"]]]);
	t.deepEqual(resolveMirror("mirror://debian-security/pool/a.deb", { user: new Map(), apt }), [
		"http://apt.invalid/debian-security/pool/a.deb",
	]);
	const both = new Map([...apt, ["debian-security", ["http://security.invalid"]]]);
	t.deepEqual(resolveMirror("mirror://debian-security/pool/a.deb", { user: new Map(), apt: both }), [
		"http://security.invalid/pool/a.deb",
	]);
});

test("the past is asked of snapshot archives alone, and refused where none is known", (t) => {
	const mirrors = new Map([["debian", ["http://mirror.invalid/debian"]]]);
	const past = { moment: "20260901T000000Z", only: true };
	const known = { user: new Map([["snapshot", ["http://past.invalid/archive"]]]), apt: mirrors };
	t.deepEqual(resolveMirror("mirror://debian/dists/trixie/InRelease", known, past), [
		"http://past.invalid/archive/debian/20260901T000000Z/dists/trixie/InRelease",
	]);
	const error = t.throws(() => resolveMirror("mirror://debian/x", { user: new Map(), apt: mirrors }, past), {
		instanceOf: DiagnosticError,
	});
	t.is(error.diagnostics[0]?.code, "FETCH_NO_SNAPSHOT");
});
