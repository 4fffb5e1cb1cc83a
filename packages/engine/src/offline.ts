/** Work that must not use the network: what is not here is named before anything begins. Layer 3. */

import { fail } from "@devenv/diagnostics";
import type { Plan, QueueBackend, Wanted } from "./queue/build-queue.ts";

/** Files named in a refusal. */
const MOST_NAMED = 10;

const advice = "run the same command once without --offline";

/** Derivations, each after those of its inputs that are among them, otherwise by name. */
export function inputsFirst(needed: ReadonlyMap<string, Extract<Plan, { readonly kind: "needed" }>>): string[] {
	const ordered = new Set<string>();
	const open: { readonly path: string; readonly entered: boolean }[] = [...needed.keys()]
		.sort()
		.reverse()
		.map((path) => ({ path, entered: false }));
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		const { path, entered } = next;
		const plan = needed.get(path);
		if (plan === undefined || ordered.has(path)) continue;
		if (entered) {
			ordered.add(path);
			continue;
		}
		open.push({ path, entered: true });
		for (const input of [...plan.inputs.keys()].sort().reverse()) open.push({ path: input, entered: false });
	}
	return [...ordered];
}

/** Fails with `FETCH_OFFLINE`; `what` is needed. */
export function refuseDownload(what: string): never {
	return fail("FETCH_OFFLINE", `${what} would have to be fetched, and --offline forbids it`, { hint: advice });
}

/** What has to be realised, by derivation, but for what is `covered` otherwise; nothing is. */
export function neededFor(
	backend: QueueBackend,
	wanted: Wanted,
	covered: ReadonlySet<string> = new Set(),
): ReadonlyMap<string, Extract<Plan, { readonly kind: "needed" }>> {
	const needed = new Map<string, Extract<Plan, { readonly kind: "needed" }>>();
	const seen = new Set<string>();
	const open = [...wanted];
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		const [drvPath, outputs] = next;
		if (seen.has(drvPath)) continue;
		seen.add(drvPath);
		if (covered.has(drvPath)) continue;
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
