import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
	existsSync,
	lstatSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { DiagnosticError } from "@devenv/diagnostics";
import { xzDecoders } from "../../src/builtin-builders/archives/decompressed.ts";
import { unpackArchive } from "../../src/builtin-builders/unpack-archive.ts";
import { unpackInThread } from "../../src/builtin-builders/unpack-pool.ts";
import { arArchive, type Compression, compressed, deb, type TarItem, tarArchive } from "./debian-archive-writer.ts";

function place(
	t: ExecutionContext,
	contents: Buffer,
): { readonly folder: string; readonly source: string; readonly output: string } {
	const folder = mkdtempSync(join(tmpdir(), "devenv-unpack-test-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true });
	});
	const source = join(folder, "package.deb");
	writeFileSync(source, contents);
	return { folder, source, output: join(folder, "out") };
}

async function unpack(
	t: ExecutionContext,
	data: readonly TarItem[],
	compression: Compression = "none",
): Promise<string> {
	const { source, output } = place(t, deb({ name: "pkg", data, compression }));
	await unpackArchive({ source, output, packageName: "pkg" });
	return output;
}

for (const compression of ["none", "gz", "xz", "zst"] as const) {
	test(`unpacks ${compression}`, async (t) => {
		const contents = "text ".repeat(50_000);
		const output = await unpack(t, [{ name: "./usr/share/doc/x", contents }], compression);
		t.is(readFileSync(join(output, "usr/share/doc/x"), "utf8"), contents);
	});
}

for (const [index, decoder] of xzDecoders.entries()) {
	test(`decoder ${index} for xz gives the same bytes, or says that it cannot`, async (t) => {
		const contents = "text ".repeat(50_000);
		const data = [{ name: "./usr/share/doc/x", contents }];
		const { source } = place(t, deb({ name: "pkg", data, compression: "xz" }));
		const member = compressed(tarArchive(data), "xz");
		const pieces = await decoder({ name: "data.tar.xz", data: member, archive: source });
		if (pieces === undefined) {
			skip(t, `${decoder.name} does not work here`);
			return;
		}
		const got: Uint8Array[] = [];
		for await (const piece of pieces) got.push(Buffer.from(piece));
		t.deepEqual(Buffer.concat(got), tarArchive(data));
	});
}

test("threads that are ended while they decode leave this one alone", async (t) => {
	const contents = randomBytes(4_000_000).toString("hex");
	const data = [{ name: "./usr/share/doc/x", contents }];
	const { source, output } = place(t, deb({ name: "pkg", data, compression: "xz" }));
	let ended = 0;
	for (let run = 0; run < 10; run++) {
		const controller = new AbortController();
		const reason = new Error("enough");
		const request = {
			source,
			output: `${output}${run}`,
			packageName: "pkg",
			signal: controller.signal,
			onProgress: () => {
				controller.abort(reason);
			},
		};
		await unpackInThread(request).catch((error: unknown) => {
			t.is(error, reason);
			ended++;
		});
	}
	t.true(ended > 0, "all were unpacked before they were ended");
	await unpackInThread({ source, output, packageName: "pkg" });
	t.is(readFileSync(join(output, "usr/share/doc/x"), "latin1"), contents);
});

test("merges /usr, strips set-id bits, keeps control files", async (t) => {
	const { source, output } = place(
		t,
		deb({
			name: "pkg",
			control: { postinst: "#!/bin/sh\n", triggers: "interest x\n" },
			data: [
				{ name: "./bin/", type: "5", mode: 0o755 },
				{ name: "./bin/su", mode: 0o4755, contents: "su" },
				{ name: "./lib64/ld.so", type: "2", link: "../lib/x" },
				{ name: "lib/x/deep/file", contents: "made with its folders" },
				{ name: "./sbin", type: "2", link: "usr/sbin" },
				{ name: "./etc/absolute", type: "2", link: "/bin/su" },
				{ name: "./usr/bin/su2", type: "1", link: "./bin/su" },
			],
		}),
	);
	await unpackArchive({ source, output, packageName: "pkg" });
	t.deepEqual(readdirSync(output).sort(), ["etc", "usr", "var"]);
	t.is(statSync(join(output, "usr/bin/su")).mode & 0o7777, 0o755);
	t.is(readlinkSync(join(output, "usr/lib64/ld.so")), "../lib/x");
	t.is(readFileSync(join(output, "usr/lib/x/deep/file"), "utf8"), "made with its folders");
	t.is(readlinkSync(join(output, "etc/absolute")), "/bin/su");
	t.is(statSync(join(output, "usr/bin/su2")).ino, statSync(join(output, "usr/bin/su")).ino);
	const control = join(output, "var/lib/devenv/control/pkg");
	t.deepEqual(readdirSync(control).sort(), ["control", "postinst", "triggers"]);
	t.is(statSync(join(control, "postinst")).mode & 0o111, 0o111);
	t.is(statSync(join(control, "control")).mode & 0o111, 0);
});

