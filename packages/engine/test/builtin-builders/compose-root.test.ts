import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { treeDigest, Workshop } from "./synthetic-packages.ts";

let workshop: Workshop;

test.before(async () => {
	workshop = await Workshop.open();
});
test.after.always(() => {
	workshop.remove();
});

function text(root: string, path: string): string {
	return readFileSync(join(root, path), "utf8");
}

async function refused(t: ExecutionContext, compose: () => Promise<string>): Promise<Diagnostic> {
	const error = await t.throwsAsync(compose, { instanceOf: DiagnosticError });
	const [diagnostic] = error.diagnostics;
	if (diagnostic === undefined) throw new Error("no diagnostic");
	return diagnostic;
}

test("merges packages and completes the layout", async (t) => {
	const a = workshop.add({
		name: "aa",
		files: { "usr/share/aa/x": "x", "etc/aa.conf": "conf", "var/lib/aa/state": "s" },
	});
	const b = workshop.add({ name: "bb", files: { "usr/share/bb/link": "-> ../aa/x", "usr/lib/bb/": "" } });
	const root = await workshop.compose([a, b], { links: { "/usr/bin/alias": "sh", "/opt/x/y": "/usr/share/aa" } });
	t.is(text(root, "usr/share/aa/x"), "x");
	t.is(text(root, "usr/share/bb/link"), "x");
	// No script runs here, so that nothing can be written through a shared inode.
	t.is(statSync(join(root, "usr/share/aa/x")).ino, statSync(join(a, "usr/share/aa/x")).ino);
	for (const path of ["etc/aa.conf", "var/lib/aa/state"]) {
		t.not(statSync(join(root, path)).ino, statSync(join(a, path)).ino, `${path} is a copy`);
	}
	for (const name of ["bin", "lib"]) t.is(readlinkSync(join(root, name)), `usr/${name}`);
	for (const name of ["tmp", "run", "proc", "dev", "home", "root", "usr/share/man/man1"]) {
		t.true(statSync(join(root, name)).isDirectory(), name);
	}
	t.is(readlinkSync(join(root, "usr/bin/alias")), "sh");
	t.is(readlinkSync(join(root, "opt/x/y")), "/usr/share/aa");
	t.false(existsSync(join(root, "var/lib/devenv")));
});

test("optional links lie only where the root has nothing, and stay inside of it", async (t) => {
	const a = workshop.add({ name: "aa", files: { "usr/share/aa/x": "x", "usr/share/link": "-> aa" } });
	const root = await workshop.compose([a], {
		optionalLinks: {
			"/usr/share/aa": "/elsewhere",
			"/usr/share/aa/x": "/elsewhere",
			"/usr/share/aa/x/below-a-file": "/elsewhere",
			"/usr/share/link/through": "/elsewhere",
			"/usr/share/aa/y": "/elsewhere/y",
			"/usr/share/bb/cc/dd": "/elsewhere/dd",
		},
	});
	t.is(text(root, "usr/share/aa/x"), "x");
	t.false(existsSync(join(a, "usr/share/aa/through")));
	t.deepEqual(readdirSync(join(root, "usr/share/aa")).sort(), ["x", "y"]);
	t.is(readlinkSync(join(root, "usr/share/aa/y")), "/elsewhere/y");
	t.is(readlinkSync(join(root, "usr/share/bb/cc/dd")), "/elsewhere/dd");
	t.is(statSync(join(root, "usr/share/bb/cc")).mode & 0o777, 0o755);
});

test("writes dpkg's database", async (t) => {
	const a = workshop.add({
		name: "aa",
		version: "2:1.5-1",
		files: { "usr/share/aa/x": "x" },
		fields: ["Multi-Arch: same", "Architecture: amd64"],
	});
	const root = await workshop.compose([a]);
	t.regex(text(root, "var/lib/dpkg/status"), /^Package: aa\nStatus: install ok installed\nVersion: 2:1\.5-1\n/);
	t.is(text(root, "var/lib/dpkg/info/aa:amd64.list"), "/.\n/usr\n/usr/share\n/usr/share/aa\n/usr/share/aa/x\n");
});

