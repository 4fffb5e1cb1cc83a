/** The build queue's view of the store and the builders. Layer 3. */

import { type DrvPath, parseDrvPath, type StorePath } from "@devenv/nix-formats";
import type { Plan, QueueBackend, RealiseContext } from "../queue/build-queue.ts";
import { isDownload, realiseDerivation, type RealiserOptions } from "./realise-derivation.ts";

export class StoreBackend implements QueueBackend {
	readonly #options: RealiserOptions;

	constructor(options: RealiserOptions) {
		this.#options = options;
	}

	plan(text: string, outputs: readonly string[]): Plan {
		const { store } = this.#options;
		const drvPath: DrvPath = parseDrvPath(text, store.storeDir);
		const drv = store.readDerivation(drvPath);
		const paths = outputs.map((name) => drv.outputs.get(name)?.path ?? "");
		for (const path of paths) if (path !== "") store.addTempRoot(path);
		if (paths.every((path): path is StorePath => path !== "" && store.isValid(path))) return { kind: "valid" };
		return {
			kind: "needed",
			name: drv.name,
			slot: isDownload(drv) ? "fetch" : "build",
			inputs: drv.inputDrvs,
		};
	}

	realise(drvPath: string, context: RealiseContext): Promise<void> {
		return realiseDerivation(parseDrvPath(drvPath, this.#options.store.storeDir), this.#options, context);
	}
}
