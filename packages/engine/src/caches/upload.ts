/** Copies store objects to a binary cache. Layer 3. An object comes after all that it refers to, its narinfo after its NAR. */

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import {
	encodeBase32,
	formatNarInfo,
	type SecretKey,
	signObject,
	storePathHashPart,
	storePathName,
	type StorePath,
} from "@devenv/nix-formats";
import { formatNarListing, type Scratch, type Store } from "@devenv/store";
import type { EngineListener } from "../engine-event.ts";
import type { BinaryCache } from "./binary-cache.ts";
import { compressions } from "./nar-compression.ts";
import type { NarThread } from "./nar-thread.ts";
import { readSecretKey } from "./read-secret-key.ts";

export interface UploadWorld {
	readonly store: Store;
	readonly thread: NarThread;
	readonly scratch: Scratch;
}

export interface UploadReport {
	/** Objects copied, and those that were there. */
	readonly copied: number;
	readonly present: number;
	/** Of the copied ones, compressed. */
	readonly bytes: number;
}

/** Copies paths with all that they refer to. Rejects with `STORE_PATH_NOT_VALID`, `CACHE_…`, `KEY_…`. */
export async function uploadTo(
	cache: BinaryCache,
	paths: readonly StorePath[],
	world: UploadWorld,
	{ signal, emit }: { readonly signal: AbortSignal; readonly emit: EngineListener },
): Promise<UploadReport> {
	const { store } = world;
	for (const path of paths) store.addTempRoot(path);
	const closure = store.computeClosure(paths);
	const key = cache.address.secretKey === undefined ? undefined : readSecretKey(cache.address.secretKey);
	await cache.prepareForWriting();
	let [copied, present, bytes] = [0, 0, 0];
	for (const path of closure) {
		signal.throwIfAborted();
		const message = `copying to ${cache.name}: ${copied + present + 1} of ${closure.length}: ${storePathName(path)}`;
		emit({ kind: "phase", phase: "realise", message });
		if (await cache.has(`${storePathHashPart(path)}.narinfo`)) {
			present += 1;
			continue;
		}
		const size = await uploadOne(cache, path, world, key);
		copied += 1;
		bytes += size;
	}
	return { copied, present, bytes };
}

async function uploadOne(
	cache: BinaryCache,
	path: StorePath,
	{ store, thread, scratch }: UploadWorld,
	key: SecretKey | undefined,
): Promise<number> {
	const { compression } = cache.address;
	const file = join(scratch.path, randomBytes(9).toString("hex"));
	try {
		const { fileHash, fileSize } = await thread.export({ path, file, compression });
		const url = `nar/${encodeBase32(fileHash.bytes)}.nar${compressions[compression]}`;
		const info = store.pathInfo(path);
		if (!(await cache.has(url))) await cache.putFile(url, file);
		if (cache.address.writeNarListing) {
			const listing = formatNarListing(store.physical(path));
			await cache.putText(`${storePathHashPart(path)}.ls`, listing, "application/json");
		}
		const signatures = key === undefined ? info.signatures : [...new Set([...info.signatures, signObject(info, key)])];
		await cache.putNarInfo(
			storePathHashPart(path),
			formatNarInfo({
				path,
				url,
				compression,
				fileHash,
				fileSize,
				narHash: info.narHash,
				narSize: info.narSize,
				references: info.references,
				deriver: info.deriver,
				system: undefined,
				signatures,
				contentAddress: info.contentAddress,
			}),
		);
		return fileSize;
	} finally {
		rmSync(file, { force: true });
	}
}
