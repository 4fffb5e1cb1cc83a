/**
 * The fetcher: tries every address of a URL in rounds, resumes what broke off, and hands over only a file with the right hash.
 *
 * What has come is kept in a partial file. Where the hash is known, the partial file may outlive the process (`partialFolder`) and
 * be completed from another mirror, since the hash decides in the end.
 */

import {
	closeSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	openSync,
	readSync,
	renameSync,
	rmSync,
	statSync,
	truncateSync,
	writeSync,
} from "node:fs";
import { createHash, randomBytes, type Hash as Hasher } from "node:crypto";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DiagnosticError, diagnose, fail, type DiagnosticNote } from "@devenv/diagnostics";
import { formatHash, type HashAlgo } from "@devenv/nix-formats";
import type { Fetcher, FetchRequest, FetchResult } from "./fetcher.ts";
import { abandonedParts, partPath } from "../part-file.ts";
import { createAgents, type DownloadAgents, DownloadError, download } from "./http-download.ts";
import { type MirrorSettings, resolveMirror } from "./mirrors.ts";

export interface FetcherOptions {
	readonly mirrors: MirrorSettings;
	/** For proxies and certificates; default: this process's. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** Folder for partial files of known hash; default: beside each destination, and gone after a failure. */
	readonly partialFolder?: string;
	/** How often each address is tried; default 4. */
	readonly rounds?: number;
	/** Milliseconds before the second round, doubled for each further one; default 300. */
	readonly backOff?: number;
}

const defaultMaximum = 64 * 2 ** 30;
const progressInterval = 100;

export function createFetcher(options: FetcherOptions): Fetcher {
	const agents = createAgents(options.env ?? process.env);
	return {
		fetch: (request) => fetchFile(request, options, agents),
		resolve: (url, snapshot) =>
			resolveMirror(url, options.mirrors, snapshot === undefined ? undefined : { moment: snapshot, only: false }),
		close: () => {
			agents.http.destroy();
			agents.https.destroy();
		},
	};
}

/** Another file than the hash or size promised. */
class WrongFile extends Error {
	readonly code: "FETCH_HASH_MISMATCH" | "FETCH_TRUNCATED" | "FETCH_TOO_LARGE";

	constructor(code: WrongFile["code"], message: string) {
		super(message);
		this.name = "WrongFile";
		this.code = code;
	}
}

interface Address {
	readonly url: string;
	/** The last failure. */
	problem?: DownloadError | WrongFile;
	/** Not asked again. */
	dropped: boolean;
}

async function fetchFile(request: FetchRequest, options: FetcherOptions, agents: DownloadAgents): Promise<FetchResult> {
	const { snapshot: moment, snapshotOnly: only = false } = request;
	const snapshot = moment === undefined ? undefined : { moment, only };
	const addresses: Address[] = resolveMirror(request.url, options.mirrors, snapshot).map((url) => {
		checkAddress(url);
		return { url, dropped: false };
	});
	const file = new PartialFile(request, options.partialFolder);
	try {
		const rounds = options.rounds ?? 4;
		for (let round = 0; round < rounds; round++) {
			const left = addresses.filter((address) => !address.dropped);
			if (left.length === 0) break;
			if (round > 0) {
				const asked = Math.max(0, ...left.map((address) => retryAfter(address.problem)));
				await sleep(Math.max(asked, (options.backOff ?? 300) * 2 ** (round - 1)), undefined, { ...signalOf(request) });
			}
			for (const address of left) {
				request.signal?.throwIfAborted();
				const result = await attempt(address, file, request, agents);
				if (result !== undefined) return result;
				request.onNote?.(`${withoutSecrets(address.url)}: ${address.problem?.message ?? "failed"}`);
			}
		}
		throw failure(request, addresses);
	} catch (error) {
		file.abandon();
		if (request.signal?.aborted === true) throw request.signal.reason;
		throw error;
	}
}

function signalOf(request: FetchRequest): { signal?: AbortSignal } {
	return request.signal === undefined ? {} : { signal: request.signal };
}

function retryAfter(problem: Address["problem"]): number {
	return problem instanceof DownloadError ? (problem.retryAfter ?? 0) : 0;
}

function checkAddress(url: string): void {
	const parsed = URL.parse(url);
	if (parsed === null || !["http:", "https:", "file:"].includes(parsed.protocol)) {
		fail("FETCH_URL", `cannot fetch '${withoutSecrets(url)}'`, { hint: "use an http:, https:, file: or mirror: URL" });
	}
}

