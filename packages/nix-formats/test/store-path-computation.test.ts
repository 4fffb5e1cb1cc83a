import test from "ava";
import {
	bytesFromText,
	hashBytes,
	makeFixedOutputPath,
	makeTextPath,
	NarEncoder,
	outputPathName,
	parseStorePath,
	type HashAlgo,
} from "../src/index.ts";

const CONTENTS = "hello\n";
const other = parseStorePath("/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt");

function narOf(contents: string): Buffer {
	const pieces: Buffer[] = [];
	const encoder = new NarEncoder((piece) => pieces.push(Buffer.from(piece)));
	encoder.file(false, contents.length);
	encoder.contents(Buffer.from(contents));
	encoder.finish();
	return Buffer.concat(pieces);
}

// Printed by `nix-store --add` and `nix-store --add-fixed`.
for (const [method, algo, expected] of [
	["recursive", "sha256", "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt"],
	["flat", "sha256", "/nix/store/gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt"],
	["recursive", "sha1", "/nix/store/hzq8n5jpi3g2d0xhlvqd8q1gx5c9s6i3-hello.txt"],
	["flat", "md5", "/nix/store/dra1cz5vbrhclpv4y1q0psnbkxz581bk-hello.txt"],
] as const satisfies [string, HashAlgo, string][]) {
	test(`a file added ${method} by ${algo} has the path that Nix gives it`, (t) => {
		const hash = hashBytes(algo, method === "flat" ? CONTENTS : narOf(CONTENTS));
		const path: string = makeFixedOutputPath({ name: "hello.txt", method, hash });
		t.is(path, expected);
	});
}

test("texts have the paths of builtins.toFile, with and without references", (t) => {
	const text = makeTextPath({ name: "text", contents: "contents" });
	const refs: string = makeTextPath({ name: "refs", contents: `x ${text}`, references: [text] });
	t.is(refs, "/nix/store/9w4flvlj7prv5dysc5qg9ivnh97a0a6y-refs");
	t.not(refs, makeTextPath({ name: "refs", contents: `x ${text}` }));
});

test("a fixed output by text is the text", (t) => {
	const hash = hashBytes("sha256", CONTENTS);
	const references = { others: [other], self: false };
	t.is(
		makeFixedOutputPath({ name: "a", method: "text", hash, references }),
		makeTextPath({ name: "a", contents: CONTENTS, references: [other] }),
	);
});

test("references change the path, their order and number do not", (t) => {
	const hash = hashBytes("sha256", "");
	const second = makeTextPath({ name: "b", contents: "" });
	const make = (others: readonly (typeof other)[], self: boolean): string =>
		makeFixedOutputPath({ name: "a", method: "recursive", hash, references: { others, self } });
	t.is(make([other, second], false), make([second, other, second], false));
	t.is(new Set([make([], false), make([other], false), make([], true), make([other], true)]).size, 4);
});

for (const [method, algo, self] of [
	["flat", "sha256", false],
	["recursive", "sha1", false],
	["text", "sha256", true],
	["text", "sha1", false],
] as const) {
	test(`${method} ${algo} cannot have ${self ? "a self reference" : "references"}`, (t) => {
		const references = { others: self ? [] : [other], self };
		t.throws(() => makeFixedOutputPath({ name: "a", method, hash: hashBytes(algo, ""), references }), {
			message: /^STORE_REFERENCES: /,
		});
	});
}

test("another store folder gives another path", (t) => {
	const path = makeTextPath({ name: "a", contents: bytesFromText("ü"), storeDir: "/gnu/store" });
	t.true(path.startsWith("/gnu/store/"));
	t.not(path.slice(10), makeTextPath({ name: "a", contents: bytesFromText("ü") }).slice(10));
});

test("outputs other than out carry their name", (t) => {
	t.is(outputPathName("hello", "out"), "hello");
	t.is(outputPathName("hello", "dev"), "hello-dev");
});
