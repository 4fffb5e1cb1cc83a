/** Stores with objects of the tests' own, and what binary caches need around them. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createReadStream, createWriteStream, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import {
	type Derivation,
	type DrvPath,
	formatPublicKey,
	formatSecretKey,
	generateKey,
	HashesModulo,
	instantiate,
	publicKeyOf,
	type StorePath,
} from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import { temporaryFolder } from "@devenv/test-support";
import { Caches } from "../../src/caches/caches.ts";
import { createFetcher } from "../../src/fetch/http-fetcher.ts";
import { defaultSettings, type Settings } from "../../src/settings.ts";

/** The part of ava's `t` that is needed; teardowns run last to first, each waited for. */
interface Teardown {
	teardown(action: () => void | Promise<void>): void;
}

export interface World {
	readonly store: Store;
	readonly caches: Caches;
	readonly warnings: string[];
	/** Copies paths from a cache; the reasons for what did not come. */
	readonly download: (url: string, ...paths: readonly StorePath[]) => Promise<readonly string[]>;
	readonly upload: (url: string, ...paths: readonly StorePath[]) => ReturnType<Caches["upload"]>;
}

export const quiet: Parameters<Caches["upload"]>[2] = {
	signal: new AbortController().signal,
	emit: (): void => undefined,
};

export function makeWorld(t: Teardown, settings: Partial<Settings> = {}): World {
	const folder = temporaryFolder(t);
	const store = openStore({ root: join(folder, "root") });
	const fetcher = createFetcher({
		mirrors: { user: new Map(), apt: new Map() },
		env: {},
		partialFolder: join(folder, "partial"),
		rounds: 2,
		backOff: 1,
	});
	const warnings: string[] = [];
	const caches = new Caches({
		store,
		fetcher,
		cache: join(folder, "cache"),
		settings: { ...defaultSettings(), ...settings },
		onWarning: (message) => warnings.push(message),
	});
	t.teardown(async () => {
		await caches.close();
		fetcher.close();
		store.close();
	});
	return {
		store,
		caches,
		warnings,
		download: async (url, ...paths) => {
			const { missing } = await caches.download(url, paths, quiet);
			return missing.flatMap(({ reasons }) => reasons);
		},
		upload: (url, ...paths) => caches.upload(url, paths, quiet),
	};
}

export interface Sample {
	/** Not content-addressed, refers to `lower` and to itself. */
	readonly top: StorePath;
	readonly topDrv: DrvPath;
	/** Not content-addressed. */
	readonly lower: StorePath;
	/** A text; its path says what it holds. */
	readonly text: StorePath;
}

/** A small closure: built outputs that refer to each other and to a text. */
export async function addSample(store: Store, contents: string = "contents"): Promise<Sample> {
	const text = store.addText({ name: "text", contents });
	const build = async (name: string, inputs: readonly DrvPath[], write: (out: StorePath) => string) => {
		const drv = {
			name,
			outputs: new Map([["out", { path: "" as const, hashAlgo: "" as const, hash: "" }]]),
			inputDrvs: new Map(inputs.map((input) => [input, ["out"]])),
			inputSrcs: [text],
			system: "x86_64-linux",
			builder: "/bin/sh",
			args: [],
			env: new Map([
				["name", name],
				["text", text],
			]),
		};
		const { outputPaths, drv: filled } = instantiateSample(store, drv);
		const path = store.addDerivation(filled);
		const out = outputPaths.get("out");
		if (out === undefined) throw new Error("no output");
		const scratch = store.scratch();
		const from = join(scratch.path, "out");
		mkdirSync(from);
		writeFileSync(join(from, "file"), write(out));
		writeFileSync(join(from, "large"), "0123456789abcdef".repeat(20_000));
		const candidates = [text, ...inputs.flatMap((input) => [...store.queryDerivationOutputs(input).values()])];
		await store.registerOutputs([{ path: out, from, candidates, deriver: path }]);
		scratch.remove();
		return { path, out };
	};
	const lower = await build("lower", [], () => `uses ${text}`);
	const top = await build("top", [lower.path], (out) => `uses ${lower.out} and ${out}`);
	return { top: top.out, topDrv: top.path, lower: lower.out, text };
}

/** A derivation with its output paths filled in. */
export function instantiateSample(
	store: Store,
	drv: Derivation,
): { readonly drv: Derivation; readonly outputPaths: ReadonlyMap<string, StorePath> } {
	const hashes = new HashesModulo((path) => store.readDerivation(path));
	const { outputPaths } = instantiate(drv, hashes, store.storeDir);
	return { outputPaths: new Map(outputPaths), drv };
}

/** A key to sign with, in a file, and its public half. */
export function makeKey(t: Teardown, name: string = "test-1"): { readonly file: string; readonly publicKey: string } {
	const secret = generateKey(name);
	const file = join(temporaryFolder(t), "secret");
	writeFileSync(file, formatSecretKey(secret), { mode: 0o600 });
	return { file, publicKey: formatPublicKey(publicKeyOf(secret)) };
}

export interface WebCache {
	readonly url: string;
	readonly folder: string;
	/** `METHOD /path`, as they came. */
	readonly requests: string[];
	/** Answers instead of the folder; false: the folder does. */
	intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A folder behind a web server on loopback that takes uploads. */
export async function serveFolder(t: Teardown): Promise<WebCache> {
	const folder = temporaryFolder(t);
	const requests: string[] = [];
	const server = createServer((request, response) => {
		requests.push(`${request.method} ${request.url}`);
		if (web.intercept(request, response)) return;
		const file = join(folder, new URL(request.url ?? "", "http://localhost").pathname);
		if (request.method === "PUT") {
			mkdirSync(dirname(file), { recursive: true });
			request.pipe(createWriteStream(file)).once("finish", () => response.writeHead(201).end());
			return;
		}
		const info = statSync(file, { throwIfNoEntry: false });
		if (info?.isFile() !== true) response.writeHead(404).end();
		else if (request.method === "HEAD") response.writeHead(200, { "content-length": info.size }).end();
		else createReadStream(file).pipe(response.writeHead(200, { "content-length": info.size }));
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	const { port } = server.address() as AddressInfo;
	const web: WebCache = { url: `http://127.0.0.1:${port}`, folder, requests, intercept: () => false };
	return web;
}

/** The only file of a folder with such a name. */
export function fileIn(folder: string, pattern: RegExp): string {
	const found = readdirSync(folder).filter((name) => pattern.test(name));
	const [name] = found;
	if (name === undefined || found.length !== 1)
		throw new Error(`${found.length} files like ${String(pattern)} in ${folder}`);
	return join(folder, name);
}
