/** The clients of Nix's worker protocol, each with a session of the store of its own. Layer 4. */

import type { Socket } from "node:net";
import { openStore, type Store, type StorePlace } from "@devenv/store";
import { type StoreRequestOptions, storeRequests } from "./store-requests.ts";
import { WorkerSession, type WorkerSessionOptions } from "./worker-session.ts";

export interface WorkerClientsOptions
	extends Omit<StoreRequestOptions, "store">,
		Pick<WorkerSessionOptions, "log" | "version"> {
	readonly place: StorePlace;
}

export class WorkerClients {
	readonly #options: WorkerClientsOptions;

	constructor(options: WorkerClientsOptions) {
		this.#options = options;
	}

	serve(socket: Socket, events: { readonly onActivity: () => void; readonly onEnd: () => void }): WorkerSession {
		const { place, version, log, ...options } = this.#options;
		let store: Store | undefined;
		return new WorkerSession(socket, {
			handlers: () => {
				store = openStore(place);
				return storeRequests({ ...options, store });
			},
			version,
			log,
			onActivity: events.onActivity,
			onEnd: () => {
				store?.close();
				events.onEnd();
			},
		});
	}

	async close(): Promise<void> {
		await this.#options.nars.close();
	}
}
