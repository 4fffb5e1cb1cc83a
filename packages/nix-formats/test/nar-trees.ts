/** Arbitrary file trees as NAR events, for the tests of encoder and parser. */

import * as fc from "fast-check";
import type { NarEvent } from "../src/index.ts";

export const byteString: fc.Arbitrary<string> = fc
	.uint8Array({ maxLength: 40 })
	.map((bytes) => Buffer.from(bytes).toString("latin1"));

const fileName = fc
	.oneof(byteString, fc.string({ minLength: 1, maxLength: 8 }))
	.map((name) => Buffer.from(name.replace(/[/\0]/g, "_")).toString("latin1"))
	.filter((name) => name !== "" && name !== "." && name !== "..");

const linkTarget = byteString.map((target) => `t${target.replaceAll("\0", "_")}`);

const file: fc.Arbitrary<NarEvent[]> = fc
	.record({ executable: fc.boolean(), bytes: fc.uint8Array({ maxLength: 64 }) })
	.map(({ executable, bytes }) => [
		{ kind: "file", executable, size: bytes.length },
		...(bytes.length > 0 ? [{ kind: "contents", bytes: Buffer.from(bytes) } as const] : []),
	]);

const symlink: fc.Arbitrary<NarEvent[]> = linkTarget.map((target) => [{ kind: "symlink", target }]);

/** A whole archive. */
export const narTree: fc.Arbitrary<NarEvent[]> = fc.letrec<{ node: NarEvent[]; directory: NarEvent[] }>((tie) => ({
	node: fc.oneof({ maxDepth: 4, depthSize: "small" }, file, symlink, tie("directory")),
	directory: fc
		.uniqueArray(fc.tuple(fileName, tie("node")), { maxLength: 5, selector: ([name]) => name })
		.map((entries): NarEvent[] => [
			{ kind: "directory" },
			...entries
				.sort(([left], [right]) => (left < right ? -1 : 1))
				.flatMap(([name, events]): NarEvent[] => [{ kind: "entry", name }, ...events]),
			{ kind: "end" },
		]),
})).node;