test("reads GNU long names and pax headers", async (t) => {
	const long = `usr/share/${"d".repeat(90)}/${"f".repeat(120)}`;
	const record = (key: string, value: string): string => {
		const rest = ` ${key}=${value}\n`;
		let length = rest.length + 2;
		while (String(length).length + rest.length !== length) length++;
		return `${length}${rest}`;
	};
	const output = await unpack(t, [
		{ name: "././@LongLink", type: "L", contents: `./${long}\0` },
		{ name: "./usr/share/cut", contents: "gnu" },
		{ name: "PaxHeaders/x", type: "x", contents: record("path", `./${long}-pax`) + record("mtime", "1.5") },
		{ name: "./usr/share/cut2", contents: "pax" },
		{ name: "././@LongLink", type: "K", contents: `${"t".repeat(150)}\0` },
		{ name: "./usr/share/link", type: "2", link: "cut" },
	]);
	t.is(readFileSync(join(output, long), "utf8"), "gnu");
	t.is(readFileSync(join(output, `${long}-pax`), "utf8"), "pax");
	t.is(readlinkSync(join(output, "usr/share/link")), "t".repeat(150));
});

test("keeps names that are not UTF-8 byte for byte", async (t) => {
	const output = await unpack(t, [{ name: "./usr/share/caf\xe9", contents: "latin" }]);
	t.deepEqual(readdirSync(Buffer.from(join(output, "usr/share")), { encoding: "latin1" }), ["caf\xe9"]);
});

interface Hostile {
	readonly title: string;
	readonly data: readonly TarItem[];
	readonly message: RegExp;
}

const hostile: readonly Hostile[] = [
	{
		title: "a name with ..",
		data: [{ name: "./usr/../../../evil", contents: "x" }],
		message: /leads out of the archive/,
	},
	{
		title: "a file through a link",
		data: [
			{ name: "./usr/share/x", type: "2", link: "/tmp" },
			{ name: "./usr/share/x/evil", contents: "x" },
		],
		message: /'usr\/share\/x' is a link and a folder/,
	},
	{
		title: "a hard link to what is not in the archive",
		data: [{ name: "./usr/bin/x", type: "1", link: "/etc/passwd" }],
		message: /leads to no file of the archive/,
	},
	{
		title: "a hard link to a link",
		data: [
			{ name: "./usr/a", type: "2", link: "/etc/passwd" },
			{ name: "./usr/b", type: "1", link: "./usr/a" },
		],
		message: /leads to no file of the archive/,
	},
	{ title: "a device", data: [{ name: "./dev/sda", type: "4" }], message: /is of type '4'/ },
	{ title: "a FIFO", data: [{ name: "./run/fifo", type: "6" }], message: /is of type '6'/ },
	{
		title: "the same file twice",
		data: [
			{ name: "./usr/bin/x", contents: "1" },
			{ name: "./bin/x", contents: "2" },
		],
		message: /'usr\/bin\/x' occurs twice/,
	},
	{ title: "a /bin of its own", data: [{ name: "./bin", type: "2", link: "/tmp" }], message: /'bin' is a link to/ },
	{
		title: "files in our folder",
		data: [{ name: "./var/lib/devenv/control/a/postinst" }],
		message: /a folder that is ours/,
	},
	{
		title: "a link where our folder goes",
		data: [{ name: "./var", type: "2", link: "/tmp" }],
		message: /'var' is a link and a folder/,
	},
	{ title: "a link to nothing", data: [{ name: "./usr/x", type: "2", link: "" }], message: /leads nowhere/ },
	{
		title: "a name that is too long",
		data: [{ name: "L", type: "L", contents: `${"x".repeat(300)}\0` }, { name: "y" }],
		message: /longer than 255/,
	},
];

for (const { title, data, message } of hostile) {
	test(`refuses ${title}`, async (t) => {
		const { source, output } = place(t, deb({ name: "pkg", data }));
		const error = await t.throwsAsync(() => unpackArchive({ source, output, packageName: "pkg" }), {
			instanceOf: DiagnosticError,
		});
		t.is(error.diagnostics[0]?.code, "DEB_UNSAFE");
		t.regex(error.diagnostics[0]?.message ?? "", message);
		t.false(existsSync("/tmp/evil"));
	});
}

