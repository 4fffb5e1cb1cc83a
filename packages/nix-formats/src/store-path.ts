/**
 * Store paths: `/nix/store/<32 base-32 digits>-<name>`, checked once where they enter and branded from then on.
 * Layer 1, pure. Source: Nix manual, "Store path specification".
 */

import { fail } from "@devenv/diagnostics";
import { isBase32 } from "./base32.ts";

declare const storePathBrand: unique symbol;
declare const drvPathBrand: unique symbol;

/** A full logical store path, without a trailing slash or a path below it. Made only by this package. */
export type StorePath = string & { readonly [storePathBrand]: true };

/** The store path of a store derivation; ends in `.drv`. */
export type DrvPath = StorePath & { readonly [drvPathBrand]: true };

export const DEFAULT_STORE_DIR = "/nix/store";

/** Digits in a store path's hash part. */
export const HASH_PART_LENGTH = 32;

/** The longest name, which leaves room for the hash part and `.lock` in a file name of 255 bytes. */
const MAX_NAME_LENGTH = 211;

const NAME = /^[0-9a-zA-Z+\-._?=]+$/;
const DOTTED = /^\.{1,2}(?:-|$)/;

/** Why the name cannot be a store object's, or undefined if it can. */
export function storeNameFault(name: string): string | undefined {
	if (name === "") return "it is empty";
	if (name.length > MAX_NAME_LENGTH) return `it is longer than ${MAX_NAME_LENGTH} characters`;
	if (!NAME.test(name)) {
		const bad = Array.from(name).find((each) => !NAME.test(each));
		return `it contains ${JSON.stringify(bad)}; only letters, digits and + - . _ ? = are allowed`;
	}
	return DOTTED.test(name) ? 'it is "." or "..", or begins with one of them and a dash' : undefined;
}

/** Fails with `STORE_NAME` when the name cannot be a store object's. */
export function checkStoreName(name: string): void {
	if (NAME.test(name) && name.length <= MAX_NAME_LENGTH && !DOTTED.test(name)) return;
	fail("STORE_NAME", `"${name}" is not a valid store object name: ${storeNameFault(name)}`);
}

/** Whether the text is a store path of the given store folder. */
export function isStorePath(text: string, storeDir: string = DEFAULT_STORE_DIR): text is StorePath {
	return storePathFault(text, storeDir) === undefined;
}

/** Fails with `STORE_PATH` when the text is not a store path of the given store folder. */
export function parseStorePath(text: string, storeDir: string = DEFAULT_STORE_DIR): StorePath {
	const fault = storePathFault(text, storeDir);
	if (fault === undefined) return text as StorePath;
	return fail("STORE_PATH", `"${text}" is not a store path: ${fault}`);
}

export function isDrvPath(text: string, storeDir: string = DEFAULT_STORE_DIR): text is DrvPath {
	return text.endsWith(".drv") && isStorePath(text, storeDir);
}

/** Fails with `STORE_PATH` when the text is not the store path of a store derivation. */
export function parseDrvPath(text: string, storeDir: string = DEFAULT_STORE_DIR): DrvPath {
	const path = parseStorePath(text, storeDir);
	if (path.endsWith(".drv")) return path as DrvPath;
	return fail("STORE_PATH", `"${text}" is not a store derivation: its name does not end in .drv`);
}

/** Takes `/nix/store/<hash>-<name>/sub/path` apart; undefined when the path does not lie inside a store object. */
export function splitStorePath(
	path: string,
	storeDir: string = DEFAULT_STORE_DIR,
): { readonly storePath: StorePath; readonly subPath: string } | undefined {
	if (!path.startsWith(storeDir) || path[storeDir.length] !== "/") return undefined;
	const slash = path.indexOf("/", storeDir.length + 1);
	const storePath = slash < 0 ? path : path.slice(0, slash);
	if (!isStorePath(storePath, storeDir)) return undefined;
	return { storePath, subPath: slash < 0 ? "" : path.slice(slash) };
}

/** The file name: `<hash part>-<name>`. */
export function storePathBase(path: StorePath): string {
	return path.slice(path.lastIndexOf("/") + 1);
}

/** The 32 digits that tell store objects apart. */
export function storePathHashPart(path: StorePath): string {
	const start = path.lastIndexOf("/") + 1;
	return path.slice(start, start + HASH_PART_LENGTH);
}

/** The name behind the hash part. */
export function storePathName(path: StorePath): string {
	return path.slice(path.lastIndexOf("/") + HASH_PART_LENGTH + 2);
}

/** The derivation's name: the store path's name without `.drv`. */
export function drvPathName(path: DrvPath): string {
	return storePathName(path).slice(0, -".drv".length);
}

function storePathFault(text: string, storeDir: string): string | undefined {
	if (!text.startsWith(storeDir) || text[storeDir.length] !== "/") return `it does not lie in ${storeDir}`;
	const start = storeDir.length + 1;
	const dash = start + HASH_PART_LENGTH;
	if (text.includes("/", start)) return "it lies deeper than one level below the store folder";
	if (text.length <= dash || text[dash] !== "-") return "it has no hash part of 32 digits and a dash";
	if (!isBase32(text, start, dash)) return "its hash part has a digit that is not base-32";
	const fault = storeNameFault(text.slice(dash + 1));
	return fault === undefined ? undefined : `of its name, ${fault}`;
}
