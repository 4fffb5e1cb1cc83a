/**
 * A NAR as a sequence of events, the same for writing and reading: `directory`, its entries, `end`; for each entry
 * `entry` followed by the events of its node. A `file` is followed by `contents` that add up to its size.
 * Layer 1, pure. Source: Nix manual, "Nix Archive (NAR) format".
 */

import type { ByteString } from "./byte-string.ts";

export type NarEvent =
	| { readonly kind: "directory" }
	/** Names come in bytewise ascending order. */
	| { readonly kind: "entry"; readonly name: ByteString }
	/** Ends the innermost directory. */
	| { readonly kind: "end" }
	| { readonly kind: "file"; readonly executable: boolean; readonly size: number }
	/** Part of the last file's bytes; the memory belongs to the sender and is valid during the call only. */
	| { readonly kind: "contents"; readonly bytes: Uint8Array }
	| { readonly kind: "symlink"; readonly target: ByteString };

export const NAR_MAGIC = "nix-archive-1";

/** Directories within one another: more cannot be reached by a path of 4,095 bytes. */
export const MAX_NAR_DEPTH = 2048;

/** The longest file name, as every file system in use has it. */
export const MAX_NAR_NAME = 255;

/** The longest link target that the kernel takes. */
export const MAX_NAR_TARGET = 4095;

/** Why the name cannot be a directory entry's, or undefined if it can. */
export function narNameFault(name: ByteString): string | undefined {
	if (name === "") return "is empty";
	if (name === "." || name === "..") return `is "${name}"`;
	if (name.length > MAX_NAR_NAME) return `is longer than ${MAX_NAR_NAME} bytes`;
	return /[/\0]/.test(name) ? "contains a slash or a zero byte" : undefined;
}
