/**
 * A store as a binary cache over HTTP, read only. Layer 3. NARs are sent uncompressed, with ranges, so that a download that
 * broke off goes on.
 */

import { randomBytes } from "node:crypto";
import { createReadStream, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fail } from "@devenv/diagnostics";
import {
	encodeBase32,
	formatNarInfo,
	isDrvPath,
	type SecretKey,
	signObject,
	storePathHashPart,
} from "@devenv/nix-formats";
import { formatNarListing, openStore, type PathInfo, readBuildLog, type Store } from "@devenv/store";
import { formatCacheInfo } from "./cache-info.ts";
import { NarThread } from "./nar-thread.ts";

export interface CacheServerOptions {
	readonly storeRoot: string;
	readonly host: string;
	/** 0: any that is free. */
	readonly port: number;
	/** Signs what it offers, beside the signatures that are there. */
	readonly secretKey?: SecretKey;
	readonly priority: number;
	/** One line a request. */
	readonly onRequest: (line: string) => void;
}

export interface CacheServer {
	/** `http://host:port`. */
	readonly url: string;
	close(): Promise<void>;
}

/** Rejects with `CACHE_LISTEN` and `STORE_…`. */
export async function startCacheServer(options: CacheServerOptions): Promise<CacheServer> {
	const server = new StoreServer(options);
	try {
		return { url: await server.listen(), close: () => server.close() };
	} catch (error) {
		await server.close();
		throw error;
	}
}

class StoreServer {
	readonly #options: CacheServerOptions;
	readonly #store: Store;
	readonly #thread: NarThread;
	readonly #folder = mkdtempSync(join(tmpdir(), "devenv-serve-"));
	readonly #server: Server;

	constructor(options: CacheServerOptions) {
		this.#options = options;
		this.#store = openStore({ root: options.storeRoot });
		this.#thread = new NarThread(this.#store.place);
		this.#server = createServer((request, response) => {
			this.#answer(request, response).catch((error: unknown) => {
				options.onRequest(
					`${request.method} ${request.url}: ${error instanceof Error ? error.message : String(error)}`,
				);
				if (response.headersSent) response.destroy();
				else response.writeHead(500).end();
			});
		});
	}

	async listen(): Promise<string> {
		const { host, port } = this.#options;
		await new Promise<void>((resolve, reject) => {
			this.#server.once("error", reject);
			this.#server.listen(port, host, resolve);
		}).catch((error: unknown) =>
			fail("CACHE_LISTEN", `cannot listen on ${host}:${port}: ${String((error as NodeJS.ErrnoException).code)}`, {
				hint: "name another address by --listen",
			}),
		);
		const { address, family, port: bound } = this.#server.address() as AddressInfo;
		return `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`;
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
		await this.#thread.close();
		this.#store.close();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const path = URL.parse(request.url ?? "", "http://localhost")?.pathname ?? "";
		response.once("finish", () => {
			this.#options.onRequest(`${request.method} ${path} ${response.statusCode}`);
		});
		if (request.method !== "GET" && request.method !== "HEAD") {
			response.writeHead(405, { allow: "GET, HEAD" }).end();
			return;
		}
		const text = (type: string, body: string): void => {
			response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body) });
			response.end(request.method === "HEAD" ? "" : body);
		};
		if (path === "/nix-cache-info") {
			const { storeDir } = this.#store;
			text(
				"text/x-nix-cache-info",
				formatCacheInfo({ storeDir, wantMassQuery: true, priority: this.#options.priority }),
			);
			return;
		}
		const log = this.#log(/^\/log\/([^/]+\.drv)$/.exec(path)?.[1]);
		if (log !== undefined) {
			text("text/plain; charset=utf-8", log);
			return;
		}
		const listed = this.#find(/^\/([0-9a-z]{32})\.ls$/.exec(path)?.[1]);
		if (listed !== undefined) {
			text("application/json", formatNarListing(this.#store.physical(listed.path)));
			return;
		}
		const narInfo = /^\/([0-9a-z]{32})\.narinfo$/.exec(path)?.[1];
		const nar = /^\/nar\/([0-9a-z]{32})-([0-9a-z]{52})\.nar$/.exec(path);
		const info = this.#find(narInfo ?? nar?.[1]);
		if (info === undefined || (nar !== null && encodeBase32(info.narHash.bytes) !== nar[2])) {
			response.writeHead(404).end();
		} else if (nar === null) text("text/x-nix-narinfo", this.#narInfo(info));
		else await this.#sendNar(info, request, response);
	}

	#find(hashPart: string | undefined): PathInfo | undefined {
		const path = hashPart === undefined ? undefined : this.#store.queryPathFromHashPart(hashPart);
		if (path === undefined) return undefined;
		// So that it is not collected between a narinfo and its NAR.
		this.#store.addTempRoot(path);
		return this.#store.queryPathInfo(path);
	}

	/** What a build said, by its derivation's name in the store. */
	#log(name: string | undefined): string | undefined {
		const { storeDir, buildLogs } = this.#store;
		const path = `${storeDir}/${name ?? ""}`;
		return isDrvPath(path, storeDir) ? readBuildLog([buildLogs], path)?.toString("utf8") : undefined;
	}

	#narInfo(info: PathInfo): string {
		const { secretKey } = this.#options;
		const { path, narHash, narSize, references, deriver, signatures, contentAddress } = info;
		const own = secretKey === undefined ? [] : [signObject(info, secretKey)];
		return formatNarInfo({
			path,
			url: `nar/${storePathHashPart(path)}-${encodeBase32(narHash.bytes)}.nar`,
			compression: "none",
			fileHash: narHash,
			fileSize: narSize,
			narHash,
			narSize,
			references,
			deriver,
			system: undefined,
			signatures: [...new Set([...signatures, ...own])],
			contentAddress,
		});
	}

	async #sendNar({ path, narSize }: PathInfo, request: IncomingMessage, response: ServerResponse): Promise<void> {
		const range = parseRange(request.headers.range, narSize);
		if (range === "unsatisfiable") {
			response.writeHead(416, { "content-range": `bytes */${narSize}` }).end();
			return;
		}
		const { start, end } = range ?? { start: 0, end: narSize - 1 };
		response.writeHead(range === undefined ? 200 : 206, {
			"content-type": "application/x-nix-nar",
			"accept-ranges": "bytes",
			"content-length": end - start + 1,
			...(range === undefined ? {} : { "content-range": `bytes ${start}-${end}/${narSize}` }),
		});
		if (request.method === "HEAD") {
			response.end();
			return;
		}
		const file = join(this.#folder, randomBytes(9).toString("hex"));
		try {
			await this.#thread.export({ path, file, compression: "none" });
			// Opened here: a stream that opens it itself may come to that when its client has left and the file is gone.
			await pipeline(createReadStream(file, { fd: openSync(file, "r"), start, end }), response);
		} catch (error) {
			// The client may leave when it likes.
			if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
		} finally {
			rmSync(file, { force: true });
		}
	}
}

/** One range of RFC 9110, section 14; undefined for none, and for forms that need not be understood. */
function parseRange(
	text: string | undefined,
	size: number,
): { readonly start: number; readonly end: number } | "unsatisfiable" | undefined {
	const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(text ?? "") ?? [];
	if (from === "" && to === "") return undefined;
	const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
	const end = from === "" || to === "" ? size - 1 : Math.min(size - 1, Number(to));
	if (start >= size || (from === "" && Number(to) === 0)) return "unsatisfiable";
	return start > end ? undefined : { start, end };
}