/** The result, or undefined with the reason in `address`. */
async function attempt(
	address: Address,
	file: PartialFile,
	request: FetchRequest,
	agents: DownloadAgents,
): Promise<FetchResult | undefined> {
	try {
		if (address.url.startsWith("file:")) file.copyFrom(fileURLToPath(address.url));
		else {
			const offset = file.offsetFor(address.url);
			const end = await download({
				url: address.url,
				agents,
				offset,
				etag: file.etag,
				keepSecure: request.expected === undefined,
				signal: request.signal,
				onStart: (start, total, etag) => {
					file.start({ url: address.url, start, total, etag });
				},
				onChunk: (chunk) => {
					file.write(chunk);
				},
			});
			return file.finish(withoutSecrets(address.url), end);
		}
		return file.finish(address.url, { etag: undefined, lastModified: undefined });
	} catch (error) {
		if (error instanceof WrongFile) {
			address.problem = error;
			/* A resumed file may be wrong by its old part alone: the same address gets another chance, from the start. */
			address.dropped = !file.resumed;
			file.discard();
			return undefined;
		}
		if (!(error instanceof DownloadError)) throw error;
		address.problem = error;
		address.dropped = error.reason === "gone" || error.reason === "not-found";
		if (error.message.includes("416")) file.discard();
		return undefined;
	}
}

function failure(request: FetchRequest, addresses: readonly Address[]): DiagnosticError {
	const problems = addresses.flatMap((address) => (address.problem === undefined ? [] : [address.problem]));
	const notes: DiagnosticNote[] = addresses.map((address) => ({
		message: `${withoutSecrets(address.url)}: ${address.problem?.message ?? "not tried"}`,
	}));
	const url = withoutSecrets(request.url);
	const wrong = problems.find((problem) => problem instanceof WrongFile);
	if (wrong !== undefined) {
		return new DiagnosticError(
			diagnose(wrong.code, `'${url}' is not the file that was asked for: ${wrong.message}`, {
				notes,
				hint:
					wrong.code === "FETCH_HASH_MISMATCH"
						? "the mirror is out of date or was tampered with: try another mirror; if upstream changed the file, update the hash"
						: "try another mirror",
			}),
		);
	}
	const all = (reason: DownloadError["reason"]): boolean =>
		problems.every((problem) => problem instanceof DownloadError && problem.reason === reason);
	if (all("not-found")) {
		return new DiagnosticError(
			diagnose("FETCH_NOT_FOUND", `no server has '${url}'`, {
				notes,
				hint: "old versions leave the mirrors: 'devenv update' pins what they have now",
			}),
		);
	}
	const code = all("truncated") ? "FETCH_TRUNCATED" : "FETCH_FAILED";
	return new DiagnosticError(
		diagnose(code, `cannot fetch '${url}': ${problems.at(-1)?.message ?? "no address"}`, {
			notes,
			hint: "check the network (and http_proxy), or name another mirror in the user configuration",
		}),
	);
}

