/** `nix-build --fix`: where a hash stands that was not the right one, and the line with the right one in its place. Layer 5. */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Diagnostic } from "@devenv/diagnostics";
import { formatHash, parseHash } from "@devenv/nix-formats";

/** Files that are looked into, and the size up to which. */
const MOST_FILES = 20_000;
const MOST_BYTES = 1_048_576;

export interface CorrectedLine {
	readonly file: string;
	/** From 1. */
	readonly line: number;
	/** The whole line as it should be, without spaces around it. */
	readonly text: string;
}

interface Mismatch {
	readonly wanted: string;
	readonly found: string;
}

/**
 * The lines of Nix files, in the folders of the files given and below, in which a hash stands that one of the diagnostics says is
 * wrong; however it is written there, the right one is written in the same way.
 */
export function correctHashes(diagnostics: readonly Diagnostic[], files: readonly string[]): readonly CorrectedLine[] {
	const pairs = diagnostics.flatMap(mismatchOf).flatMap(spellings);
	if (pairs.length === 0) return [];
	const lines: CorrectedLine[] = [];
	for (const file of nixFiles(files)) {
		for (const [index, text] of readFileSync(file, "utf8").split("\n").entries()) {
			const pair = pairs.find(({ wanted }) => text.includes(wanted));
			if (pair === undefined) continue;
			lines.push({ file, line: index + 1, text: text.replaceAll(pair.wanted, () => pair.found).trim() });
		}
	}
	return lines;
}

function mismatchOf({ code, message }: Diagnostic): readonly Mismatch[] {
	const sri = /\b(?:md5|sha1|sha256|sha512)-[A-Za-z0-9+/]+={0,2}/g;
	const [first, second] = [...message.matchAll(sri)].map(([text]) => text);
	if (first === undefined || second === undefined) return [];
	// "expected A, found B"; "its hash is B instead of A".
	if (code === "STORE_HASH_MISMATCH") return [{ wanted: first, found: second }];
	return code === "FETCH_HASH_MISMATCH" ? [{ wanted: second, found: first }] : [];
}

/** All ways in which Nix files write the two. */
function spellings({ wanted, found }: Mismatch): readonly Mismatch[] {
	const [a, b] = [parseHash(wanted), parseHash(found)];
	return (["sri", "base16", "base32", "base64"] as const).map((format) => {
		return { wanted: formatHash(a, format), found: formatHash(b, format) };
	});
}

function nixFiles(given: readonly string[]): readonly string[] {
	const found = new Set<string>();
	const folders = given.map((file) =>
		statSync(file, { throwIfNoEntry: false })?.isDirectory() === true ? file : dirname(file),
	);
	for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
		for (const entry of readdirSync(folder, { withFileTypes: true })) {
			const path = join(folder, entry.name);
			if (entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules") folders.push(path);
			if (!entry.isFile() || !entry.name.endsWith(".nix")) continue;
			if (statSync(path).size <= MOST_BYTES) found.add(path);
			if (found.size >= MOST_FILES) return [...found];
		}
	}
	return [...found].sort();
}
