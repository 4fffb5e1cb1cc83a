/**
 * An object that comes as a NAR, from a binary cache or another store. Layer 2. It is restored to the session's
 * folder while it is hashed; nothing is registered before hash, size and content address agree.
 */

import { createHash } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import {
	bytesFromText,
	equalHashes,
	formatHash,
	hashBytes,
	isDrvPath,
	NarParser,
	type Hash,
} from "@devenv/nix-formats";
import type { AddContext } from "./add-path.ts";
import { type ContentAddress, contentAddressedPath, parseContentAddress } from "./content-address.ts";
import { deleteTree } from "./file-tree.ts";
import { hashPaths } from "./hash-pool.ts";
import { NarRestorer } from "./nar-restore.ts";
import { failHash } from "./register-outputs.ts";
import type { NarImport, PathInfo } from "./store.ts";

/** Bytes of a file that is hashed at once: no thread is worth its start. */
const SMALL: number = 1 << 20;

export async function importNar(
	context: AddContext,
	info: NarImport,
	nar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<PathInfo> {
	if (context.present(info.path) && info.replace !== true) return context.pathInfo(info.path);
	const from = context.newPath();
	try {
		await restoreChecked(from, info, nar);
		if (info.contentAddress !== undefined) await checkContentAddress(context, info, from);
		const derivation = isDrvPath(info.path, context.storeDir)
			? context.derivation(info.path, readFileSync(from, "latin1"))
			: undefined;
		const registered: PathInfo = {
			path: info.path,
			narHash: info.narHash,
			narSize: info.narSize,
			references: [...new Set(info.references)].sort(),
			deriver: info.deriver,
			registrationTime: Math.floor(Date.now() / 1000),
			ultimate: false,
			signatures: info.signatures ?? [],
			contentAddress: info.contentAddress,
		};
		const replace = info.replace === true;
		context.optimise(from, replace);
		context.register([{ info: registered, from, replace, ...(derivation && { derivation }) }]);
	} finally {
		deleteTree(bytesFromText(from));
	}
	return context.pathInfo(info.path);
}

async function restoreChecked(
	from: string,
	info: NarImport,
	nar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
	const hash = createHash("sha256");
	const restorer = new NarRestorer(bytesFromText(from));
	const parser = new NarParser((event) => {
		restorer.write(event);
	});
	let size = 0;
	try {
		for await (const piece of nar) {
			size += piece.length;
			// Before the disk is filled by an archive that cannot be the right one.
			if (size > info.narSize) failSize(info, `more than ${info.narSize}`);
			hash.update(piece);
			parser.push(piece);
		}
		parser.finish();
	} finally {
		restorer.abandon();
	}
	if (size !== info.narSize) failSize(info, String(size));
	const found: Hash = { algo: "sha256", bytes: hash.digest() };
	if (!equalHashes(found, info.narHash)) {
		failHash(info.path, formatHash(info.narHash, "sri"), formatHash(found, "sri"));
	}
}

async function checkContentAddress(context: AddContext, info: NarImport, from: string): Promise<void> {
	const address = parseContentAddress(info.contentAddress ?? "");
	const expected = contentAddressedPath({
		path: info.path,
		address,
		references: info.references,
		storeDir: context.storeDir,
	});
	// With a self reference the name holds a hash modulo that reference, which its NAR hash does not give.
	const hashable = !info.references.includes(info.path);
	const found = hashable ? await contentHash(info, address, from) : undefined;
	if (found !== undefined && !equalHashes(found, address.hash)) {
		failHash(info.path, formatHash(address.hash, "sri"), formatHash(found, "sri"));
	}
	if (expected !== info.path) {
		fail("STORE_CONTENT_ADDRESS", `the content address ${info.contentAddress} gives ${expected}, not ${info.path}`);
	}
}

/** The hash of a content address; of whole trees it is that of the NAR, which has been seen to be right. */
async function contentHash(info: NarImport, { method, hash }: ContentAddress, from: string): Promise<Hash | undefined> {
	if (method === "recursive" && hash.algo === info.narHash.algo) return info.narHash;
	if (method !== "recursive" && info.narSize <= SMALL && lstatSync(from).isFile()) {
		return hashBytes(hash.algo, readFileSync(from));
	}
	const [digest] = await hashPaths([{ path: from, content: { method, algo: hash.algo } }]);
	return digest?.contentHash;
}

function failSize(info: NarImport, found: string): never {
	return fail("STORE_NAR_SIZE", `the archive of ${info.path} has ${found} bytes, not ${info.narSize}`, {
		hint: "the archive is damaged or truncated; fetch it again, from another place if it stays so",
	});
}