/** A URL as it may be shown: user name and password in it are left out. */
export function withoutSecrets(url: string): string {
	return url.replace(/^([a-z+]+:\/\/)[^/?#]*@/, "$1");
}

/** The file while it grows, with its hash so far. */
class PartialFile {
	readonly #request: FetchRequest;
	/** Where the file is kept between processes; undefined where it is not. */
	readonly #kept: string | undefined;
	readonly #path: string;
	#fd: number | undefined;
	#size = 0;
	#hashers: ReadonlyMap<HashAlgo, Hasher>;
	#total: number | undefined;
	#source: string | undefined;
	#lastProgress = 0;
	etag: string | undefined;
	/** What is there began in an earlier attempt. */
	resumed = false;

	constructor(request: FetchRequest, folder: string | undefined) {
		this.#request = request;
		this.#hashers = newHashers(request);
		if (folder !== undefined && request.expected !== undefined) {
			mkdirSync(folder, { recursive: true, mode: 0o700 });
			this.#kept = join(folder, `${request.expected.algo}-${formatHash(request.expected, "base16")}`);
			this.#path = partPath(this.#kept);
			for (const left of [this.#kept, ...abandonedParts(this.#kept)]) this.#takeOver(left);
			this.#readAll();
		} else {
			this.#path = join(dirname(request.destination), `.fetch-${randomBytes(6).toString("hex")}`);
		}
	}

	/** Claims a file that an earlier process left, by renaming it: no two processes append to one file. Of several one is enough. */
	#takeOver(left: string): void {
		try {
			renameSync(left, this.#path);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
		}
	}

	/** Hashes what is there, if anything is. */
	#readAll(): void {
		if (!existsSync(this.#path)) return;
		const fd = openSync(this.#path, "r+");
		const buffer = Buffer.allocUnsafe(1 << 20);
		for (;;) {
			const length = readSync(fd, buffer, 0, buffer.length, this.#size);
			if (length === 0) break;
			this.#add(buffer.subarray(0, length));
		}
		this.#fd = fd;
	}

	#add(bytes: Buffer): void {
		for (const hasher of this.#hashers.values()) hasher.update(bytes);
		this.#size += bytes.length;
	}

	/** The bytes that need not be asked for again: all, where the hash decides, or those of the same address and ETag. */
	offsetFor(url: string): number {
		this.resumed = this.#size > 0;
		const usable = this.#request.expected !== undefined || (this.#source === url && this.etag !== undefined);
		return usable ? this.#size : 0;
	}

	start(head: {
		readonly url: string;
		readonly start: number;
		readonly total: number | undefined;
		readonly etag: string | undefined;
	}): void {
		const { total } = head;
		if (head.start === 0) this.discard();
		this.#source = head.url;
		this.etag = head.etag;
		this.#total = total ?? this.#request.size;
		const maximum = this.#request.size ?? this.#request.maximum ?? defaultMaximum;
		if (total !== undefined && total > maximum) throw tooLarge(total, maximum);
		if (total !== undefined && this.#request.size !== undefined && total !== this.#request.size) {
			throw new WrongFile("FETCH_TRUNCATED", `it is ${total} bytes long instead of ${this.#request.size}`);
		}
		this.#fd ??= openSync(this.#path, "w", 0o644);
	}

	write(chunk: Buffer): void {
		const maximum = this.#request.size ?? this.#request.maximum ?? defaultMaximum;
		if (this.#size + chunk.length > maximum) throw tooLarge(this.#size + chunk.length, maximum);
		if (this.#fd === undefined) throw new Error("a chunk came before the start");
		for (let done = 0; done < chunk.length; )
			done += writeSync(this.#fd, chunk, done, chunk.length - done, this.#size + done);
		this.#add(chunk);
		const now = performance.now();
		if (now - this.#lastProgress >= progressInterval) {
			this.#lastProgress = now;
			this.#request.onProgress?.(this.#size, this.#total);
		}
	}

	copyFrom(path: string): void {
		this.discard();
		try {
			/* Opening a pipe would wait for its writer, and everything else with it; a device has no end. */
			const info = statSync(path, { throwIfNoEntry: false });
			if (info !== undefined && !info.isFile()) throw new DownloadError("gone", "it is no file");
			const maximum = this.#request.size ?? this.#request.maximum ?? defaultMaximum;
			if (info !== undefined && info.size > maximum) throw tooLarge(info.size, maximum);
			copyFileSync(path, this.#path);
		} catch (error) {
			const { code, message } = error as NodeJS.ErrnoException;
			if (code === "ENOENT" || code === "ENOTDIR") throw new DownloadError("not-found", "there is no such file");
			if (code === "EACCES" || code === "EISDIR") throw new DownloadError("gone", message);
			throw error;
		}
		this.#readAll();
	}

	/** Checks size and hash and puts the file in place. */
	finish(
		url: string,
		end: { readonly etag: string | undefined; readonly lastModified: string | undefined },
	): FetchResult {
		const { expected, size, destination } = this.#request;
		if (size !== undefined && this.#size !== size) {
			throw new WrongFile("FETCH_TRUNCATED", `it is ${this.#size} bytes long instead of ${size}`);
		}
		const digests = new Map([...this.#hashers].map(([algo, hasher]) => [algo, hasher.digest()]));
		const got = expected === undefined ? undefined : digests.get(expected.algo);
		if (expected !== undefined && got !== undefined && Buffer.compare(got, expected.bytes) !== 0) {
			const shown = formatHash({ algo: expected.algo, bytes: got }, "sri");
			throw new WrongFile("FETCH_HASH_MISMATCH", `its hash is ${shown} instead of ${formatHash(expected, "sri")}`);
		}
		this.#close();
		moveFile(this.#path, destination);
		this.#request.onProgress?.(this.#size, this.#size);
		const sha256 = digests.get("sha256");
		if (sha256 === undefined) throw new Error("the SHA-256 is always computed");
		return {
			url,
			size: this.#size,
			sha256,
			...(end.etag === undefined ? {} : { etag: end.etag }),
			...(end.lastModified === undefined ? {} : { lastModified: end.lastModified }),
		};
	}

	/** Starts again from nothing. */
	discard(): void {
		if (this.#fd !== undefined) truncateSync(this.#path, 0);
		this.#size = 0;
		this.#hashers = newHashers(this.#request);
		this.etag = undefined;
		this.resumed = false;
	}

	/** After the last failure: what may be completed later is kept, anything else removed. */
	abandon(): void {
		const kept = this.#fd !== undefined && this.#size > 0 ? this.#kept : undefined;
		this.#close();
		if (kept === undefined) rmSync(this.#path, { force: true });
		else renameSync(this.#path, kept);
	}

	#close(): void {
		if (this.#fd !== undefined) closeSync(this.#fd);
		this.#fd = undefined;
	}
}

function tooLarge(size: number, maximum: number): WrongFile {
	return new WrongFile("FETCH_TOO_LARGE", `it has ${size} bytes or more, where ${maximum} are the most`);
}

function newHashers(request: FetchRequest): ReadonlyMap<HashAlgo, Hasher> {
	const algorithms = new Set<HashAlgo>(["sha256"]);
	if (request.expected !== undefined) algorithms.add(request.expected.algo);
	return new Map([...algorithms].map((algo) => [algo, createHash(algo)]));
}

function moveFile(from: string, to: string): void {
	try {
		renameSync(from, to);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
		copyFileSync(from, to);
		rmSync(from);
	}
}
