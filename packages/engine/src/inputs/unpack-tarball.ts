/** Tarballs of inputs: one folder at the top, whose content is what counts. Layer 3. */

import { readFileSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import { decompressed } from "../builtin-builders/archives/decompressed.ts";
import { TarError, TarParser } from "../builtin-builders/archives/tar-parser.ts";
import { normalName, TreeWriter } from "../builtin-builders/archives/tree-writer.ts";

/** Most bytes of all files together. */
const MOST_BYTES: number = 2 ** 30;

/**
 * Unpacks what lies in the archive's top folder into an empty folder. Gives the latest time of change in it, in seconds since 1970.
 * Rejects with `INPUT_ARCHIVE`.
 */
export async function unpackTarball(archive: string, url: string, folder: string): Promise<number> {
	let top: string | undefined;
	let latest = 0;
	const writer = new TreeWriter({
		folder,
		maximum: MOST_BYTES,
		place: (name, { kind, modified }) => {
			latest = Math.max(latest, modified);
			const path = normalName(name);
			const slash = path.indexOf("/");
			if (path === "") return undefined;
			if (slash < 0 && kind !== "directory") throw new TarError(`'${path}' lies in no folder`);
			const first = slash < 0 ? path : path.slice(0, slash);
			top ??= first;
			if (first !== top) throw new TarError("it has more than one folder at its top");
			return slash < 0 ? undefined : path.slice(slash + 1);
		},
	});
	try {
		const data = readFileSync(archive);
		const parser = new TarParser(writer);
		for await (const piece of await decompressed({ name: `archive.${compressionOf(data)}`, data, archive })) {
			parser.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
		}
		parser.end();
		return latest;
	} catch (error) {
		// A full disk and the like are the machine's fault; decoders of archives throw errors of every kind.
		if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
		return fail(
			"INPUT_ARCHIVE",
			`${url} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`,
			{
				hint: "an input's archive is a tarball with one folder at its top",
			},
		);
	} finally {
		writer.abandon();
	}
}

/** By the first bytes: addresses need not say it. */
function compressionOf(data: Buffer): string {
	const starts: readonly (readonly [string, readonly number[]])[] = [
		["gz", [0x1f, 0x8b]],
		["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
		["zst", [0x28, 0xb5, 0x2f, 0xfd]],
		["bz2", [0x42, 0x5a, 0x68]],
	];
	const found = starts.find(([, bytes]) => bytes.every((byte, index) => data[index] === byte));
	if (found === undefined && data.toString("latin1", 0, 4) === "PK\x03\x04") throw new Error("it is a zip file");
	return found?.[0] ?? "tar";
}
