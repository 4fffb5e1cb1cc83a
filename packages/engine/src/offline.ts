/** Work that must not use the network: what is not here is named before anything begins. Layer 3. */

import { fail } from "@devenv/diagnostics";
import type { Plan, QueueBackend, Wanted } from "./queue/build-queue.ts";

/** Files named in a refusal. */
const MOST_NAMED = 10;

const advice = "run the same command once without --offline";

/** Fails with `FETCH_OFFLINE`; `what` is needed. */
export function refuseDownload(what: string): never {
	return fail("FETCH_OFFLINE", `${what} would have to be fetched, and --offline forbids it`, { hint: advice });
}

/** What has to be realised, by derivation; nothing is. */
export function neededFor(
	backend: QueueBackend,
	wanted: Wanted,
): ReadonlyMap<string, Extract<Plan, { readonly kind: "needed" }>> {
	const needed = new Map<string, Extract<Plan, { readonly kind: "needed" }>>();
	const seen = new Set<string>();
	const open = [...wanted];
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		const [drvPath, outputs] = next;
		if (seen.has(drvPath)) continue;
		seen.add(drvPath);
		const plan = backend.plan(drvPath, outputs, false);
		if (plan.kind === "valid") continue;
		needed.set(drvPath, plan);
		open.push(...plan.inputs);
	}
	return needed;
}

/** Fails with `FETCH_OFFLINE`, naming the first of them, where realising needs downloads. */
export function requireNoDownloads(backend: QueueBackend, wanted: Wanted): void {
	const missing = [...neededFor(backend, wanted).values()].flatMap(({ slot, name }) =>
		slot === "fetch" ? [name] : [],
	);
	if (missing.length === 0) return;
	missing.sort();
	const more = missing.length - MOST_NAMED;
	const count = missing.length === 1 ? "1 file" : `${missing.length} files`;
	fail("FETCH_OFFLINE", `${count} would have to be fetched, and --offline forbids it`, {
		notes: [...missing.slice(0, MOST_NAMED), ...(more > 0 ? [`and ${more} more`] : [])].map((message) => ({ message })),
		hint: advice,
	});
}