const good: Buffer = deb({ name: "pkg", data: [{ name: "./usr/x", contents: "x".repeat(5000) }] });

const malformed: readonly (readonly [title: string, contents: Buffer, code: string])[] = [
	["an empty file", Buffer.alloc(0), "DEB_MALFORMED"],
	["what is no ar archive", Buffer.from("PK\x03\x04 and more"), "DEB_MALFORMED"],
	["a truncated file", good.subarray(0, good.length - 2000), "DEB_MALFORMED"],
	[
		"one without data",
		arArchive([
			["debian-binary", Buffer.from("2.0\n")],
			["control.tar", tarArchive([])],
		]),
		"DEB_WRONG_PACKAGE",
	],
	["format 3", arArchive([["debian-binary", Buffer.from("3.0\n")]]), "DEB_MALFORMED"],
	["another package", deb({ name: "other" }), "DEB_WRONG_PACKAGE"],
	[
		"a broken checksum",
		Buffer.from(good.map((byte, at) => (at === good.length - 5000 - 1024 - 700 ? byte ^ 1 : byte))),
		"DEB_UNSAFE",
	],
	[
		"damaged xz",
		arArchive([
			["debian-binary", Buffer.from("2.0\n")],
			["control.tar.xz", compressed(tarArchive([]), "xz").subarray(0, 40)],
		]),
		"DEB_MALFORMED",
	],
	[
		"unknown compression",
		arArchive([
			["debian-binary", Buffer.from("2.0\n")],
			["control.tar.rar", Buffer.from("x")],
		]),
		"DEB_MALFORMED",
	],
];

for (const [title, contents, code] of malformed) {
	test(`refuses ${title}`, async (t) => {
		const { source, output } = place(t, contents);
		const error = await t.throwsAsync(() => unpackArchive({ source, output, packageName: "pkg" }), {
			instanceOf: DiagnosticError,
		});
		t.is(error.diagnostics[0]?.code, code, error.message);
	});
}

test("a thread does the same, and hands diagnostics back", async (t) => {
	const { folder, source, output } = place(t, good);
	await unpackInThread({ source, output, packageName: "pkg" });
	t.is(readFileSync(join(output, "usr/x"), "utf8").length, 5000);
	const error = await t.throwsAsync(() => unpackInThread({ source, output: join(folder, "b"), packageName: "wrong" }), {
		instanceOf: DiagnosticError,
	});
	t.is(error.diagnostics[0]?.code, "DEB_WRONG_PACKAGE");
	/* The pool still works after a failure, for more requests than it has threads. */
	const outputs = Array.from({ length: 5 }, (_, index) => join(folder, `more-${index}`));
	await Promise.all(outputs.map((each) => unpackInThread({ source, output: each, packageName: "pkg" })));
	for (const each of outputs) t.true(existsSync(join(each, "usr/x")));
});

test("a cancelled unpack rejects with the reason", async (t) => {
	const { source, output } = place(t, good);
	const reason = new Error("stopped by the test");
	const error = await t.throwsAsync(() =>
		unpackInThread({ source, output, packageName: "pkg", signal: AbortSignal.abort(reason) }),
	);
	t.is(error, reason);
});

test("agrees with dpkg-deb where there is one", async (t) => {
	const { folder, source, output } = place(
		t,
		deb({
			name: "pkg",
			compression: "xz",
			data: [
				{ name: "./usr/", type: "5", mode: 0o755 },
				{ name: "./usr/bin/", type: "5", mode: 0o755 },
				{ name: "./usr/bin/tool", mode: 0o755, contents: "tool" },
				{ name: "./usr/bin/alias", type: "2", link: "tool" },
			],
		}),
	);
	try {
		execFileSync("dpkg-deb", ["--extract", source, join(folder, "theirs")], { stdio: "ignore" });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		skip(t, "no dpkg-deb to compare with");
		return;
	}
	await unpackArchive({ source, output, packageName: "pkg" });
	for (const name of ["usr/bin/tool", "usr/bin/alias"]) {
		t.deepEqual(readFileSync(join(output, name)), readFileSync(join(folder, "theirs", name)));
		t.is(lstatSync(join(output, name)).isSymbolicLink(), lstatSync(join(folder, "theirs", name)).isSymbolicLink());
	}
});
