/** The main thread beside evaluating threads of this process: builds and fetches what they ask for. Layer 5. */

import { enableCompileCache } from "node:module";
import type { MessagePort } from "node:worker_threads";
import { join } from "node:path";
import type { Engine, Settings } from "@devenv/engine";
import type { Question } from "@devenv/engine/eval-io";
import type { HomeLayout } from "@devenv/protocol";
import type { StorePlace } from "@devenv/store";
import { installationRoot } from "../installation.ts";

/** Answers with an engine that is made when first needed. */
export class EvaluationHost {
	readonly #layout: HomeLayout;
	readonly #place: StorePlace;
	readonly #changes: Partial<Settings>;
	#engine: Promise<Engine> | undefined;

	/** `changes` go before the user's own settings. */
	constructor(layout: HomeLayout, store: string | StorePlace, changes: Partial<Settings> = {}) {
		this.#changes = changes;
		this.#layout = layout;
		this.#place = typeof store === "string" ? { root: store } : store;
	}

	/** Never rejects. */
	async answer(question: Question, thread: { readonly port: MessagePort; readonly wake: Int32Array }): Promise<void> {
		const { reply } = await import("@devenv/engine");
		await reply(question, async (asked) => (await this.engine()).answer(asked), thread);
	}

	async close(): Promise<void> {
		const engine = await this.#engine?.catch(() => undefined);
		await engine?.close();
	}

	/** The engine itself, for what is done after the evaluation. */
	engine(): Promise<Engine> {
		this.#engine ??= this.#start();
		return this.#engine;
	}

	async #start(): Promise<Engine> {
		enableCompileCache(join(installationRoot(), "build/client/cache"));
		const { createEngine, readSettings } = await import("@devenv/engine");
		const { state, cache, config } = this.#layout;
		const engine = createEngine({
			storeRoot: this.#place.root,
			place: this.#place,
			state,
			cache,
			settings: { ...readSettings(join(config, "config.yaml")), ...this.#changes },
			helper: join(installationRoot(), "build/native/devenv-helper"),
			onWarning: (message) => process.stderr.write(`warning: ${message}\n`),
		});
		// To its end: what was built is printed, linked and read between requests.
		engine.hold();
		return engine;
	}
}
