/** Addresses of binary caches, as Nix writes them: `https://host/path?priority=30`, `file:///srv/cache?compression=xz`. Layer 3. */

import { fail } from "@devenv/diagnostics";
import { type Compression, compressions, parseCompression } from "./nar-compression.ts";

export interface CacheAddress {
	/** Without settings and without a slash at the end. */
	readonly url: string;
	/** Smaller is asked first; absent: as the cache itself says. */
	readonly priority: number | undefined;
	/** Signatures are not asked for. */
	readonly trusted: boolean;
	/** For what is written to it. */
	readonly compression: Compression;
	/** File with the key that signs what is written to it. */
	readonly secretKey: string | undefined;
	/** What is written to it gets a listing of its files beside it. */
	readonly writeNarListing: boolean;
}

/** Settings of Nix that mean nothing here. */
const ignored = new Set(["want-mass-query", "parallel-compression", "compression-level"]);

/** Fails with `CACHE_ADDRESS`. */
export function parseCacheAddress(text: string): CacheAddress {
	const refuse = (reason: string, hint?: string): never =>
		fail("CACHE_ADDRESS", `'${text}' is no address of a binary cache: ${reason}`, {
			hint: hint ?? "for example https://cache.nixos.org or file:///srv/cache?compression=zstd",
		});
	const url = URL.parse(text) ?? refuse("it is no URL");
	if (!["http:", "https:", "file:"].includes(url.protocol))
		refuse(`${url.protocol} is not known; use http, https or file`);
	if (url.protocol === "file:" && url.host !== "") refuse("a file URL has three slashes");
	const given = new Map(url.searchParams);
	const take = (name: string): string | undefined => {
		const value = given.get(name);
		given.delete(name);
		return value;
	};
	const priority = take("priority");
	if (priority !== undefined && !/^\d{1,6}$/.test(priority)) refuse("its priority is no whole number");
	const trusted = take("trusted") ?? "false";
	if (!/^(1|0|true|false)$/.test(trusted)) refuse("`trusted` is true or false");
	const compression = parseCompression(take("compression") ?? "zstd");
	const secretKey = take("secret-key");
	const listing = take("write-nar-listing") ?? "false";
	if (!/^(1|0|true|false)$/.test(listing)) refuse("`write-nar-listing` is true or false");
	for (const name of given.keys()) if (!ignored.has(name)) refuse(`it has an unknown setting '${name}'`);
	url.search = "";
	url.hash = "";
	return {
		url: url.href.replace(/\/+$/, ""),
		priority: priority === undefined ? undefined : Number(priority),
		trusted: trusted === "1" || trusted === "true",
		compression:
			compression ?? refuse("its compression is not known", `known: ${Object.keys(compressions).join(", ")}`),
		secretKey,
		writeNarListing: listing === "1" || listing === "true",
	};
}
