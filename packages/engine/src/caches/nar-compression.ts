/**
 * How NARs are compressed in binary caches. Layer 3.
 *
 * zstd, gzip and brotli are Node's. xz is read by the native binding, the program or the WASM decoder, whichever the machine has,
 * and written by the program; bzip2 is the program's either way.
 */

import { spawn } from "node:child_process";
import { createReadStream, createWriteStream, readFileSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import {
	brotliDecompressSync,
	constants,
	createBrotliCompress,
	createBrotliDecompress,
	createGunzip,
	createGzip,
	createZstdCompress,
	createZstdDecompress,
	gunzipSync,
	zstdDecompressSync,
} from "node:zlib";
import { fail } from "@devenv/diagnostics";
import { endsAsXz, xzDecoders } from "../builtin-builders/archives/decompressed.ts";

export type Compression = "none" | "xz" | "zstd" | "gzip" | "bzip2" | "br";

/** With the ending that files so compressed have. */
export const compressions: Readonly<Record<Compression, string>> = {
	none: "",
	xz: ".xz",
	zstd: ".zst",
	gzip: ".gz",
	bzip2: ".bz2",
	br: ".br",
};

/** The compression that a narinfo or an address names; undefined for another one. */
export function parseCompression(name: string): Compression | undefined {
	if (name === "" || name === "none") return "none";
	return Object.hasOwn(compressions, name) ? (name as Compression) : undefined;
}

/** Bytes up to which a file is decompressed in one go, which takes half as long as piece by piece. */
const SMALL: number = 16 << 20;

const decompressors: Readonly<
	Partial<Record<Compression, (data: Buffer, options: { readonly maxOutputLength: number }) => Buffer>>
> = {
	none: (data) => data,
	zstd: zstdDecompressSync,
	gzip: gunzipSync,
	br: brotliDecompressSync,
};

/**
 * The file's content, which should have `size` bytes. Fails with `CACHE_NO_PROGRAM`, and with an Error on data that cannot be
 * decoded, as may iterating it.
 */
export async function decompressFile(
	file: string,
	{ compression, size }: { readonly compression: Compression; readonly size: number },
): Promise<AsyncIterable<Uint8Array> | Iterable<Uint8Array>> {
	const small = size <= SMALL && statSync(file).size <= SMALL;
	const decompress = small ? decompressors[compression] : undefined;
	if (decompress !== undefined) {
		try {
			return [decompress(readFileSync(file), { maxOutputLength: size + 1 })];
		} catch (error) {
			// Whoever reads the pieces finds that there are too many.
			if ((error as NodeJS.ErrnoException).code !== "ERR_BUFFER_TOO_LARGE") throw error;
		}
	}
	switch (compression) {
		case "none":
			return createReadStream(file);
		case "zstd":
			return readThrough(file, createZstdDecompress());
		case "gzip":
			return readThrough(file, createGunzip());
		case "br":
			return readThrough(file, createBrotliDecompress());
		case "xz":
			return unxz(file);
		case "bzip2":
			return readThroughProgram("bzip2", ["--decompress", "--stdout"], file);
	}
}

/** Compresses a file to another. Fails with `CACHE_NO_PROGRAM`. */
export async function compressFile(from: string, to: string, compression: Compression): Promise<void> {
	const [source, target] = [createReadStream(from), createWriteStream(to, { flags: "wx" })];
	switch (compression) {
		case "none":
			return pipeline(source, target);
		case "zstd":
			return pipeline(source, createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 8 } }), target);
		case "gzip":
			return pipeline(source, createGzip({ level: 9 }), target);
		case "br":
			return pipeline(source, createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }), target);
		case "xz":
			return pipeline(await readThroughProgram("xz", ["--compress", "--stdout", "-6", "--threads=0"], from), target);
		case "bzip2":
			return pipeline(await readThroughProgram("bzip2", ["--compress", "--stdout"], from), target);
	}
}

async function unxz(file: string): Promise<AsyncIterable<Uint8Array>> {
	const data = readFileSync(file);
	// Not every decoder notices.
	if (!endsAsXz(data)) throw new Error("it is no xz data, or cut off");
	for (const decoder of xzDecoders) {
		const pieces = await decoder({ name: "nar.xz", data, archive: file });
		if (pieces !== undefined) return pieces;
	}
	return failProgram("xz");
}

function readThrough(file: string, decoder: NodeJS.ReadWriteStream): AsyncIterable<Uint8Array> {
	const source = createReadStream(file);
	source.on("error", (error) => decoder.emit("error", error));
	source.pipe(decoder);
	return decoder as unknown as AsyncIterable<Uint8Array>;
}

async function readThroughProgram(
	program: string,
	args: readonly string[],
	file: string,
): Promise<AsyncGenerator<Uint8Array>> {
	const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
	const started = await new Promise<boolean>((resolve) => {
		child.once("spawn", () => {
			resolve(true);
		});
		child.once("error", () => {
			resolve(false);
		});
	});
	if (!started) return failProgram(program);
	let complaints = "";
	child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
	const status = new Promise<number | null>((resolve) => child.once("close", resolve));
	// When it gives up early the rest cannot be written; its exit status tells of that.
	child.stdin.on("error", () => undefined);
	createReadStream(file).pipe(child.stdin);
	return (async function* () {
		try {
			yield* child.stdout as AsyncIterable<Uint8Array>;
			if ((await status) !== 0) throw new Error(complaints.trim() || `${program} failed`);
		} finally {
			child.kill();
		}
	})();
}

function failProgram(program: string): never {
	return fail("CACHE_NO_PROGRAM", `the program '${program}' is needed for this compression, and is not on PATH`, {
		hint: "install it, or use zstd (compression=zstd)",
	});
}