test("runs scripts in order, as dpkg calls them", async (t) => {
	const record =
		'printf "%s %s <%s> <%s> %s\\n" "$DPKG_MAINTSCRIPT_PACKAGE" "$DPKG_MAINTSCRIPT_NAME" "$1" "$2" "$#" >>/order; id -u >>/order';
	const bb = workshop.add({ name: "bb", postinst: record });
	const cc = workshop.add({ name: "cc" });
	const aa = workshop.add({ name: "aa", postinst: record });
	const root = await workshop.compose([bb, cc, aa]);
	t.is(text(root, "order"), "bb postinst <configure> <> 2\n0\naa postinst <configure> <> 2\n0\n");
});

test("of a cycle, packages without a script count as configured first", async (t) => {
	const script = 'cat /usr/share/cc/there; echo "$DPKG_MAINTSCRIPT_PACKAGE" >>/order';
	const aa = workshop.add({ name: "aa", postinst: script, fields: ["Depends: cc"] });
	const cc = workshop.add({ name: "cc", files: { "usr/share/cc/there": "" } });
	const bb = workshop.add({ name: "bb", postinst: script, fields: ["Depends: cc (>= 1), aa"] });
	const member = (path: string, name: string) => ({ name, version: "1", path });
	const root = await workshop.compose([], {
		packages: [member(workshop.userland, "userland"), [member(aa, "aa"), member(cc, "cc"), member(bb, "bb")]],
	});
	t.is(text(root, "order"), "aa\nbb\n");
});

test("scripts never write to a package's files, with any sandbox", async (t) => {
	for (const sandbox of workshop.sandboxes) {
		const aa = workshop.add({
			name: "aa",
			files: { "usr/share/aa/file": "original", "usr/share/aa/gone": "x", "usr/share/aa/folder/x": "x" },
			postinst: [
				"echo bad >/usr/share/aa/file",
				"chmod 755 /usr/share/aa/file",
				"rm /usr/share/aa/gone",
				"rm -r /usr/share/aa/folder",
				"mkdir /usr/share/aa/folder",
				"echo new >/usr/share/aa/folder/new",
				"ln /usr/share/aa/file /usr/share/aa/hard",
			].join("\n"),
		});
		const root = await workshop.compose([aa], {}, sandbox);
		t.is(text(aa, "usr/share/aa/file"), "original", sandbox.kind);
		t.is(statSync(join(aa, "usr/share/aa/file")).mode & 0o111, 0);
		t.true(existsSync(join(aa, "usr/share/aa/gone")));
		t.is(text(root, "usr/share/aa/file"), "bad\n");
		t.is(text(root, "usr/share/aa/hard"), "bad\n");
		t.false(existsSync(join(root, "usr/share/aa/gone")));
		t.false(existsSync(join(root, "usr/share/aa/folder/x")));
		t.is(text(root, "usr/share/aa/folder/new"), "new\n");
	}
});

test("scripts see neither the host nor the network, and leave nothing in /tmp and /run", async (t) => {
	const aa = workshop.add({
		name: "aa",
		postinst: `if [ -e ${workshop.folder} ]; then echo sees the host; exit 1; fi
grep -c : /proc/net/dev >/devices
echo x >/tmp/x; echo x >/run/x; echo x >/var/log/x; echo x >/var/cache/x
chown 12:34 /devices; mknod /dev/x c 1 3; chmod 4755 /devices`,
	});
	const root = await workshop.compose([aa]);
	t.is(text(root, "devices"), "1\n");
	t.is(statSync(join(root, "devices")).mode & 0o6000, 0);
	for (const path of ["tmp/x", "run/x", "run/devenv", "var/log/x", "dev/x"])
		t.false(existsSync(join(root, path)), path);
	t.true(existsSync(join(root, "var/cache/x")));
});

test("a failing script fails the root, with its name and the end of its output", async (t) => {
	const aa = workshop.add({
		name: "aa",
		postinst: 'i=0; while [ $i -lt 40 ]; do i=$((i + 1)); echo "line $i"; done; exit 3',
	});
	const diagnostic = await refused(t, () => workshop.compose([aa]));
	t.is(diagnostic.code, "COMPOSE_SCRIPT_FAILED");
	t.is(diagnostic.message, "the postinst of 'aa' failed with status 3");
	const [note] = diagnostic.notes ?? [];
	t.true(note?.message.startsWith("line 21\n"));
	t.true(note?.message.endsWith("line 40"));
	t.regex(diagnostic.hint ?? "", /allowFailure/);
});

