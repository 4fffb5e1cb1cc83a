/** Requests of the worker protocol that bring archives and files into the store, or out of it. Layer 4. */

import { createHash, randomBytes } from "node:crypto";
import { chmodSync, closeSync, createReadStream, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail } from "@devenv/diagnostics";
import type { NarThread } from "@devenv/engine";
import {
	type Hash,
	type HashAlgo,
	isHashAlgo,
	makeFixedOutputPath,
	parseDrvPath,
	type StorePath,
	type FramedSource,
} from "@devenv/nix-formats";
import { buildLogPath, formatContentAddress, type NarImport, type Store } from "@devenv/store";
import { readPathInfo, readPaths, requireValid, writePathInfo } from "./store-objects.ts";
import type { WorkerRequest } from "./worker-session.ts";

export interface AddRequestOptions {
	/** A session of the store for this client alone. */
	readonly store: Store;
	readonly nars: NarThread;
}

export class AddRequests {
	readonly #options: AddRequestOptions;

	constructor(options: AddRequestOptions) {
		this.#options = options;
	}

	async addToStore({ answer, source }: WorkerRequest): Promise<void> {
		const { store } = this.#options;
		const name = await source.string();
		const how = await source.string();
		const references = await readPaths(source, store.storeDir);
		await source.boolean(); // repair
		const data = source.framed();
		await answer(
			() => data.whole(async () => store.pathInfo(await this.#add({ name, how, references }, data))),
			(sink, info) => {
				sink.string(info.path);
				writePathInfo(sink, info);
			},
		);
	}

	async #add(
		{
			name,
			how,
			references,
		}: { readonly name: string; readonly how: string; readonly references: readonly StorePath[] },
		data: FramedSource,
	): Promise<StorePath> {
		const { store } = this.#options;
		const { method, algo } = parseMethod(how);
		if (method === "text") {
			const pieces: Buffer[] = [];
			for await (const piece of data.pieces()) pieces.push(piece);
			return store.addText({ name, contents: Buffer.concat(pieces).toString("latin1"), references });
		}
		if (references.length > 0)
			fail("WORKER_UNSUPPORTED", "this daemon does not support references of what is added by its hash");
		using scratch = store.scratch();
		const file = join(scratch.path, "data");
		const { hash, size, sha256 } = await spool(data, file, algo);
		if (method === "flat") return store.addPath({ name, source: file, method, algo });
		const path = makeFixedOutputPath({ name, method, hash, storeDir: store.storeDir });
		if (store.isValid(path)) {
			store.addTempRoot(path);
			return path;
		}
		const contentAddress = formatContentAddress({ method, hash });
		const info = { path, narHash: sha256, narSize: size, references: [], contentAddress };
		await store.importNar(info, createReadStream(file, { highWaterMark: 1 << 20 }));
		return path;
	}

	async addToStoreNar({ answer, source }: WorkerRequest): Promise<void> {
		const info = await readPathInfo(source, this.#options.store.storeDir);
		const replace = await source.boolean();
		await source.boolean(); // without signatures: the client is trusted
		const data = source.framed();
		await answer(
			() => data.whole(() => this.#import({ ...info, replace }, data)),
			() => undefined,
		);
	}

	async addMultipleToStore({ answer, source }: WorkerRequest): Promise<void> {
		const replace = await source.boolean();
		await source.boolean(); // without signatures
		const data = source.framed();
		await answer(
			() =>
				data.whole(async () => {
					for (let left = await data.number(); left > 0; left--)
						await this.#import({ ...(await readPathInfo(data, this.#options.store.storeDir)), replace }, data);
				}),
			() => undefined,
		);
	}

	/** The archive is what comes next of the data. */
	async #import(info: NarImport, data: FramedSource): Promise<void> {
		const { store } = this.#options;
		store.addTempRoot(info.path);
		if (store.isValid(info.path) && info.replace !== true) {
			for await (const _ of data.stream(info.narSize));
			return;
		}
		await store.importNar(info, data.stream(info.narSize));
	}

	async addBuildLog({ answer, source }: WorkerRequest): Promise<void> {
		const { store } = this.#options;
		const drvPath = parseDrvPath(await source.string(), store.storeDir);
		const data = source.framed();
		await answer(
			() =>
				data.whole(async () => {
					const file = buildLogPath(store.buildLogs, drvPath);
					const part = `${file}.${randomBytes(6).toString("hex")}.part`;
					mkdirSync(dirname(file), { recursive: true });
					try {
						await spool(data, part, "sha256");
						chmodSync(part, 0o644);
						renameSync(part, file);
					} finally {
						rmSync(part, { force: true });
					}
				}),
			(sink) => sink.number(1),
		);
	}

	async narFromPath(request: WorkerRequest, path: StorePath): Promise<void> {
		const { store, nars } = this.#options;
		using scratch = store.scratch();
		const file = join(scratch.path, "nar");
		const ready = await request.answer(
			async () => {
				requireValid(store, path);
				await nars.export({ path, file, compression: "none" });
			},
			() => undefined,
		);
		if (!ready) return;
		for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) await request.raw(piece as Buffer);
	}
}

/** How content-addressed data is hashed, as `text:sha256`, `fixed:sha1` or `fixed:r:sha256`. */
function parseMethod(text: string): { readonly method: "text" | "flat" | "recursive"; readonly algo: HashAlgo } {
	const [, kind = "", algo = ""] = /^(text|fixed|fixed:r):([a-z0-9]+)$/.exec(text) ?? [];
	if (!isHashAlgo(algo) || (kind === "text" && algo !== "sha256"))
		fail("WORKER_UNSUPPORTED", `this daemon does not support adding by '${text}'`);
	return { method: kind === "text" ? "text" : kind === "fixed" ? "flat" : "recursive", algo };
}

/** Writes data to a file; its size, its hash, and its SHA-256. */
async function spool(
	data: FramedSource,
	file: string,
	algo: HashAlgo,
): Promise<{ readonly size: number; readonly hash: Hash; readonly sha256: Hash }> {
	const sha256 = createHash("sha256");
	const other = algo === "sha256" ? sha256 : createHash(algo);
	const descriptor = openSync(file, "w", 0o600);
	let size = 0;
	try {
		for await (const piece of data.pieces()) {
			for (let at = 0; at < piece.length; ) at += writeSync(descriptor, piece, at);
			sha256.update(piece);
			if (other !== sha256) other.update(piece);
			size += piece.length;
		}
	} finally {
		closeSync(descriptor);
	}
	const whole: Hash = { algo: "sha256", bytes: sha256.digest() };
	return { size, sha256: whole, hash: other === sha256 ? whole : { algo, bytes: other.digest() } };
}
