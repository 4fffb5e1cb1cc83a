/**
 * A mirror on the loopback interface that passes on what the machine's own mirrors have, and injects faults on request.
 * An installation that is configured with it reaches no other mirror.
 */

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFetcher } from "../../packages/engine/src/fetch/http-fetcher.ts";
import { readAptMirrors } from "../../packages/engine/src/fetch/mirrors.ts";
import type { Fetcher } from "../../packages/engine/src/fetch/fetcher.ts";
import type { Installation } from "./installation.ts";

/** What happens to a request. */
export type Fault =
	| { readonly kind: "status"; readonly status: number }
	/** The file's bytes, changed. */
	| { readonly kind: "alter"; readonly alter: (content: Buffer) => Buffer }
	/** The head promises the whole file, and the connection ends in the middle. */
	| { readonly kind: "truncate" }
	/** Half of the file comes, the rest only after {@link FaultyMirror.clear}. */
	| { readonly kind: "stall" };

interface Rule {
	readonly pattern: RegExp;
	readonly fault: Fault;
}

export class FaultyMirror {
	/** Paths asked for, as `<archive>/<path>`, in order. */
	readonly requests: string[] = [];
	readonly #server: Server;
	readonly #folder: string;
	readonly #fetcher: Fetcher;
	readonly #files = new Map<string, Promise<Buffer | undefined>>();
	#port = 0;
	#rules: Rule[] = [];
	#cleared = Promise.withResolvers<undefined>();
	#reached: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];

	private constructor() {
		this.#folder = mkdtempSync(join(tmpdir(), "devenv-mirror-"));
		this.#fetcher = createFetcher({ mirrors: { user: new Map(), apt: readAptMirrors() } });
		this.#server = createServer((request, response) => void this.#answer(request, response));
		// Tunnels to other servers.
		this.#server.on("connect", (_request, socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
	}

	static async start(): Promise<FaultyMirror> {
		const mirror = new FaultyMirror();
		await mirror.listen();
		return mirror;
	}

	/** Starts one and leads an installation to it. */
	static async startFor(installation: Installation): Promise<FaultyMirror> {
		const mirror = await FaultyMirror.start();
		installation.write(join(installation.home, "config/config.yaml"), mirror.config);
		installation.environment = mirror.environment;
		return mirror;
	}

	/** Base address; the port stays the same while the mirror is down. */
	get address(): string {
		return `http://127.0.0.1:${this.#port}`;
	}

	get listening(): boolean {
		return this.#server.listening;
	}

	/** Text of a `config.yaml` that names this mirror; more lines may follow. */
	get config(): string {
		return [
			"mirrors:",
			`  debian: ["${this.address}/debian"]`,
			`  debian-security: ["${this.address}/debian-security"]`,
			"  snapshot: []",
			"",
		].join("\n");
	}

	/** What keeps an installation from any other mirror: this one is the proxy to them, and answers in their place. */
	get environment(): Readonly<Record<string, string>> {
		return { http_proxy: this.address, https_proxy: this.address, no_proxy: "127.0.0.1" };
	}

	/**
	 * Lets requests for matching paths meet a fault, until {@link clear}. A path is `proxied:` or `direct:`, as this mirror was
	 * asked as another's proxy or not, and `<archive>/<path>`.
	 */
	inject(pattern: RegExp, fault: Fault): void {
		this.#rules.push({ pattern, fault });
	}

	/** Takes all faults back; stalled answers go on. */
	clear(): void {
		this.#rules = [];
		this.#cleared.resolve(undefined);
		this.#cleared = Promise.withResolvers<undefined>();
	}

	/** Resolves when a matching path is asked for, from now on. */
	reached(pattern: RegExp): Promise<void> {
		return new Promise((resolve) => this.#reached.push({ pattern, resolve }));
	}

	/** Begins to listen, again after {@link unlisten}. */
	async listen(): Promise<void> {
		this.#server.listen(this.#port, "127.0.0.1");
		await once(this.#server, "listening");
		this.#port = (this.#server.address() as AddressInfo).port;
	}

	/** Connections are refused until {@link listen}. */
	async unlisten(): Promise<void> {
		this.#server.close();
		this.#server.closeAllConnections();
		await once(this.#server, "close");
	}

	async close(): Promise<void> {
		this.clear();
		this.#fetcher.close();
		if (this.#server.listening) await this.unlisten();
		rmSync(this.#folder, { recursive: true, force: true });
	}

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const path = decodeURIComponent(new URL(request.url ?? "/", this.address).pathname).slice(1);
		this.requests.push(path);
		const way = request.url?.startsWith("/") === true ? "direct" : "proxied";
		const fault = this.#rules.find(({ pattern }) => pattern.test(`${way}:${path}`))?.fault;
		const tellReached = (): void => {
			for (const each of this.#reached.filter(({ pattern }) => pattern.test(path))) each.resolve();
			this.#reached = this.#reached.filter(({ pattern }) => !pattern.test(path));
		};
		if (fault?.kind === "status") {
			tellReached();
			response.writeHead(fault.status).end();
			return;
		}
		const original = await this.#file(path);
		const content = original !== undefined && fault?.kind === "alter" ? fault.alter(original) : original;
		if (content === undefined) {
			tellReached();
			response.writeHead(404).end();
			return;
		}
		response.writeHead(200, { "content-length": content.length });
		if (fault?.kind !== "truncate" && fault?.kind !== "stall") {
			response.end(content);
			tellReached();
			return;
		}
		const half = content.length >> 1;
		response.write(content.subarray(0, half));
		tellReached();
		if (fault.kind === "truncate") {
			setTimeout(() => response.destroy(), 50);
			return;
		}
		await this.#cleared.promise;
		response.end(content.subarray(half));
	}

	/** A file of the machine's mirrors, fetched once; undefined where no mirror has it. */
	#file(path: string): Promise<Buffer | undefined> {
		let file = this.#files.get(path);
		if (file === undefined) {
			file = this.#fetch(path, join(this.#folder, String(this.#files.size)));
			this.#files.set(path, file);
		}
		return file;
	}

	async #fetch(path: string, destination: string): Promise<Buffer | undefined> {
		try {
			await this.#fetcher.fetch({ url: `mirror://${path}`, destination });
			return readFileSync(destination);
		} catch {
			// The client says why it failed, and the test shows it.
			return undefined;
		} finally {
			rmSync(destination, { force: true });
		}
	}
}

/** Changes one byte in the middle. */
export function flipByte(content: Buffer): Buffer {
	const changed = Buffer.from(content);
	const middle = changed.length >> 1;
	changed.writeUInt8(changed.readUInt8(middle) ^ 1, middle);
	return changed;
}