test("what scripts make unreadable can be read, and what is no file is left out", async (t) => {
	const aa = workshop.add({
		name: "aa",
		files: { "usr/share/aa/x": "x" },
		postinst:
			"echo secret >/etc/secret; chmod 0 /etc/secret; mkdir /etc/closed; echo x >/etc/closed/x; chmod 0 /etc/closed; mknod /etc/fifo p",
	});
	for (const sandbox of workshop.sandboxes) {
		const root = await workshop.compose([aa], {}, sandbox);
		t.is(statSync(join(root, "etc/secret")).mode & 0o400, 0o400);
		t.is(statSync(join(root, "etc/closed")).mode & 0o700, 0o700);
		t.is(text(root, "etc/closed/x"), "x\n");
		t.false(existsSync(join(root, "etc/fifo")));
	}
});

test("a failing script is passed over when named, a skipped one not run", async (t) => {
	const aa = workshop.add({ name: "aa", postinst: "echo ran >/aa; exit 1" });
	const bb = workshop.add({ name: "bb", postinst: "echo ran >/bb; exit 1" });
	const cc = workshop.add({ name: "cc", postinst: "echo ran >/cc" });
	const root = await workshop.compose([aa, bb, cc], { maintainerScripts: { allowFailure: ["aa"], skip: ["bb"] } });
	t.deepEqual(
		[existsSync(join(root, "aa")), existsSync(join(root, "bb")), existsSync(join(root, "cc"))],
		[true, false, true],
	);
});

test("a script that cannot be started is a failure too", async (t) => {
	const aa = workshop.add({ name: "aa", control: { postinst: "#!/bin/sh\n" } });
	t.is((await refused(t, () => workshop.compose([aa]))).message, "the postinst of 'aa' failed with status 126");
});

test("all scripts together have a time limit", async (t) => {
	const aa = workshop.add({ name: "aa", postinst: "sleep 98766" });
	const diagnostic = await refused(t, () => workshop.compose([aa], { maintainerScripts: { timeout: 12 } }));
	t.is(diagnostic.code, "COMPOSE_TIMEOUT");
	t.is(diagnostic.message, "the postinst of 'aa' took too long");
});

test("pending triggers run after the last configuration", async (t) => {
	const log = 'echo "$DPKG_MAINTSCRIPT_PACKAGE $1 $2" >>/order';
	const early = workshop.add({ name: "early", postinst: "dpkg-trigger --no-await by-call" });
	const watcher = workshop.add({
		name: "watcher",
		postinst: log,
		control: {
			triggers: "interest-noawait by-name\ninterest by-call\ninterest /usr/share/things\n# interest commented\n",
		},
	});
	const giver = workshop.add({ name: "giver", postinst: log, control: { triggers: "activate-noawait by-name\n" } });
	const caller = workshop.add({ name: "caller", postinst: "dpkg-trigger /usr/share/things/one" });
	const root = await workshop.compose([early, watcher, giver, caller]);
	t.is(
		text(root, "order"),
		"watcher configure \ngiver configure \nwatcher triggered by-name by-call /usr/share/things\n",
	);
});

test("a trigger that was activated before its package is configured is not pending", async (t) => {
	const giver = workshop.add({ name: "giver", postinst: ":", control: { triggers: "activate by-name\n" } });
	const watcher = workshop.add({
		name: "watcher",
		postinst: 'echo "$1" >>/order',
		control: { triggers: "interest by-name\n" },
	});
	const root = await workshop.compose([giver, watcher]);
	t.is(text(root, "order"), "configure\n");
});

test("stubs stand for programs that a root has no use for", async (t) => {
	const aa = workshop.add({
		name: "aa",
		postinst:
			"systemctl daemon-reload; update-rc.d aa defaults; our-own-stub now; deb-systemd-helper --quiet was-enabled x || echo not enabled >/enabled",
	});
	workshop.log.length = 0;
	const root = await workshop.compose([aa], { maintainerScripts: { stub: ["our-own-stub"] } });
	t.is(text(root, "enabled"), "not enabled\n");
	t.true(workshop.log.includes("  aa: systemctl daemon-reload"), workshop.log.join("\n"));
	t.true(workshop.log.includes("  aa: our-own-stub now"));
});

