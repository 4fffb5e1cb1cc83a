/** The build queue's view of the store and the builders. Layer 3. */

import { fail } from "@devenv/diagnostics";
import { type Derivation, type DrvPath, parseDrvPath, type StorePath } from "@devenv/nix-formats";
import type { Plan, QueueBackend, RealiseContext } from "../queue/build-queue.ts";
import { isDownload, realiseDerivation, rebuildDerivation, type RealiserOptions } from "./realise-derivation.ts";

export interface BackendOptions extends Omit<RealiserOptions, "given"> {
	/** As {@link QueueBackend.substitute}. */
	readonly substitute: (
		drv: Derivation,
		outputs: readonly string[],
		context: Pick<RealiseContext, "signal" | "emit">,
	) => Promise<ReadonlySet<string>>;
}

export class StoreBackend implements QueueBackend {
	readonly #options: RealiserOptions & Pick<BackendOptions, "substitute">;
	/** Derivations that are worked on, and do not lie in the store. */
	readonly #given = new Map<DrvPath, { readonly derivation: Derivation; users: number }>();

	constructor(options: BackendOptions) {
		this.#options = { ...options, given: (drvPath) => this.#given.get(drvPath)?.derivation };
	}

	/**
	 * Takes a derivation that need not lie in the store for that of this path, while `work` goes on; one that does is taken in its
	 * place. Fails with `STORE_PATH_NOT_VALID` where an input is not there, and with `WIRE_DERIVATION`.
	 */
	async withDerivation<T>(drvPath: DrvPath, derivation: Derivation, work: () => Promise<T>): Promise<T> {
		const { store } = this.#options;
		for (const input of derivation.inputSrcs) {
			store.addTempRoot(input);
			store.pathInfo(input);
		}
		store.addTempRoot(drvPath);
		if (store.isValid(drvPath)) {
			requireSameOutputs(drvPath, store.readDerivation(drvPath), derivation);
			return work();
		}
		const entry = this.#given.get(drvPath) ?? { derivation, users: 0 };
		requireSameOutputs(drvPath, entry.derivation, derivation);
		entry.users += 1;
		this.#given.set(drvPath, entry);
		try {
			return await work();
		} finally {
			entry.users -= 1;
			if (entry.users === 0) this.#given.delete(drvPath);
		}
	}

	plan(text: string, outputs: readonly string[], check: boolean): Plan {
		const { store } = this.#options;
		const drvPath: DrvPath = parseDrvPath(text, store.storeDir);
		const drv = this.#options.given?.(drvPath) ?? store.readDerivation(drvPath);
		const paths = outputs.map((name) => drv.outputs.get(name)?.path ?? "");
		for (const path of paths) if (path !== "") store.addTempRoot(path);
		const valid = paths.every((path): path is StorePath => path !== "" && store.isValid(path));
		if (check) requireChecking(drv, drvPath, valid);
		else if (valid) return { kind: "valid" };
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

	substitute(
		drvPath: string,
		outputs: readonly string[],
		{ signal, emit }: RealiseContext,
	): Promise<ReadonlySet<string>> {
		const { store, substitute } = this.#options;
		return substitute(store.readDerivation(parseDrvPath(drvPath, store.storeDir)), outputs, { signal, emit });
	}

	/** Builds again what is valid; its inputs are. */
	rebuild(drvPath: DrvPath, context: RealiseContext): Promise<void> {
		return rebuildDerivation(drvPath, this.#options, context);
	}
}

function requireSameOutputs(drvPath: DrvPath, known: Derivation, given: Derivation): void {
	for (const [name, { path }] of given.outputs) {
		if (known.outputs.get(name)?.path !== path) {
			fail(
				"WIRE_DERIVATION",
				`the derivation that was sent as ${drvPath} has another output '${name}' than the one here`,
			);
		}
	}
}

/** What is to be built again must have been built, and be no work of this program. */
function requireChecking({ builder, name }: Derivation, drvPath: DrvPath, valid: boolean): void {
	if (!valid) {
		fail("BUILD_CHECK_NOT_VALID", `some outputs of '${drvPath}' are not valid, so checking is not possible`, {
			hint: "build it first, without --check",
		});
	}
	if (builder.startsWith("builtin:")) {
		fail("BUILD_CHECK_BUILTIN", `'${name}' is made by devenv itself (${builder}), which is not done again to compare`);
	}
}
