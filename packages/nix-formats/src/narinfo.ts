/**
 * `.narinfo`: what a binary cache says of a store object. Layer 1, pure. One table drives both directions.
 */

import { fail, Source } from "@devenv/diagnostics";
import { formatHash, parseHash, type Hash } from "./hash.ts";
import {
	DEFAULT_STORE_DIR,
	isDrvPath,
	isStorePath,
	storePathBase,
	type DrvPath,
	type StorePath,
} from "./store-path.ts";

export interface NarInfo {
	readonly path: StorePath;
	/** Relative to the binary cache's address. */
	readonly url: string;
	/** `none`, `xz`, `zstd`, `bzip2`, `gzip`, `br` …; `bzip2` where the text does not say. */
	readonly compression: string;
	/** Hash and size of the file at `url`. */
	readonly fileHash: Hash | undefined;
	readonly fileSize: number | undefined;
	/** Hash and size of the NAR. */
	readonly narHash: Hash;
	readonly narSize: number;
	readonly references: readonly StorePath[];
	readonly deriver: DrvPath | undefined;
	readonly system: string | undefined;
	readonly signatures: readonly string[];
	readonly contentAddress: string | undefined;
}

/** Lines that may stand more than once. */
const REPEATABLE: ReadonlySet<string> = new Set(["Sig"]);
const REQUIRED = ["StorePath", "URL", "NarHash", "NarSize", "References"] as const;

/** Inverts {@link parseNarInfo}; the lines in Nix's order. */
export function formatNarInfo(info: NarInfo): string {
	const lines: [string, string | undefined][] = [
		["StorePath", info.path],
		["URL", info.url],
		["Compression", info.compression],
		["FileHash", info.fileHash && taggedHash(info.fileHash)],
		["FileSize", info.fileSize?.toString()],
		["NarHash", taggedHash(info.narHash)],
		["NarSize", info.narSize.toString()],
		["References", info.references.map(storePathBase).join(" ")],
		["Deriver", info.deriver && storePathBase(info.deriver)],
		["System", info.system],
		...info.signatures.map((signature): [string, string] => ["Sig", signature]),
		["CA", info.contentAddress],
	];
	return lines.map(([key, value]) => (value === undefined ? "" : `${key}: ${value}\n`)).join("");
}

/** Options of {@link parseNarInfo}. */
export interface ParseNarInfoOptions {
	/** What to call the text in diagnostics: its address. */
	readonly file: string;
	readonly storeDir?: string;
}

/** Reads a `.narinfo`; unknown lines are skipped. Fails with `NARINFO_SYNTAX`, located. */
export function parseNarInfo(text: string, options: ParseNarInfoOptions): NarInfo {
	return new NarInfoReader(text, options).read();
}

interface Line {
	readonly value: string;
	readonly offset: number;
}

class NarInfoReader {
	readonly #source: Source;
	readonly #storeDir: string;
	readonly #lines = new Map<string, Line[]>();

	constructor(text: string, options: ParseNarInfoOptions) {
		this.#source = new Source(options.file, text);
		this.#storeDir = options.storeDir ?? DEFAULT_STORE_DIR;
	}

	read(): NarInfo {
		this.#split();
		for (const key of REQUIRED) {
			if (!this.#lines.has(key)) this.#fail(`it has no line "${key}"`, this.#source.text.length);
		}
		const references = this.#text("References") ?? "";
		const deriver = this.#text("Deriver");
		return {
			path: this.#required("StorePath", (text) => (isStorePath(text, this.#storeDir) ? text : undefined)),
			url: this.#required("URL", (text) => (isRelativeUrl(text) ? text : undefined)),
			compression: this.#text("Compression") ?? "bzip2",
			fileHash: this.#optional("FileHash", (text) => this.#hash("FileHash", text)),
			fileSize: this.#optional("FileSize", parseSize),
			narHash: this.#required("NarHash", (text) => this.#hash("NarHash", text)),
			narSize: this.#required("NarSize", parseSize),
			references: references.split(" ").flatMap((base) => (base === "" ? [] : [this.#path("References", base)])),
			deriver:
				deriver === undefined || deriver === "" || deriver === "unknown-deriver" ? undefined : this.#deriver(deriver),
			system: this.#text("System"),
			signatures: (this.#lines.get("Sig") ?? []).map((line) => line.value),
			contentAddress: this.#text("CA") || undefined,
		};
	}

	#split(): void {
		let offset = 0;
		for (const line of this.#source.text.split("\n")) {
			const colon = line.indexOf(": ");
			const bare = line.endsWith(":") ? line.length - 1 : -1;
			const end = colon >= 0 ? colon : bare;
			if (line !== "") {
				if (end <= 0) this.#fail("a line is not of the form `Key: value`", offset);
				const key = line.slice(0, end);
				const known = this.#lines.get(key);
				if (known !== undefined && !REPEATABLE.has(key)) this.#fail(`"${key}" is given twice`, offset);
				const entry = { value: line.slice(end + 2), offset };
				if (known === undefined) this.#lines.set(key, [entry]);
				else known.push(entry);
			}
			offset += line.length + 1;
		}
	}

	#text(key: string): string | undefined {
		return this.#lines.get(key)?.[0]?.value;
	}

	#optional<T>(key: string, read: (text: string) => T | undefined): T | undefined {
		return this.#lines.has(key) ? this.#required(key, read) : undefined;
	}

	#required<T>(key: string, read: (text: string) => T | undefined): T {
		const line = this.#lines.get(key)?.[0];
		const value = line === undefined ? undefined : read(line.value);
		return value ?? this.#fail(`the value of "${key}" is not valid`, line?.offset ?? 0);
	}

	#hash(key: string, text: string): Hash {
		try {
			return parseHash(text);
		} catch (cause) {
			return this.#fail(`the value of "${key}" is not a hash`, this.#lines.get(key)?.[0]?.offset ?? 0, cause);
		}
	}

	#path(key: string, base: string): StorePath {
		const path = `${this.#storeDir}/${base}`;
		if (isStorePath(path, this.#storeDir)) return path;
		return this.#fail(`"${base}" is not a store path's file name`, this.#lines.get(key)?.[0]?.offset ?? 0);
	}

	#deriver(base: string): DrvPath {
		const path = this.#path("Deriver", base);
		if (isDrvPath(path, this.#storeDir)) return path;
		return this.#fail(`deriver "${base}" is not a store derivation`, this.#lines.get("Deriver")?.[0]?.offset ?? 0);
	}

	#fail(reason: string, offset: number, cause?: unknown): never {
		const { file } = this.#source;
		const detail = cause instanceof Error ? `${reason} (${cause.message})` : reason;
		return fail("NARINFO_SYNTAX", `${file} is not a valid narinfo: ${detail}`, {
			location: this.#source.locate(offset),
			hint: "the binary cache is damaged, or the address is not that of a binary cache",
		});
	}
}

function taggedHash(hash: Hash): string {
	return `${hash.algo}:${formatHash(hash, "base32")}`;
}

function parseSize(text: string): number | undefined {
	const size = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
	return Number.isSafeInteger(size) ? size : undefined;
}

/** A narinfo may name a file of its own cache only: hostile ones would otherwise send the client elsewhere. */
function isRelativeUrl(text: string): boolean {
	return text !== "" && !/^[a-z][a-z0-9+.-]*:/i.test(text) && !text.startsWith("/") && !text.split("/").includes("..");
}
