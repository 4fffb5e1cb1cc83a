/**
 * One binary cache, in a folder (`file:`) or behind a web server: Nix's layout of `nix-cache-info`, `<hash part>.narinfo` and
 * `nar/…`. Layer 3.
 */

import {
	copyFileSync,
	createReadStream,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DiagnosticError, fail } from "@devenv/diagnostics";
import type { NarInfo } from "@devenv/nix-formats";
import type { Fetcher } from "../fetch/fetcher.ts";
import { createAgents, type DownloadAgents } from "../fetch/http-download.ts";
import { withoutSecrets } from "../fetch/http-fetcher.ts";
import type { CacheAddress } from "./cache-address.ts";
import { type CacheInfo, formatCacheInfo, parseCacheInfo } from "./cache-info.ts";

export interface BinaryCacheOptions {
	readonly fetcher: Fetcher;
	/** Folder for what is on its way. */
	readonly scratch: () => string;
	readonly storeDir: string;
}

/** What is uploaded. */
interface Body {
	readonly file: string;
	readonly type: string;
}

const ATTEMPTS = 4;
const MOST_TEXT = 1 << 20;
const NARINFO_TYPE = "text/x-nix-narinfo";

export class BinaryCache {
	readonly address: CacheAddress;
	readonly #options: BinaryCacheOptions;
	#info: Promise<CacheInfo> | undefined;
	#agents: DownloadAgents | undefined;

	constructor(address: CacheAddress, options: BinaryCacheOptions) {
		this.address = address;
		this.#options = options;
	}

	/** For people. */
	get name(): string {
		return withoutSecrets(this.address.url);
	}

