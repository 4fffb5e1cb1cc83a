import test from "ava";
import * as fc from "fast-check";
import {
	EXPORT_END,
	EXPORT_OBJECT,
	type ExportedObject,
	ExportParser,
	formatExportedObject,
	NarEncoder,
	type NarEvent,
	type StorePath,
} from "../src/index.ts";
import { narTree } from "./nar-trees.ts";

interface Object extends ExportedObject {
	readonly nar: Buffer;
}

function encode(events: readonly NarEvent[]): Buffer {
	const pieces: Buffer[] = [];
	const encoder = new NarEncoder((piece) => pieces.push(Buffer.from(piece)));
	for (const event of events) encoder.write(event);
	encoder.finish();
	return Buffer.concat(pieces);
}

function stream(objects: readonly Object[]): Buffer {
	const parts = objects.flatMap((object) => [EXPORT_OBJECT, object.nar, formatExportedObject(object)]);
	return Buffer.concat([...parts, EXPORT_END]);
}

/** Parses in pieces of the given sizes (repeated); also how many bytes were left at the end. */
function parse(bytes: Buffer, sizes: readonly number[] = [bytes.length]): { objects: Object[]; rest: number } {
	const objects: Object[] = [];
	let nar: Buffer[] = [];
	let rest = 0;
	const parser = new ExportParser({
		begin: () => {
			nar = [];
		},
		bytes: (piece) => nar.push(Buffer.from(piece)),
		event: () => undefined,
		object: (object) => objects.push({ ...object, nar: Buffer.concat(nar) }),
	});
	for (let at = 0, round = 0; at < bytes.length; round += 1) {
		const size = sizes[round % sizes.length] ?? 1;
		// A copy, overwritten after the call, shows whether the parser keeps what is not its own.
		const piece = Uint8Array.from(bytes.subarray(at, at + size));
		rest += parser.push(piece);
		piece.fill(0xff);
		at += size;
	}
	parser.finish();
	return { objects, rest };
}

const storePath = fc
	.tuple(fc.stringMatching(/^[0-9a-df-np-sv-z]{32}$/), fc.stringMatching(/^[a-z0-9]{1,8}$/))
	.map(([digest, name]) => `/nix/store/${digest}-${name}` as StorePath);

const object: fc.Arbitrary<Object> = fc.record({
	nar: narTree.map(encode),
	path: storePath,
	references: fc.uniqueArray(storePath, { maxLength: 4 }).map((all) => all.sort()),
	deriver: fc.option(
		storePath.map((path) => `${path}.drv` as never),
		{ nil: undefined },
	),
});

test("parsing what was written gives the same objects, however it is cut", (t) => {
	fc.assert(
		fc.property(
			fc.array(object, { maxLength: 3 }),
			fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }),
			(objects, sizes) => {
				t.deepEqual(parse(stream(objects), sizes).objects, objects);
			},
		),
	);
	t.pass();
});

test("what follows the end is left to who reads next", (t) => {
	t.is(parse(Buffer.concat([stream([]), Buffer.from("more")])).rest, 4);
});

test("a truncated stream is refused at every length", (t) => {
	const [sample] = fc.sample(object, { numRuns: 1, seed: 7 });
	if (sample === undefined) throw new Error("no sample");
	const whole = stream([sample]);
	for (let length = 0; length < whole.length; length += 1) {
		t.throws(() => parse(whole.subarray(0, length)), { message: /^(EXPORT|NAR)_SYNTAX: / }, String(length));
	}
});

test("a stream of something else is refused with a diagnostic", (t) => {
	fc.assert(
		fc.property(object, fc.nat(), fc.integer({ min: 1, max: 255 }), (each, place, change) => {
			const bytes = stream([each]);
			const at = place % bytes.length;
			bytes.writeUInt8((bytes.readUInt8(at) ^ change) & 255, at);
			try {
				parse(bytes);
			} catch (error) {
				t.regex(String(error), /\b[A-Z]+_[A-Z_]+: /);
			}
		}),
	);
	for (const [bytes, message] of [
		["not a stream at all", /does not look like/],
		[Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), /does not look like/],
		[Buffer.from([1, 0, 0, 0, 0, 0, 0, 1]), /does not look like/],
		[
			Buffer.concat([EXPORT_OBJECT, encode([{ kind: "file", executable: false, size: 0 }]), Buffer.alloc(8)]),
			/what follows an archive/,
		],
	] as const) {
		t.throws(() => parse(Buffer.from(bytes)), { message });
	}
});
