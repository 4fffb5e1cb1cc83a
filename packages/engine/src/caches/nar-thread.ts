/**
 * NARs go in and out of the store on a thread of their own, so that requests are answered meanwhile. Layer 3. The thread starts
 * when it is needed and ends when it was idle for some seconds.
 */

import { Worker } from "node:worker_threads";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import type { Hash, StorePath } from "@devenv/nix-formats";
import type { NarImport, StorePlace } from "@devenv/store";
import type { Compression } from "./nar-compression.ts";

export interface ImportJob {
	readonly kind: "import";
	readonly info: NarImport;
	readonly file: string;
	readonly compression: Compression;
}

/** Makes `file` (nothing is there) from a store object. */
export interface ExportJob {
	readonly kind: "export";
	readonly path: StorePath;
	readonly file: string;
	readonly compression: Compression;
}

export interface ExportedNar {
	readonly fileHash: Hash;
	readonly fileSize: number;
}

/** Makes equal files of the store hard links of one another: it would keep other requests waiting as long as a large NAR. */
export interface OptimiseJob {
	readonly kind: "optimise";
}

type NarJob = ImportJob | ExportJob | OptimiseJob;

export type NarCommand = (NarJob & { readonly id: number }) | { readonly kind: "end" };

export type NarReply =
	| { readonly id: number; readonly kind: "done"; readonly exported: ExportedNar | null }
	| { readonly id: number; readonly kind: "refused"; readonly diagnostics: readonly Diagnostic[] }
	| { readonly id: number; readonly kind: "bug"; readonly message: string; readonly stack: string };

interface Waiting {
	readonly resolve: (exported: ExportedNar | null) => void;
	readonly reject: (error: unknown) => void;
}

const IDLE_MILLISECONDS = 5000;

export class NarThread {
	readonly #place: StorePlace;
	#worker: Worker | undefined;
	#next = 0;
	readonly #waiting = new Map<number, Waiting>();
	#idle: NodeJS.Timeout | undefined;

	constructor(place: StorePlace) {
		this.#place = place;
	}

	/** Rejects with `STORE_…` or `CACHE_NAR_DAMAGED`; nothing is registered then. */
	async import(job: Omit<ImportJob, "kind">): Promise<void> {
		await this.#ask({ kind: "import", ...job });
	}

	/** Rejects with `STORE_…` or `CACHE_NO_PROGRAM`. */
	async export(job: Omit<ExportJob, "kind">): Promise<ExportedNar> {
		const exported = await this.#ask({ kind: "export", ...job });
		if (exported === null) throw new Error("an export without a result");
		return exported;
	}

	/** Rejects with `STORE_…`. */
	async optimise(): Promise<void> {
		await this.#ask({ kind: "optimise" });
	}

	/** What is under way comes to its end first. */
	async close(): Promise<void> {
		clearTimeout(this.#idle);
		const worker = this.#worker;
		this.#worker = undefined;
		if (worker === undefined) return;
		const ended = new Promise((resolve) => worker.once("exit", resolve));
		end(worker);
		await ended;
		this.#failAll(new Error("the store is being closed"));
	}

	#ask(job: NarJob): Promise<ExportedNar | null> {
		clearTimeout(this.#idle);
		const id = this.#next++;
		const { promise, resolve, reject } = Promise.withResolvers<ExportedNar | null>();
		this.#waiting.set(id, { resolve, reject });
		const command: NarCommand = { ...job, id };
		(this.#worker ??= this.#start()).postMessage(command);
		return promise;
	}

	#start(): Worker {
		const worker = new Worker(new URL("./nar-worker.ts", import.meta.url), { workerData: this.#place });
		worker.on("message", (reply: NarReply) => {
			this.#settle(reply);
		});
		const fail = (error: Error): void => {
			if (this.#worker !== worker) return;
			this.#worker = undefined;
			this.#failAll(error);
		};
		worker.once("error", fail);
		worker.once("exit", (code) => {
			fail(new Error(`the thread of NARs ended with ${code}`));
		});
		return worker;
	}

	#settle(reply: NarReply): void {
		const waiting = this.#waiting.get(reply.id);
		this.#waiting.delete(reply.id);
		if (this.#waiting.size === 0) this.#endLater();
		if (reply.kind === "done") waiting?.resolve(reply.exported);
		else if (reply.kind === "refused") waiting?.reject(new DiagnosticError(reply.diagnostics));
		else waiting?.reject(Object.assign(new Error(reply.message), { stack: reply.stack }));
	}

	#endLater(): void {
		this.#idle = setTimeout(() => {
			const worker = this.#worker;
			this.#worker = undefined;
			if (worker !== undefined) end(worker);
		}, IDLE_MILLISECONDS);
		this.#idle.unref();
	}

	#failAll(error: Error): void {
		for (const { reject } of this.#waiting.values()) reject(error);
		this.#waiting.clear();
	}
}

/** It closes its store, so that nothing of its session is left. */
function end(worker: Worker): void {
	const command: NarCommand = { kind: "end" };
	worker.postMessage(command);
}
