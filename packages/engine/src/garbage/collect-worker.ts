/** The thread in which garbage is collected: one request, one reply. Layer 3. */

import { parentPort, workerData } from "node:worker_threads";
import { DiagnosticError } from "@devenv/diagnostics";
import { isDrvPath, type StorePath } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import type { GarbageOutcome } from "../engine-interface.ts";
import type { CollectReply, CollectRequest } from "./collect-garbage.ts";

const reply = answer(workerData as CollectRequest);
parentPort?.postMessage(reply);

function answer(request: CollectRequest): CollectReply {
	try {
		const store = openStore({ ...request.place, collecting: !request.dryRun });
		try {
			return { kind: "report", report: collect(store, request) };
		} finally {
			store.close();
		}
	} catch (error) {
		if (error instanceof DiagnosticError) return { kind: "refused", diagnostics: error.diagnostics };
		const message = error instanceof Error ? error.message : String(error);
		return { kind: "bug", message, stack: error instanceof Error ? (error.stack ?? message) : message };
	}
}

function collect(store: Store, { groups, place: _, ...options }: CollectRequest): GarbageOutcome {
	const { dropped } = options;
	const sizes = measure(store, groups);
	// They end with this session.
	for (const path of unpackedPackages(store, dropped)) store.addTempRoot(path);
	return { ...store.collectGarbage(options), sizes };
}

function measure(store: Store, groups: CollectRequest["groups"]): GarbageOutcome["sizes"] {
	const targets = new Map(store.roots().map(({ link, path }) => [link, path]));
	const closures = groups.map((links) => {
		const paths = links.flatMap((link) => targets.get(link) ?? []).filter((path) => store.isValid(path));
		return store.computeClosure(paths);
	});
	const users = new Map<StorePath, number>();
	for (const path of closures.flat()) users.set(path, (users.get(path) ?? 0) + 1);
	const bytes = (paths: readonly StorePath[]): number =>
		paths.reduce((sum, path) => sum + (store.queryPathInfo(path)?.narSize ?? 0), 0);
	return closures.map((paths) => ({ size: bytes(paths), own: bytes(paths.filter((path) => users.get(path) === 1)) }));
}

/** What the roots of kept environments were made of. */
function unpackedPackages(store: Store, dropped: readonly string[]): Set<StorePath> {
	const kept = store.roots().filter(({ link, path }) => !dropped.includes(link) && store.isValid(path));
	const made = store.computeClosure(kept.map(({ path }) => path));
	const packages = new Set<StorePath>();
	for (const path of made) {
		if (isDrvPath(path, store.storeDir)) continue;
		for (const deriver of store.queryDerivers(path)) {
			const drv = store.readDerivation(deriver);
			if (drv.builder !== "builtin:compose-root") continue;
			for (const [input, names] of drv.inputDrvs) {
				if (!store.isValid(input)) continue;
				const outputs = store.queryDerivationOutputs(input);
				for (const name of names) {
					const output = outputs.get(name);
					if (output !== undefined && store.isValid(output)) packages.add(output);
				}
			}
		}
	}
	return packages;
}
