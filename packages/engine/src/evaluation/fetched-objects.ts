/** `builtins.fetchurl`: files fetched by the main thread, added to the store by this one. Layer 3. */

import { join } from "node:path";
import { EvalIoError, type FetchRequest } from "@devenv/evaluator";
import { makeFixedOutputPath, parseHash, textFromBytes } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import type { MainThread } from "./main-thread.ts";

export class FetchedObjects {
	readonly #store: Store;
	readonly #main: MainThread;

	constructor(store: Store, main: MainThread) {
		this.#store = store;
		this.#main = main;
	}

	/** The store path of a file; nothing is fetched where a promised hash is in the store already. */
	fetch({ url, name, unpack, sha256 }: FetchRequest): string {
		const address = textFromBytes(url);
		if (unpack) throw new EvalIoError(`cannot fetch '${address}': archives cannot be unpacked during evaluation`, url);
		const expected = sha256 === undefined ? undefined : parseHash(sha256, "sha256");
		const promised = expected === undefined ? undefined : makeFixedOutputPath({ name, method: "flat", hash: expected });
		if (promised !== undefined) {
			this.#store.addTempRoot(promised);
			if (this.#store.isValid(promised)) return promised;
		}
		using scratch = this.#store.scratch();
		const source = join(scratch.path, "file");
		this.#main.ask({ kind: "fetch", url: address, destination: source }, url);
		const path = this.#store.addPath({ name: textFromBytes(name), source, method: "flat" });
		if (promised !== undefined && promised !== path) {
			throw new EvalIoError(`hash mismatch in file downloaded from '${address}'`, url);
		}
		return path;
	}
}
