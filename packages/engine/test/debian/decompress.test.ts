import { gzipSync } from "node:zlib";
import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import { decompress, xzDecoders } from "../../src/debian/decompress.ts";

/** `hello\n`, as `xz` compresses it. */
const helloXz = Buffer.from(
	"/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFaGVsbG8KAAAApWCX8ZT2/eAAAR4GwS+kHR+2830BAAAAAARZWg==",
	"base64",
);

test("by the path's ending", async (t) => {
	t.is((await decompress("Packages.gz", gzipSync("hello\n"))).toString(), "hello\n");
	t.is((await decompress("Packages", Buffer.from("hello\n"))).toString(), "hello\n");
	t.is((await decompress("Packages.xz", helloXz)).toString(), "hello\n");
});

test("every decoder of xz that works here gives the same", async (t) => {
	let working = 0;
	for (const decoder of xzDecoders) {
		const pieces = await decoder(helloXz);
		if (pieces === undefined) continue;
		working++;
		const parts: Uint8Array[] = [];
		for await (const piece of pieces) parts.push(piece);
		t.is(Buffer.concat(parts).toString(), "hello\n");
	}
	t.true(working >= 1);
});

test("what is no compressed file, is cut off or grows without bound", async (t) => {
	const code = async (path: string, data: Uint8Array, limit?: number): Promise<string> => {
		const error = await t.throwsAsync(decompress(path, data, limit), { instanceOf: DiagnosticError });
		return error.diagnostics[0]?.code ?? "";
	};
	t.is(await code("Packages.xz", Buffer.from("hello")), "DEBIAN_PACKAGES_MALFORMED");
	t.is(await code("Packages.xz", helloXz.subarray(0, 40)), "DEBIAN_PACKAGES_MALFORMED");
	t.is(await code("Packages.gz", gzipSync("hello").subarray(0, 15)), "DEBIAN_PACKAGES_MALFORMED");
	t.is(await code("Packages.gz", gzipSync(Buffer.alloc(100_000)), 10_000), "DEBIAN_PACKAGES_MALFORMED");
});
