/** `nix-cache-info`, the file that says what a binary cache is for. Layer 3. */

import { fail } from "@devenv/diagnostics";

export interface CacheInfo {
	readonly storeDir: string;
	/** Smaller is asked first. */
	readonly priority: number;
	readonly wantMassQuery: boolean;
}

/** What Nix takes for a cache that does not say. */
const defaultPriority = 50;

export function formatCacheInfo(info: CacheInfo): string {
	return `StoreDir: ${info.storeDir}\nWantMassQuery: ${info.wantMassQuery ? 1 : 0}\nPriority: ${info.priority}\n`;
}

/** Unknown lines are skipped. Fails with `CACHE_INFO`. */
export function parseCacheInfo(text: string, url: string, storeDir: string): CacheInfo {
	const lines = new Map<string, string>();
	for (const line of text.split("\n")) {
		const colon = line.indexOf(":");
		if (colon > 0) lines.set(line.slice(0, colon), line.slice(colon + 1).trim());
	}
	const priority = lines.get("Priority") ?? String(defaultPriority);
	const found = lines.get("StoreDir") ?? storeDir;
	if (!/^\d{1,9}$/.test(priority) || !found.startsWith("/")) {
		fail("CACHE_INFO", `${url}/nix-cache-info cannot be understood`, { hint: "this may not be a binary cache" });
	}
	return { storeDir: found, priority: Number(priority), wantMassQuery: lines.get("WantMassQuery") === "1" };
}
