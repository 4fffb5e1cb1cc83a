/** What an evaluation read outside the store. Layer 3. */

import { textFromBytes } from "@devenv/nix-formats";
import type { TrackedRead } from "../engine-interface.ts";

/** Collects reads; of several reads of one path the one that depends on most counts. */
export class ReadLog {
	readonly #reads = new Map<string, TrackedRead["kind"]>();
	readonly #variables = new Set<string>();

	/** `path` is absolute, as bytes. */
	add(path: string, kind: TrackedRead["kind"]): void {
		const known = this.#reads.get(path);
		if (known === kind || known === "directory" || (known === "file" && kind !== "directory")) return;
		this.#reads.set(path, kind);
	}

	addVariable(name: string): void {
		this.#variables.add(name);
	}

	/** Reads so far, by path. */
	reads(): TrackedRead[] {
		return [...this.#reads]
			.map(([path, kind]) => ({ path: textFromBytes(path), kind }))
			.sort((a, b) => (a.path < b.path ? -1 : 1));
	}

	/** Names of environment variables asked for so far, sorted. */
	variables(): string[] {
		return [...this.#variables].map(textFromBytes).sort();
	}

	/** Begins anew, for the next evaluation. */
	clear(): void {
		this.#reads.clear();
		this.#variables.clear();
	}
}
