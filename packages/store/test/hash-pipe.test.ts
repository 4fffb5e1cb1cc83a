import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import { formatHash } from "@devenv/nix-formats";
import test from "ava";
import fc from "fast-check";
import { HashPipe, SLOT_BYTES, SLOTS } from "../src/hash-pipe.ts";
import { digestTree, hashPaths } from "../src/index.ts";

test("gives what hashing here gives, whatever the pieces", (t) => {
	const pipe = new HashPipe();
	t.teardown(() => pipe.close());
	const bytes = randomBytes(2 * SLOTS * SLOT_BYTES);
	const sizes = fc.oneof(fc.nat(100), fc.nat(3 * SLOT_BYTES), fc.constantFrom(0, SLOT_BYTES, SLOT_BYTES + 1));
	fc.assert(
		fc.property(fc.array(sizes, { maxLength: 2 * SLOTS }), (lengths) => {
			const here = createHash("sha256");
			for (const [index, length] of lengths.entries()) {
				const piece = bytes.subarray(index, index + length);
				here.update(piece);
				pipe.update(piece);
			}
			t.deepEqual(pipe.digest(), here.digest());
		}),
		{ numRuns: 100 },
	);
});

test("a large tree has the same digest from the pool, also after one that failed half-way", async (t) => {
	const folder = temporaryFolder(t);
	const tree = (name: string): string => {
		const path = join(folder, name);
		mkdirSync(path);
		for (let index = 0; index < 20; index += 1) writeFileSync(join(path, String(index)), randomBytes(2 ** 21));
		return path;
	};
	const bad = tree("bad");
	execFileSync("mkfifo", [join(bad, "z")]);
	const good = tree("good");
	await t.throwsAsync(hashPaths([{ path: bad }]), { message: /no regular file/ });
	for (let round = 0; round < 3; round += 1) {
		const digests = await hashPaths([{ path: good }, { path: good }, { path: good }]);
		const { narHash, narSize } = digestTree({ path: good });
		for (const digest of digests) {
			t.is(formatHash(digest.narHash, "sri"), formatHash(narHash, "sri"));
			t.is(digest.narSize, narSize);
		}
	}
});
