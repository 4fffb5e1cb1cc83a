/**
 * Store paths that running processes use: their program, working folder, open files, mappings, environment, and what is mounted
 * in their mount namespaces. Layer 2. Linux only; of other users' processes only what the kernel shows is seen.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { HASH_PART_LENGTH, isStorePath, type StorePath } from "@devenv/nix-formats";
import type { GcRoot } from "./store.ts";
import type { StoreLayout } from "./store-layout.ts";

/** Roots named `{process:<pid>}`; each path once. */
export function readRuntimeRoots(layout: StoreLayout): GcRoot[] {
	const finder = new PathFinder(layout);
	const roots = new Map<StorePath, GcRoot>();
	/** Mount namespaces that were looked at: processes of one see the same. */
	const seen = new Set<string>();
	for (const name of names("/proc")) {
		if (!/^[0-9]+$/.test(name)) continue;
		const folder = `/proc/${name}`;
		const texts = [
			...["exe", "cwd", "root"].map((each) => attempt(() => readlinkSync(`${folder}/${each}`))),
			...names(`${folder}/fd`).map((each) => attempt(() => readlinkSync(`${folder}/fd/${each}`))),
			attempt(() => readFileSync(`${folder}/maps`, "latin1")),
			attempt(() => readFileSync(`${folder}/environ`, "latin1")),
			mountsOf(folder, seen),
		];
		for (const path of finder.find(texts.join("\0"))) {
			if (!roots.has(path)) roots.set(path, { link: `{process:${name}}`, path });
		}
	}
	return [...roots.values()];
}

/** What is mounted where, unless another process of that namespace was looked at. */
function mountsOf(folder: string, seen: Set<string>): string | undefined {
	const namespace = attempt(() => readlinkSync(`${folder}/ns/mnt`));
	if (namespace !== undefined && seen.has(namespace)) return undefined;
	const mounts = attempt(() => readFileSync(`${folder}/mountinfo`, "latin1"));
	if (namespace !== undefined && mounts !== undefined) seen.add(namespace);
	return mounts;
}

/** Finds store paths, logical or physical, in a text. */
class PathFinder {
	readonly #layout: StoreLayout;
	readonly #pattern: RegExp;

	constructor(layout: StoreLayout) {
		this.#layout = layout;
		const folder = layout.storeDir.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
		this.#pattern = new RegExp(`${folder}/([0-9a-z]{${HASH_PART_LENGTH}}-[0-9a-zA-Z+\\-._?=]+)`, "g");
	}

	*find(text: string): Generator<StorePath> {
		for (const [, base = ""] of text.matchAll(this.#pattern)) {
			const path = `${this.#layout.storeDir}/${base}`;
			if (isStorePath(path, this.#layout.storeDir)) yield path;
		}
	}
}

function names(folder: string): string[] {
	return attempt(() => readdirSync(folder)) ?? [];
}

/** Processes end while one looks, and others' are hidden: what cannot be read is not there. */
function attempt<T>(read: () => T): T | undefined {
	try {
		return read();
	} catch {
		return undefined;
	}
}
