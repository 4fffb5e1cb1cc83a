/** Packages by name, from a daemon that runs already and answers at once: none is started, and nothing is waited for. Layer 5. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DaemonClient } from "@devenv/client";
import { DiagnosticError } from "@devenv/diagnostics";
import { type HomeLayout, type SearchHit, searchPackages } from "@devenv/protocol";
import { findDaemon } from "../daemon-connection.ts";

/** Milliseconds. */
const PATIENCE = 400;

export class PackageLookup {
	readonly #layout: HomeLayout;

	constructor(layout: HomeLayout) {
		this.#layout = layout;
	}

	/** What a project's inputs have; empty where nobody knows. Projects without an env.lock are left alone: locking needs the network. */
	async search(project: string, query: string, limit: number): Promise<readonly SearchHit[]> {
		if (query === "" || !existsSync(join(project, "env.lock"))) return [];
		const signal = AbortSignal.timeout(PATIENCE);
		const late = new Promise<readonly SearchHit[]>((resolve) => {
			signal.addEventListener("abort", () => resolve([]), { once: true });
		});
		return Promise.race([this.#ask({ project, query, limit }, signal), late]);
	}

	async #ask(
		params: { readonly project: string; readonly query: string; readonly limit: number },
		signal: AbortSignal,
	): Promise<readonly SearchHit[]> {
		let client: DaemonClient | undefined;
		try {
			client = await findDaemon(this.#layout);
			if (client === undefined || signal.aborted) return [];
			const { hits } = await client.call(searchPackages, params, { signal });
			return hits;
		} catch (error) {
			// A daemon that leaves, is of another version, or cannot read the project: others say so.
			if (error instanceof DiagnosticError || (error as NodeJS.ErrnoException).code !== undefined) return [];
			throw error;
		} finally {
			client?.close();
		}
	}
}
