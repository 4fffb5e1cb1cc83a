import test from "ava";
import * as fc from "fast-check";
import { NarEncoder, NarParser, type NarEvent } from "../src/index.ts";
import { narTree } from "./nar-trees.ts";

function encode(events: readonly NarEvent[]): Buffer {
	const pieces: Buffer[] = [];
	const encoder = new NarEncoder((piece) => pieces.push(Buffer.from(piece)));
	for (const event of events) encoder.write(event);
	encoder.finish();
	return Buffer.concat(pieces);
}

/** Parses in pieces of the given sizes (repeated); contents of one file are joined. */
function parse(archive: Uint8Array, sizes: readonly number[] = [archive.length]): NarEvent[] {
	const events: NarEvent[] = [];
	const parser = new NarParser((event) => {
		const last = events.at(-1);
		if (event.kind !== "contents") events.push(event);
		else if (last?.kind === "contents") {
			events[events.length - 1] = { kind: "contents", bytes: Buffer.concat([last.bytes, event.bytes]) };
		} else events.push({ kind: "contents", bytes: Buffer.from(event.bytes) });
	});
	for (let at = 0, round = 0; at < archive.length; round += 1) {
		const size = sizes[round % sizes.length] ?? 1;
		// A copy, overwritten after the call, shows whether the parser keeps what is not its own.
		const piece = Uint8Array.from(archive.subarray(at, at + size));
		parser.push(piece);
		piece.fill(0xff);
		at += size;
	}
	parser.finish();
	return events;
}

function token(text: string): Buffer {
	const bytes = Buffer.from(text, "latin1");
	const length = Buffer.alloc(8);
	length.writeUInt32LE(bytes.length);
	return Buffer.concat([length, bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
}

function tokens(...texts: string[]): Buffer {
	return Buffer.concat(texts.map(token));
}

test("parsing what was encoded gives the same events, however it is cut", (t) => {
	fc.assert(
		fc.property(narTree, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (events, sizes) => {
			t.deepEqual(parse(encode(events), sizes), events);
		}),
	);
	t.pass();
});

test("an archive of one file is the format's example byte for byte", (t) => {
	const archive = encode([
		{ kind: "file", executable: true, size: 3 },
		{ kind: "contents", bytes: Buffer.from("abc") },
	]);
	const expected = tokens("nix-archive-1", "(", "type", "regular", "executable", "", "contents", "abc", ")");
	t.deepEqual(archive, expected);
});

test("contents larger than the encoder's buffer come out whole", (t) => {
	const bytes = Buffer.alloc(2_500_001, 7);
	const events: NarEvent[] = [
		{ kind: "file", executable: false, size: bytes.length },
		{ kind: "contents", bytes },
	];
	t.deepEqual(parse(encode(events), [65_536]), events);
});

test("every truncation is refused", (t) => {
	fc.assert(
		fc.property(narTree, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (events, part) => {
			const archive = encode(events);
			const cut = archive.subarray(0, Math.floor(archive.length * part));
			t.throws(() => parse(cut), { message: /^NAR_SYNTAX: .*ends too early/ });
		}),
		{ numRuns: 50 },
	);
});

test("random damage never gives anything but events or NAR_SYNTAX", (t) => {
	fc.assert(
		fc.property(narTree, fc.nat(), fc.integer({ min: 1, max: 255 }), (events, at, change) => {
			const archive = encode(events);
			const index = at % archive.length;
			archive[index] = (archive[index] ?? 0) ^ change;
			try {
				parse(archive);
			} catch (error) {
				t.regex((error as Error).message, /^NAR_SYNTAX: /);
			}
		}),
	);
	t.pass();
});

const magic = token("nix-archive-1");
const directory = tokens("(", "type", "directory");
const emptyFile = tokens("(", "type", "regular", "contents", "", ")");

function entry(name: string): Buffer {
	return Buffer.concat([tokens("entry", "(", "name", name, "node"), emptyFile, token(")")]);
}

const badPadding = Buffer.concat([magic, directory, entry("a"), token(")")]);
badPadding[badPadding.indexOf("entry") + 6] = 1;

const hugeLength = Buffer.concat([magic, Buffer.alloc(8, 0xff)]);

const hostile: [name: string, archive: Buffer, reason: RegExp][] = [
	["no magic", tokens("nix-archive-2", "("), /expected "nix-archive-1"/],
	["unsorted names", Buffer.concat([magic, directory, entry("b"), entry("a"), token(")")]), /not in order/],
	["a name given twice", Buffer.concat([magic, directory, entry("a"), entry("a"), token(")")]), /given twice/],
	["the name .", Buffer.concat([magic, directory, entry("."), token(")")]), /file name is "\."/],
	["the name ..", Buffer.concat([magic, directory, entry(".."), token(")")]), /file name is "\.\."/],
	["an empty name", Buffer.concat([magic, directory, entry(""), token(")")]), /file name is empty/],
	["a slash in a name", Buffer.concat([magic, directory, entry("a/b"), token(")")]), /slash/],
	["a zero byte in a name", Buffer.concat([magic, directory, entry("a\0b"), token(")")]), /zero byte/],
	["a name of 256 bytes", Buffer.concat([magic, directory, entry("a".repeat(256)), token(")")]), /longer than 255/],
	["padding that is not zero", badPadding, /padding is not zero/],
	["a length of 2^64-1", hugeLength, /out of range/],
	["a word of 4 GiB", Buffer.concat([magic, Buffer.from("ffffffff00000000", "hex")]), /longer than 16/],
	["an unknown kind", Buffer.concat([magic, tokens("(", "type", "socket", ")")]), /"socket" is not a kind/],
	["an empty link", Buffer.concat([magic, tokens("(", "type", "symlink", "target", "", ")")]), /link target is empty/],
	["a file without contents", Buffer.concat([magic, tokens("(", "type", "regular", ")")]), /expected "contents"/],
	["bytes behind its end", Buffer.concat([magic, emptyFile, Buffer.from("x")]), /something follows its end/],
	[
		"a depth bomb",
		Buffer.concat([
			magic,
			...Array.from({ length: 100_000 }, () => Buffer.concat([directory, tokens("entry", "(", "name", "a", "node")])),
		]),
		/nested deeper than 2048/,
	],
];

for (const [name, archive, reason] of hostile) {
	test(`refuses ${name}, whole and byte by byte`, (t) => {
		t.throws(() => parse(archive), { message: reason });
		t.throws(() => parse(archive.subarray(0, 400_000), [1, 7]), { message: reason });
	});
}

for (const misuse of [
	[{ kind: "end" }],
	[{ kind: "entry", name: "a" }],
	[{ kind: "directory" }, { kind: "entry", name: "a" }, { kind: "end" }],
	[{ kind: "directory" }, { kind: "directory" }],
	[
		{ kind: "file", executable: false, size: 1 },
		{ kind: "contents", bytes: Buffer.from("ab") },
	],
	[{ kind: "file", executable: false, size: 1 }],
	[
		{ kind: "symlink", target: "a" },
		{ kind: "symlink", target: "b" },
	],
] satisfies NarEvent[][]) {
	test(`encoding ${misuse.map((event) => event.kind).join(", ")} alone throws`, (t) => {
		t.throws(() => encode(misuse), { instanceOf: Error });
	});
}
