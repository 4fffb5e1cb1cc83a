/**
 * One attempt to get the bytes of one address, from an offset on: redirects, time-outs, proxies, certificates. The caller owns
 * retries, the file and the hash.
 */

import { existsSync, readFileSync } from "node:fs";
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { createSecureContext } from "node:tls";

/** Why an attempt failed. `gone`: asking the same address again is of no use. */
export class DownloadError extends Error {
	readonly reason: "gone" | "not-found" | "transient" | "truncated";
	/** Milliseconds that the server asks to wait. */
	readonly retryAfter: number | undefined;

	constructor(reason: DownloadError["reason"], message: string, retryAfter?: number) {
		super(message);
		this.name = "DownloadError";
		this.reason = reason;
		this.retryAfter = retryAfter;
	}
}

export interface DownloadAgents {
	readonly http: HttpAgent;
	readonly https: HttpsAgent;
}

/** Where distributions keep the bundle of certificates that the machine trusts, company ones included. */
const hostBundles = [
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
];

/**
 * Connection pools that honour `http_proxy`, `https_proxy`, `no_proxy` and `SSL_CERT_FILE` (or `NIX_SSL_CERT_FILE`) of the
 * given environment; without the last, the host's bundle is trusted, else Node's own.
 */
export function createAgents(env: Readonly<Record<string, string | undefined>>): DownloadAgents {
	const named = env["NIX_SSL_CERT_FILE"] ?? env["SSL_CERT_FILE"];
	const bundle = [named, ...hostBundles].find((path) => path !== undefined && path !== "" && existsSync(path));
	const options = { keepAlive: true, maxSockets: 8, timeout: connectTimeout, proxyEnv: { ...env } };
	let https: HttpsAgent | undefined;
	return {
		http: new HttpAgent(options),
		/* Made when first needed, with one context for all connections: parsing a bundle takes a while. */
		get https(): HttpsAgent {
			if (https === undefined) {
				const trust = bundle === undefined ? {} : { secureContext: createSecureContext({ ca: readFileSync(bundle) }) };
				https = new HttpsAgent({ ...options, ...trust });
			}
			return https;
		},
	};
}

const connectTimeout = 20_000;
const idleTimeout = 30_000;
const mostRedirects = 10;

export interface DownloadRequest {
	readonly url: string;
	readonly agents: DownloadAgents;
	/** Bytes that the caller has already. */
	readonly offset: number;
	/** ETag of these bytes: without one, and with `offset` above 0, the caller knows the whole by its hash. */
	readonly etag?: string | undefined;
	/** Refuse to go on from https to http. */
	readonly keepSecure: boolean;
	readonly signal: AbortSignal | undefined;
	/**
	 * The head has come: bytes from `start` on follow (0 although more was asked where the server cannot resume); `total` is
	 * the length of the whole, if known. What it throws ends the attempt.
	 */
	readonly onStart: (start: number, total: number | undefined, etag: string | undefined) => void;
	/** Must have used the chunk when it returns. What it throws ends the attempt. */
	readonly onChunk: (chunk: Buffer) => void;
}

export interface DownloadEnd {
	readonly etag: string | undefined;
	readonly lastModified: string | undefined;
}

/** Rejects with a DownloadError, or with what a callback threw, or with the signal's reason. */
export async function download(request: DownloadRequest): Promise<DownloadEnd> {
	let url = new URL(request.url);
	for (let redirects = 0; redirects <= mostRedirects; redirects++) {
		const response = await open(url, request);
		const status = response.statusCode ?? 0;
		const location = response.headers.location;
		if ([301, 302, 303, 307, 308].includes(status) && location !== undefined) {
			response.resume();
			url = redirected(url, location, request.keepSecure);
			continue;
		}
		return await receive(response, request);
	}
	throw new DownloadError("gone", `more than ${mostRedirects} redirects`);
}

function redirected(from: URL, location: string, keepSecure: boolean): URL {
	const to = URL.parse(location, from);
	if (to === null || (to.protocol !== "http:" && to.protocol !== "https:")) {
		throw new DownloadError("gone", `redirect to '${location}'`);
	}
	if (keepSecure && from.protocol === "https:" && to.protocol === "http:") {
		throw new DownloadError("gone", `redirect from https to http (${to.host}) without a hash to check by`);
	}
	return to;
}

