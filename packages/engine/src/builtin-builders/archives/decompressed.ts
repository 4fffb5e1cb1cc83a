/**
 * The bytes of a compressed archive member, told by the ending of its name. Layer 3.
 *
 * For xz, which nearly all packages use and Node has not: liblzma's native binding where its prebuilt binary loads, else a program
 * of the host (`xz`; on minimal Debian systems, which lack it, `dpkg-deb`), else a WASM decoder at a third of their speed.
 */

import { spawn } from "node:child_process";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { fail } from "@devenv/diagnostics";
import { nativeXz } from "./native-xz.ts";

export interface CompressedMember {
	/** With the compression's ending: `data.tar.xz`. */
	readonly name: string;
	readonly data: Buffer;
	/** Host path of the .deb that it is from. */
	readonly archive: string;
}

/** A way to decode xz: the decoded pieces, or undefined where this machine cannot do it this way. */
type XzDecoder = (member: CompressedMember) => Promise<AsyncIterable<Uint8Array> | undefined>;

/** In the order of preference. */
export const xzDecoders: readonly XzDecoder[] = [({ data }) => nativeXz(data), programXz, dpkgXz, wasmXz];

/** Decompresses; the pieces come as they are ready. Rejects on data that the decoder refuses. */
export async function decompressed(member: CompressedMember): Promise<AsyncIterable<Uint8Array>> {
	const { name, data } = member;
	switch (name.slice(name.lastIndexOf(".") + 1)) {
		case "tar":
			return Readable.from([data]);
		case "xz":
			// Not every decoder notices.
			if (!endsAsXz(data)) return fail("DEB_MALFORMED", `'${name}' is no xz data, or cut off`);
			return unxz(member);
		case "lzma":
			// xz's forerunner; no package of the last ten years.
			return (await programXz(member)) ?? fail("DEB_NO_DECODER", "the program 'xz' is needed to unpack this package");
		case "zst":
			return through(createZstdDecompress(), data);
		case "gz":
			return through(createGunzip(), data);
		case "bz2":
			// No package of the last ten years.
			return (
				(await throughProgram("bzip2", ["--decompress", "--stdout"], data)) ??
				fail("DEB_NO_DECODER", "the program 'bzip2' is needed to unpack this package")
			);
		default:
			return fail("DEB_MALFORMED", `unknown compression of '${name}'`);
	}
}

async function unxz(member: CompressedMember): Promise<AsyncIterable<Uint8Array>> {
	for (const decoder of xzDecoders) {
		const pieces = await decoder(member);
		if (pieces !== undefined) return pieces;
	}
	return fail("DEB_NO_DECODER", "this machine has no decoder for xz");
}

/** Whether the data ends as a stream of xz does: with the magic bytes `YZ`, behind which zeros may fill up. */
export function endsAsXz(data: Uint8Array): boolean {
	let end = data.length;
	while (end > 0 && data[end - 1] === 0) end--;
	return data[end - 2] === 0x59 && data[end - 1] === 0x5a;
}

function through(stream: NodeJS.ReadWriteStream, data: Buffer): AsyncIterable<Uint8Array> {
	stream.end(data);
	return stream as unknown as AsyncIterable<Uint8Array>;
}

function programXz({ data }: CompressedMember): Promise<AsyncIterable<Uint8Array> | undefined> {
	return throughProgram("xz", ["--decompress", "--stdout"], data);
}

async function dpkgXz({ name, archive }: CompressedMember): Promise<AsyncIterable<Uint8Array> | undefined> {
	if (!name.startsWith("data.tar")) return undefined;
	return await throughProgram("dpkg-deb", ["--fsys-tarfile", archive]);
}

async function wasmXz({ data }: CompressedMember): Promise<AsyncIterable<Uint8Array> | undefined> {
	const { default: module } = (await import("xz-decompress")) as unknown as {
		default: { XzReadableStream: new (stream: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array> };
	};
	return new module.XzReadableStream(new Blob([new Uint8Array(data)]).stream());
}

/** Pipes data through a program; undefined where there is no such program. */
async function throughProgram(
	program: string,
	args: readonly string[],
	data?: Buffer,
): Promise<AsyncIterable<Uint8Array> | undefined> {
	const child = spawn(program, args, { stdio: [data === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
	const started = await new Promise<boolean>((resolve) => {
		child.once("spawn", () => {
			resolve(true);
		});
		child.once("error", () => {
			resolve(false);
		});
	});
	const { stdin, stdout, stderr } = child;
	if (!started || stdout === null || stderr === null) return undefined;
	const complaints: Buffer[] = [];
	stderr.on("data", (piece: Buffer) => complaints.push(piece));
	const status = new Promise<number | null>((resolve) => child.once("close", resolve));
	/* When it gives up early the rest cannot be written; its exit status tells of that. */
	stdin?.once("error", () => undefined);
	stdin?.end(data);
	return (async function* () {
		try {
			yield* stdout as AsyncIterable<Uint8Array>;
			if ((await status) !== 0) throw new Error(Buffer.concat(complaints).toString().trim() || `${program} failed`);
		} finally {
			child.kill();
		}
	})();
}
