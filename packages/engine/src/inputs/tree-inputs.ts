/**
 * Inputs that are folders of files: `path:`, `git+…`, `github:`. Each is a store object named `source`, pinned by the hash
 * of its NAR; what is pinned is what is used, whatever its origin has by then. Layer 3.
 */

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fail } from "@devenv/diagnostics";
import type { LockedTreeInput } from "@devenv/env-file";
import { formatHash, makeFixedOutputPath, parseHash, type StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { refuseDownload } from "../offline.ts";
import type { Fetcher } from "../fetch/fetcher.ts";
import { GitRepository } from "./git-repository.ts";
import { isCommit, parseTreeUrl } from "./tree-url.ts";
import { unpackTarball } from "./unpack-tarball.ts";

/** Most bytes of an archive that is fetched. */
const MOST_ARCHIVE: number = 256 * 2 ** 20;

export interface TreeInputsOptions {
	readonly store: Store;
	/** Folder for git repositories; made when missing. */
	readonly cache: string;
	readonly fetcher: Fetcher;
}

export interface TreeRequest {
	/** Folder of env.yaml. */
	readonly project: string;
	readonly offline: boolean;
	/** When locking: a branch, tag or commit instead of the one that the URL says. */
	readonly to?: string;
	readonly signal?: AbortSignal;
}

/** Failures are DiagnosticErrors with codes `INPUT_…`, `FETCH_OFFLINE` and `STORE_…`. */
export class TreeInputs {
	readonly #options: TreeInputsOptions;

	constructor(options: TreeInputsOptions) {
		this.#options = options;
	}

	/** Pins what is there now. */
	async lock(input: { readonly name: string; readonly url: string }, request: TreeRequest): Promise<LockedTreeInput> {
		const { name, url } = input;
		const parsed = parseTreeUrl(url);
		if (parsed.kind !== "git" && request.to !== undefined) {
			fail("UPDATE_TO", `the input '${name}' is a folder, which has no past states`, {
				hint: "without --to its present state is pinned",
			});
		}
		if (parsed.kind === "path") {
			return { kind: "tree", name, url, narHash: this.#hashOf(this.#addFolder(parsed.path, request)) };
		}
		if (parsed.kind === "archive") {
			return { kind: "tree", name, url, narHash: this.#hashOf(await this.#addArchive(parsed.url, request)) };
		}
		if (request.offline && !parsed.remote.startsWith("file:")) refuseDownload(`a commit of ${parsed.remote}`);
		const { to } = request;
		const what = to === undefined ? parsed : isCommit(to) ? { rev: to } : { ref: to };
		const repository = this.#repository(parsed.remote, request);
		const { rev, date } = await repository.fetch(what);
		return { kind: "tree", name, url, rev, date, narHash: this.#hashOf(await this.#addCommit(repository, rev)) };
	}

	/** The object of a lock, valid in the store; its origin is asked only where the store does not have it. */
	async ensure(locked: LockedTreeInput, request: TreeRequest): Promise<StorePath> {
		const { store } = this.#options;
		const hash = parseHash(locked.narHash);
		const path = makeFixedOutputPath({ name: "source", method: "recursive", hash, storeDir: store.storeDir });
		store.addTempRoot(path);
		if (store.isValid(path)) return path;
		const made = await this.#make(locked, request);
		if (made === path) return path;
		const parsed = parseTreeUrl(locked.url);
		return fail("INPUT_CHANGED", `the input '${locked.name}' (${locked.url}) is not what env.lock pins`, {
			notes: [{ message: `env.lock: ${locked.narHash}` }, { message: `found: ${this.#hashOf(made)}` }],
			hint:
				parsed.kind !== "git"
					? `it was changed: \`devenv update ${locked.name}\` pins what it has now`
					: `env.lock was changed by hand: \`devenv update ${locked.name}\` pins the newest commit`,
		});
	}

	async #make(locked: LockedTreeInput, request: TreeRequest): Promise<StorePath> {
		const parsed = parseTreeUrl(locked.url);
		if (parsed.kind === "path") return this.#addFolder(parsed.path, request);
		if (parsed.kind === "archive") return this.#addArchive(parsed.url, request);
		const { rev } = locked;
		if (rev === undefined) {
			fail("INPUT_LOCK", `env.lock pins no commit of the input '${locked.name}'`, {
				hint: `\`devenv update ${locked.name}\` pins one`,
			});
		}
		const repository = this.#repository(parsed.remote, request);
		if ((await repository.find(rev)) === undefined) {
			if (request.offline && !parsed.remote.startsWith("file:")) refuseDownload(`commit ${rev} of ${parsed.remote}`);
			await repository.fetch({ rev });
		}
		return this.#addCommit(repository, rev);
	}

	#repository(remote: string, { signal }: TreeRequest): GitRepository {
		return new GitRepository(remote, this.#options.cache, { signal });
	}

	async #addCommit(repository: GitRepository, rev: string): Promise<StorePath> {
		const { store } = this.#options;
		using scratch = store.scratch();
		const source = join(scratch.path, "source");
		mkdirSync(source);
		await repository.checkOut(rev, source);
		return store.addPath({ name: "source", source });
	}

	async #addArchive(url: string, { offline, signal }: TreeRequest): Promise<StorePath> {
		if (offline) refuseDownload(url);
		const { store, fetcher } = this.#options;
		using scratch = store.scratch();
		const destination = join(scratch.path, "archive");
		await fetcher.fetch({ url, destination, maximum: MOST_ARCHIVE, ...(signal === undefined ? {} : { signal }) });
		const source = join(scratch.path, "source");
		mkdirSync(source);
		await unpackTarball(destination, url, source);
		return store.addPath({ name: "source", source });
	}

	/** What git keeps for itself in the folder is left out. */
	#addFolder(path: string, { project }: TreeRequest): StorePath {
		const source = resolve(project, path);
		return this.#options.store.addPath({ name: "source", source, filter: (relative) => relative !== ".git" });
	}

	#hashOf(path: StorePath): string {
		return formatHash(this.#options.store.pathInfo(path).narHash, "sri");
	}
}