function open(url: URL, request: DownloadRequest): Promise<IncomingMessage> {
	const headers: Record<string, string> = { "user-agent": "devenv", accept: "*/*", "accept-encoding": "identity" };
	if (request.offset > 0) {
		headers["range"] = `bytes=${request.offset}-`;
		if (request.etag !== undefined) headers["if-range"] = request.etag;
	}
	const secure = url.protocol === "https:";
	const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
	const options = {
		headers,
		agent: secure ? request.agents.https : request.agents.http,
		...signalOption(request.signal),
	};
	const outgoing = secure ? httpsRequest(url, options) : httpRequest(url, options);
	outgoing.setTimeout(idleTimeout, () => {
		outgoing.destroy(new DownloadError("transient", `nothing came for ${idleTimeout / 1000} seconds`));
	});
	outgoing.once("response", resolve);
	outgoing.on("error", (error) => {
		if (request.signal?.aborted === true) reject(request.signal.reason as Error);
		else reject(error instanceof DownloadError ? error : new DownloadError("transient", describeNetworkError(error)));
	});
	outgoing.end();
	return promise;
}

function signalOption(signal: AbortSignal | undefined): { signal?: AbortSignal } {
	return signal === undefined ? {} : { signal };
}

async function receive(response: IncomingMessage, request: DownloadRequest): Promise<DownloadEnd> {
	const status = response.statusCode ?? 0;
	const start = startOf(response, request.offset);
	if (start === undefined) {
		response.resume();
		throw statusError(status, response.statusMessage ?? "", response.headers["retry-after"]);
	}
	const length = response.headers["content-length"];
	const total = length === undefined || !/^\d+$/.test(length) ? undefined : start + Number(length);
	let received = start;
	try {
		request.onStart(start, total, response.headers.etag);
		for await (const chunk of response) {
			received += (chunk as Buffer).length;
			request.onChunk(chunk as Buffer);
		}
	} catch (error) {
		response.destroy();
		if (request.signal?.aborted === true) throw request.signal.reason;
		const code = (error as NodeJS.ErrnoException).code;
		if (code !== "ECONNRESET" && code !== "ERR_STREAM_PREMATURE_CLOSE" && code !== "EPIPE" && code !== "ETIMEDOUT")
			throw error;
		throw new DownloadError("truncated", endedEarly(received, total));
	}
	if (total !== undefined && received < total) throw new DownloadError("truncated", endedEarly(received, total));
	return { etag: response.headers.etag, lastModified: response.headers["last-modified"] };
}

function endedEarly(received: number, total: number | undefined): string {
	return `the connection ended after ${received}${total === undefined ? "" : ` of ${total}`} bytes`;
}

/** The offset of the first byte of the body; undefined where there is no body to use. */
function startOf(response: IncomingMessage, offset: number): number | undefined {
	if (response.statusCode === 200) return 0;
	if (response.statusCode !== 206) return undefined;
	const range = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "");
	return range?.[1] !== undefined && Number(range[1]) === offset ? offset : undefined;
}

function statusError(status: number, message: string, retryAfter: string | undefined): DownloadError {
	const text = `HTTP status ${status}${message === "" ? "" : ` (${message})`}`;
	if (status === 404 || status === 410) return new DownloadError("not-found", text);
	/* 416: what we have is longer than the file; starting again may help, as may waiting for the others. */
	if (status >= 500 || status === 429 || status === 408 || status === 416 || status === 206) {
		const seconds = Number(retryAfter);
		return new DownloadError("transient", text, Number.isFinite(seconds) ? Math.min(seconds, 60) * 1000 : undefined);
	}
	return new DownloadError("gone", text);
}

const networkErrors: Readonly<Record<string, string>> = {
	ECONNREFUSED: "the connection was refused",
	ECONNRESET: "the connection was reset",
	EHOSTUNREACH: "the host cannot be reached",
	ENETUNREACH: "the network cannot be reached",
	ENOTFOUND: "the host name is unknown",
	EAI_AGAIN: "the host name could not be looked up (no network?)",
	ETIMEDOUT: "the connection timed out",
	CERT_HAS_EXPIRED: "the server's certificate has expired",
	DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed",
	SELF_SIGNED_CERT_IN_CHAIN:
		"the server's certificate is signed by an unknown authority (set SSL_CERT_FILE to trust it)",
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		"the server's certificate is signed by an unknown authority (set SSL_CERT_FILE to trust it)",
	UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		"the server's certificate is signed by an unknown authority (set SSL_CERT_FILE to trust it)",
};

function describeNetworkError(error: Error): string {
	const code = (error as NodeJS.ErrnoException).code ?? "";
	return networkErrors[code] ?? (error.message === "" ? code : error.message);
}