test("accounts are made as adduser and its kin would make them", async (t) => {
	const aa = workshop.add({
		name: "aa",
		files: {
			"usr/lib/sysusers.d/aa.conf":
				'# comment\nu daemon1 - "A Daemon" /var/lib/daemon1\ng just-group 480\nu named 77:just-group\nm named audio\n',
			"usr/lib/tmpfiles.d/aa.conf":
				"d /var/lib/made 0755 root root -\nd /run/not-made 0755 - - -\nL /etc/made-link - - - - target\n",
		},
		postinst: [
			"adduser --system --group --home /var/lib/pg --no-create-home --gecos 'Some One' --quiet pg",
			"adduser --quiet pg ssl",
			"addgroup --system extra",
			"useradd --system --home-dir=/srv/x --shell /bin/false --gid extra xx",
			"usermod -aG extra,ssl xx",
			"adduser --system --quiet pg",
			"systemd-sysusers aa.conf",
			"systemd-tmpfiles --create aa.conf",
		].join("\n"),
	});
	const root = await workshop.compose([aa]);
	t.is(
		text(root, "etc/passwd"),
		[
			"root:x:0:0::/root:/bin/sh",
			"pg:x:100:100:Some One:/var/lib/pg:/usr/sbin/nologin",
			"xx:x:103:102::/srv/x:/bin/false",
			"daemon1:x:104:104:A Daemon:/var/lib/daemon1:/usr/sbin/nologin",
			"named:x:77:480::/:/usr/sbin/nologin",
			"",
		].join("\n"),
	);
	t.is(
		text(root, "etc/group"),
		"root:x:0:\npg:x:100:\nssl:x:101:pg,xx\nextra:x:102:xx\ndaemon1:x:104:\njust-group:x:480:\naudio:x:105:named\n",
	);
	t.true(statSync(join(root, "var/lib/made")).isDirectory());
	t.is(readlinkSync(join(root, "etc/made-link")), "target");
	t.false(existsSync(join(root, "run/not-made")));
});

test("ucf puts a configuration file where there is none", async (t) => {
	const aa = workshop.add({
		name: "aa",
		files: { "usr/share/aa/new": "new", "etc/there": "there" },
		postinst: [
			"ucf --three-way --debconf-ok /usr/share/aa/new /etc/aa/made",
			"ucf /usr/share/aa/new /etc/there",
			"ucf --purge /etc/there",
			"ucfr aa /etc/aa/made",
		].join("\n"),
	});
	const root = await workshop.compose([aa]);
	t.is(text(root, "etc/aa/made"), "new");
	t.is(text(root, "etc/there"), "there");
});

test("equal files are shared, other files of two packages are refused", async (t) => {
	const aa = workshop.add({ name: "aa", files: { "usr/share/doc/same": "same", "usr/share/x": "1" } });
	const bb = workshop.add({ name: "bb", files: { "usr/share/doc/same": "same" } });
	const cc = workshop.add({ name: "cc", files: { "usr/share/x": "2" } });
	t.is(text(await workshop.compose([aa, bb]), "usr/share/doc/same"), "same");
	const diagnostic = await refused(t, () => workshop.compose([aa, cc]));
	t.is(diagnostic.code, "COMPOSE_CONFLICT");
	t.is(diagnostic.message, "the packages 'aa' and 'cc' both have /usr/share/x, which they do not share");
});

test("Replaces decides in either order, and only for the versions it names", async (t) => {
	const aa = workshop.add({ name: "aa", version: "1.0", files: { "usr/share/x": "old" } });
	const bb = workshop.add({ name: "bb", files: { "usr/share/x": "new" }, fields: ["Replaces: other, aa (<< 2)"] });
	const cc = workshop.add({ name: "cc", files: { "usr/share/x": "newer" }, fields: ["Replaces: aa (<< 1)"] });
	t.is(text(await workshop.compose([aa, bb]), "usr/share/x"), "new");
	t.is(text(await workshop.compose([bb, aa]), "usr/share/x"), "new");
	t.is(text(aa, "usr/share/x"), "old");
	t.is((await refused(t, () => workshop.compose([aa, cc]))).code, "COMPOSE_CONFLICT");
});