	/** Rejects with `CACHE_STORE_DIR` for a cache of another store folder, `CACHE_INFO`, `FETCH_…`. */
	info(signal?: AbortSignal): Promise<CacheInfo> {
		this.#info ??= this.#readInfo(signal).catch((error: unknown) => {
			this.#info = undefined;
			throw error;
		});
		return this.#info;
	}

	/** The text of a narinfo; undefined where it has none. */
	narInfo(hashPart: string, signal?: AbortSignal): Promise<string | undefined> {
		return this.#text(`${hashPart}.narinfo`, signal);
	}

	/** Fetches the file that a narinfo names; checked by the hash and size that it gives. */
	async fetchNar(
		info: NarInfo,
		destination: string,
		options: { readonly signal?: AbortSignal; readonly onProgress?: (done: number) => void } = {},
	): Promise<void> {
		await this.#options.fetcher.fetch({
			url: `${this.address.url}/${info.url}`,
			destination,
			...(info.fileHash === undefined ? {} : { expected: info.fileHash }),
			...(info.fileSize === undefined ? {} : { size: info.fileSize }),
			...(options.signal === undefined ? {} : { signal: options.signal }),
			...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
		});
	}

	/** Makes it a cache where it is none yet. */
	async prepareForWriting(): Promise<void> {
		try {
			await this.info();
		} catch (error) {
			if (!isNotFound(error)) throw error;
			const { storeDir } = this.#options;
			await this.putText("nix-cache-info", formatCacheInfo({ storeDir, wantMassQuery: true, priority: 30 }));
		}
	}

	putNarInfo(hashPart: string, text: string): Promise<void> {
		return this.putText(`${hashPart}.narinfo`, text, NARINFO_TYPE);
	}

	async putText(name: string, text: string, type: string = "text/plain"): Promise<void> {
		const file = this.#newFile();
		try {
			writeFileSync(file, text);
			await this.putFile(name, file, type);
		} finally {
			rmSync(file, { force: true });
		}
	}

	/** Puts a copy of a file there, in one step. Rejects with `CACHE_WRITE`. */
	async putFile(name: string, file: string, type: string = "application/x-nix-archive"): Promise<void> {
		if (this.address.url.startsWith("file:")) putInFolder(join(fileURLToPath(this.address.url), name), file);
		else await this.#upload(name, file, type);
	}

	/** Whether a file is there. */
	async has(name: string): Promise<boolean> {
		if (!this.address.url.startsWith("file:")) return (await this.#ask("HEAD", name)) === 200;
		return statSync(join(fileURLToPath(this.address.url), name), { throwIfNoEntry: false }) !== undefined;
	}

	async #readInfo(signal?: AbortSignal): Promise<CacheInfo> {
		const text = await this.#text("nix-cache-info", signal);
		if (text === undefined) {
			return fail("FETCH_NOT_FOUND", `${this.name} has no nix-cache-info`, { hint: "is this a binary cache?" });
		}
		const info = parseCacheInfo(text, this.name, this.#options.storeDir);
		if (info.storeDir !== this.#options.storeDir) {
			fail("CACHE_STORE_DIR", `${this.name} has objects for ${info.storeDir}, not for ${this.#options.storeDir}`);
		}
		return info;
	}

	async #text(name: string, signal?: AbortSignal): Promise<string | undefined> {
		const destination = this.#newFile();
		try {
			await this.#options.fetcher.fetch({
				url: `${this.address.url}/${name}`,
				destination,
				maximum: MOST_TEXT,
				...(signal === undefined ? {} : { signal }),
			});
			return readFileSync(destination, "utf8");
		} catch (error) {
			if (isNotFound(error)) return undefined;
			throw error;
		} finally {
			rmSync(destination, { force: true });
		}
	}

	#newFile(): string {
		return join(this.#options.scratch(), randomBytes(9).toString("hex"));
	}

	async #upload(name: string, file: string, type: string): Promise<void> {
		const status = await this.#ask("PUT", name, { file, type });
		if (status >= 200 && status < 300) return;
		fail("CACHE_WRITE", `${this.name} does not take '${name}': HTTP status ${status}`, {
			hint: "does it allow uploads, and may you?",
		});
	}

	/** Tries again where the connection broke, as an idle one does when the server ends it, or the server is at its limit. */
	async #ask(method: "HEAD" | "PUT", name: string, body?: Body): Promise<number> {
		for (let attempt = 1; ; attempt++) {
			try {
				const status = await this.#askOnce(method, name, body);
				if (attempt === ATTEMPTS || (status < 500 && status !== 429)) return status;
			} catch (error) {
				if (attempt < ATTEMPTS) continue;
				const reason = error instanceof Error ? error.message : String(error);
				return fail("CACHE_WRITE", `cannot reach ${this.name}: ${reason}`);
			}
			await sleep(250 * 2 ** attempt);
		}
	}

	async #askOnce(method: "HEAD" | "PUT", name: string, body: Body | undefined): Promise<number> {
		const url = new URL(`${this.address.url}/${name}`);
		const secure = url.protocol === "https:";
		this.#agents ??= createAgents(process.env);
		const headers: Record<string, string> = { "user-agent": "devenv" };
		if (body !== undefined) {
			headers["content-type"] = body.type;
			headers["content-length"] = String(statSync(body.file).size);
		}
		const agent = secure ? this.#agents.https : this.#agents.http;
		const outgoing = (secure ? httpsRequest : httpRequest)(url, { method, headers, agent, timeout: 60_000 });
		const status = new Promise<number>((resolve, reject) => {
			outgoing.once("response", (response) => {
				response.resume();
				response.once("end", () => {
					resolve(response.statusCode ?? 0);
				});
				response.once("error", reject);
			});
			outgoing.once("error", reject);
			outgoing.once("timeout", () => {
				outgoing.destroy(new Error("nothing came for 60 seconds"));
			});
		});
		try {
			if (body === undefined) outgoing.end();
			else await Promise.race([pipeline(createReadStream(body.file), outgoing), status]);
			return await status;
		} catch (error) {
			status.catch(() => undefined);
			return fail(
				"CACHE_WRITE",
				`cannot reach ${this.name}: ${error instanceof Error ? error.message : String(error)}`,
			);
		}
	}

	close(): void {
		this.#agents?.http.destroy();
		this.#agents?.https.destroy();
	}
}

function putInFolder(place: string, file: string): void {
	const fresh = `${place}.${randomBytes(6).toString("hex")}.part`;
	try {
		mkdirSync(dirname(place), { recursive: true });
		try {
			copyFileSync(file, fresh);
			renameSync(fresh, place);
		} catch (error) {
			rmSync(fresh, { force: true });
			throw error;
		}
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === undefined) throw error;
		fail("CACHE_WRITE", `cannot write ${place}: ${code}`);
	}
}

/** No such file; some servers (S3) say 403 where nobody may list the folder. */
function isNotFound(error: unknown): boolean {
	if (!(error instanceof DiagnosticError)) return false;
	return error.diagnostics.some(
		({ code, notes = [] }) =>
			code === "FETCH_NOT_FOUND" ||
			(code === "FETCH_FAILED" &&
				notes.length > 0 &&
				notes.every(({ message }) => message.includes("HTTP status 403"))),
	);
}
