/** Tarballs of inputs: one folder at the top, whose content is what counts. Layer 3. */

import { readFileSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import { decompressed } from "../builtin-builders/archives/decompressed.ts";
import { TarError, TarParser } from "../builtin-builders/archives/tar-parser.ts";
import { normalName, TreeWriter } from "../builtin-builders/archives/tree-writer.ts";

/** Most bytes of all files together. */
const MOST_BYTES: number = 2 ** 30;

/** Unpacks what lies in the archive's top folder into an empty folder. Rejects with `INPUT_ARCHIVE`. */
export async function unpackTarball(archive: string, url: string, folder: string): Promise<void> {
	let top: string | undefined;
	const writer = new TreeWriter({
		folder,
		maximum: MOST_BYTES,
		place: (name, { kind }) => {
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
		const name = url.replace(/\.tgz$/, ".tar.gz");
		const parser = new TarParser(writer);
		for await (const piece of await decompressed({ name, data: readFileSync(archive), archive })) {
			parser.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
		}
		parser.end();
	} catch (error) {
		// A full disk and the like are the machine's fault; decoders of archives throw errors of every kind.
		if ((error as NodeJS.ErrnoException).syscall !== undefined) throw error;
		fail("INPUT_ARCHIVE", `${url} cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`, {
			hint: "an input's archive is a tarball with one folder at its top",
		});
	} finally {
		writer.abandon();
	}
}