test("a diversion moves the other package's file aside in either order", async (t) => {
	const preinst = "dpkg-divert --package bb --add --rename \\\n\t--divert /usr/bin/tool.real /bin/tool\n";
	const aa = workshop.add({ name: "aa", files: { "usr/bin/tool": "aa" } });
	const bb = workshop.add({ name: "bb", files: { "usr/bin/tool": "bb" }, control: { preinst } });
	for (const order of [
		[aa, bb],
		[bb, aa],
	]) {
		const root = await workshop.compose(order);
		t.is(text(root, "usr/bin/tool"), "bb");
		t.is(text(root, "usr/bin/tool.real"), "aa");
	}
});

test("a link to a folder stands for the folder", async (t) => {
	const aa = workshop.add({ name: "aa", files: { "usr/share/real/a": "a", "usr/share/doc": "-> real" } });
	const bb = workshop.add({ name: "bb", files: { "usr/share/doc/b": "b" } });
	const forward = await workshop.compose([aa, bb]);
	t.true(lstatSync(join(forward, "usr/share/doc")).isSymbolicLink());
	t.is(text(forward, "usr/share/real/b"), "b");
	const backward = await workshop.compose([bb, aa]);
	t.true(lstatSync(join(backward, "usr/share/doc")).isDirectory(), "dpkg keeps a folder where a link comes later");
});

test("a link out of the root is never followed while merging", async (t) => {
	const aa = workshop.add({ name: "aa", files: { "usr/share/out": `-> ${workshop.folder}` } });
	const bb = workshop.add({ name: "bb", files: { "usr/share/out/evil": "x" } });
	t.is((await refused(t, () => workshop.compose([aa, bb]))).code, "COMPOSE_CONFLICT");
	t.false(existsSync(join(workshop.folder, "evil")));
});

test("the same packages give the same bytes, with every sandbox", async (t) => {
	const aa = workshop.add({
		name: "aa",
		files: { "usr/share/aa/x": "x", "etc/aa": "e" },
		postinst:
			"adduser --system --group aa; echo $$ >/var/log/pid; ls /usr/share >/var/lib/listing; touch /etc/machine-id",
	});
	const digests = new Set<string>();
	for (const sandbox of [...workshop.sandboxes, ...workshop.sandboxes])
		digests.add(treeDigest(await workshop.compose([aa], {}, sandbox)));
	t.is(digests.size, 1);
});

test("texts of the package set run before and after the scripts", async (t) => {
	const aa = workshop.add({ name: "aa", postinst: "echo aa >>/order" });
	const root = await workshop.compose([aa], {
		preConfigure: "echo before >>/order",
		postConfigure: "echo after >>/order",
	});
	t.is(text(root, "order"), "before\naa\nafter\n");
	const diagnostic = await refused(t, () =>
		workshop.compose([aa], { postConfigure: "echo oh; false; echo not reached" }),
	);
	t.is(diagnostic.message, "the step 'postConfigure' failed with status 1");
	t.deepEqual(diagnostic.notes, [{ message: "oh" }]);
});

for (const [title, change, code] of [
	["a link over a file", { links: { "/usr/bin/sh": "x" } }, "COMPOSE_LINK"],
	["a relative optional link", { optionalLinks: { "usr/x": "x" } }, "COMPOSE_LINK"],
	["a relative link", { links: { "usr/x": "x" } }, "COMPOSE_LINK"],
	["a link through a link", { links: { "/bin/x/y": "x" } }, "COMPOSE_LINK"],
	["packages that are no list", { packages: "x" as never }, "BUILTIN_ATTRIBUTE"],
	["a package name that is a path", { packages: [{ name: "../x", version: "1", path: "/" }] }, "BUILTIN_ATTRIBUTE"],
	[
		"what is not unpacked",
		{ packages: [{ name: "none", version: "1", path: "/nonexistent" }] },
		"COMPOSE_NOT_UNPACKED",
	],
] as const) {
	test(`refuses ${title}`, async (t) => {
		t.is((await refused(t, () => workshop.compose([], change))).code, code);
	});
}

test("refuses the same package twice", async (t) => {
	t.is((await refused(t, () => workshop.compose([workshop.userland]))).code, "COMPOSE_TWICE");
});
