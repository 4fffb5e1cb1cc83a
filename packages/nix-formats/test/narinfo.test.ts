import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import {
	fingerprint,
	formatNarInfo,
	formatPublicKey,
	formatSecretKey,
	generateKey,
	parseNarInfo,
	parsePublicKey,
	parseSecretKey,
	publicKeyOf,
	signObject,
	verifySignature,
} from "../src/index.ts";

// Written by `nix copy --to file://…` after `nix store sign`, the keys by `nix-store --generate-binary-cache-key`.
const TEXT = `StorePath: /nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt
URL: nar/17gd6zzlkx90irc6qawagdkgh1d7qvlnq46yjf7xiqw9ycz7zq4a.nar.xz
Compression: xz
FileHash: sha256:17gd6zzlkx90irc6qawagdkgh1d7qvlnq46yjf7xiqw9ycz7zq4a
FileSize: 128
NarHash: sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw
NarSize: 120
References: 
Sig: test.example-1:HN4qAi7r6pKJdObMz4SnFrwFbyzrSBl2v65eDcaFlV4HfPOYIkHoNP9dklAB+JJpKedJWA398JW7hO37uaugAA==
CA: fixed:r:sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw
`;
const SECRET =
	"test.example-1:34gQGzrXDPMdvay/JAZuZSj/dUDZMbv+CxrLryvteLc6B2IZFscUC4vYP0sXyEqavL4W25vyzJ3DsH9woBdZwQ==";
const PUBLIC = "test.example-1:OgdiGRbHFAuL2D9LF8hKmry+Ftub8sydw7B/cKAXWcE=";

const file = "cache/i9pmrzmpshapij2kin22pff6fc2adavx.narinfo";
const info = parseNarInfo(TEXT, { file });

test("a narinfo that Nix wrote is read and written back byte for byte", (t) => {
	t.is(info.narSize, 120);
	t.is(info.fileSize, 128);
	t.is(info.compression, "xz");
	t.is(info.deriver, undefined);
	t.deepEqual(info.references, []);
	t.is(formatNarInfo(info), TEXT);
});

test("references, deriver, several signatures and unknown lines", (t) => {
	const base = "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt".slice(11);
	const text = TEXT.replace("References: \n", `References: ${base} ${base}\nDeriver: ${base}.drv\nX-New: 1\n`).replace(
		"CA: ",
		"Sig: other:AAAA\nCA: ",
	);
	const parsed = parseNarInfo(text, { file });
	t.is(parsed.references.length, 2);
	t.is(parsed.deriver as string, `/nix/store/${base}.drv`);
	t.is(parsed.signatures.length, 2);
	t.deepEqual(parseNarInfo(formatNarInfo(parsed), { file }), parsed);
});

for (const [change, line, reason] of [
	[["NarSize: 120\n", ""], 10, /it has no line "NarSize"/],
	[["NarSize: 120", "NarSize: -1"], 7, /the value of "NarSize" is not valid/],
	[["NarSize: 120", "NarSize: 99999999999999999999"], 7, /the value of "NarSize" is not valid/],
	[["NarSize: 120", "NarSize: 120\nNarSize: 121"], 8, /"NarSize" is given twice/],
	[["NarHash: sha256:04", "NarHash: sha256:e4"], 6, /the value of "NarHash" is not a hash \(HASH_BASE32/],
	[["/nix/store/", "/nix/../"], 1, /the value of "StorePath" is not valid/],
	[["References: ", "References: ../../etc/passwd"], 8, /is not a store path's file name/],
	[["URL: nar", "URL: ../nar"], 2, /the value of "URL" is not valid/],
	[["URL: nar", "URL: http://evil.example/nar"], 2, /the value of "URL" is not valid/],
	[["URL: nar", "URL: /etc"], 2, /the value of "URL" is not valid/],
	[["Compression: xz", "Compression"], 3, /not of the form/],
] as const) {
	test(`refuses ${JSON.stringify(change[1])} for ${JSON.stringify(change[0])}`, (t) => {
		const text = TEXT.replace(change[0], change[1]);
		const error = t.throws(() => parseNarInfo(text, { file }), { instanceOf: DiagnosticError });
		t.regex(error.message, reason);
		t.is(error.diagnostics[0]?.location?.line, line);
	});
}

test("Nix's signature is verified, and made again", (t) => {
	const key = parsePublicKey(PUBLIC);
	const [signature = ""] = info.signatures;
	t.is(verifySignature(info, signature, [key]), key);
	t.is(signObject(info, parseSecretKey(SECRET)), signature);
});

test("the fingerprint names path, hash, size and sorted references", (t) => {
	const path = info.path;
	t.is(
		fingerprint({ ...info, references: [path, path] }),
		`1;${path};sha256:04zwf782yjwnh3q6hz5izfd6jyip8kgw6g6yj43fiqhbyhdd0dqw;120;${path},${path}`,
	);
});

test("a signature of another object, of another key or of another name does not count", (t) => {
	const key = parsePublicKey(PUBLIC);
	const [signature = ""] = info.signatures;
	t.is(verifySignature({ ...info, narSize: 121 }, signature, [key]), undefined);
	t.is(verifySignature(info, signature, [{ ...key, name: "other" }]), undefined);
	t.is(verifySignature(info, signature, [publicKeyOf(generateKey("test.example-1"))]), undefined);
	t.is(verifySignature(info, signature.slice(0, -8), [key]), undefined);
	t.is(verifySignature(info, "nonsense", [key]), undefined);
});

test("keys survive being written", (t) => {
	t.is(formatPublicKey(parsePublicKey(PUBLIC)), PUBLIC);
	t.is(formatSecretKey(parseSecretKey(SECRET)), SECRET);
	t.is(formatPublicKey(publicKeyOf(parseSecretKey(SECRET))), PUBLIC);
	const key = generateKey("a");
	t.is(signObject(info, parseSecretKey(formatSecretKey(key))), signObject(info, key));
});

for (const [name, text] of [
	["nothing", ""],
	["an empty name", ":AAAA"],
	["a name alone", "name"],
	["a short key", "name:AAAA"],
	["a key without its padding", SECRET.replace("=", "")],
	["a key with another public half", SECRET.replace("OgdiG", "OgdiH").replace("B2IZ", "B2IY")],
] as const) {
	test(`refuses ${name} as a secret key, and does not show it`, (t) => {
		const error = t.throws(() => parseSecretKey(text), { message: /^KEY_SYNTAX: / });
		t.false(error.message.includes("34gQGzrXDPMdvay"));
	});
}
