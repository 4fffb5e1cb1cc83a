/**
 * Files and folders of the user's into the store. Layer 2. They are read twice: once to learn the path, and, where
 * that is not valid yet, once more to copy them. What counts is what was copied, however the source changes meanwhile.
 */

import { createHash } from "node:crypto";
import { existsSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import {
	bytesFromText,
	isDrvPath,
	makeFixedOutputPath,
	NAR_BUFFER_SIZE,
	NarEncoder,
	NarParser,
	type ContentAddressMethod,
	type Derivation,
	type DrvPath,
	type Hash,
	type NarSink,
	type StorePath,
} from "@devenv/nix-formats";
import { formatContentAddress } from "./content-address.ts";
import { deleteTree } from "./file-tree.ts";
import { dumpFlat, dumpTree } from "./nar-dump.ts";
import { NarRestorer } from "./nar-restore.ts";
import type { ReadyObject } from "./registration.ts";
import type { AddPathOptions, PathInfo } from "./store.ts";

/** What adding needs of the store. */
export interface AddContext {
	readonly storeDir: string;
	/** Physical folder of the store's database. */
	readonly stateDir: string;
	physical(path: StorePath): string;
	/** A path where nothing is yet, on the store's file system. */
	newPath(): string;
	/** Physical folder of the links that objects share. */
	readonly links: string;
	/** Whether objects come to share their files when they are added. */
	readonly autoOptimise: boolean;
	/** Has the object that is about to be registered share its files, where the store does that; `repair`: see optimise.ts. */
	optimise(from: string, repair: boolean): void;
	/** Makes the path a temporary root, and says whether it is valid. */
	present(path: StorePath): boolean;
	pathInfo(path: StorePath): PathInfo;
	/** Reads a derivation that is to be registered, and checks its output paths. */
	derivation(path: DrvPath, text: string): Derivation;
	register(objects: readonly ReadyObject[]): void;
}

/** A source's path, and the hash in its name. */
export interface ComputedPath {
	readonly path: StorePath;
	readonly hash: Hash;
}

/** Reads the source and computes its store path; `sink` gets its NAR as it would be stored. */
export function computePath(
	options: AddPathOptions,
	store: Pick<AddContext, "storeDir" | "stateDir">,
	sink?: NarSink,
): ComputedPath {
	const { name, source, method = "recursive", algo = "sha256", filter } = options;
	const digest = createHash(algo);
	const bytes = bytesFromText(source);
	if (method === "recursive") {
		const take = (piece: Uint8Array): void => {
			digest.update(piece);
			sink?.(piece);
		};
		const forbidden = stateDirIn(source, store.stateDir);
		dumpTree(bytes, take, { ...(filter && { filter }), ...(forbidden !== undefined && { forbidden }) });
	} else {
		const discard = (): void => undefined;
		dumpFlat(bytes, sink ?? discard, (piece) => digest.update(piece));
	}
	const hash: Hash = { algo, bytes: digest.digest() };
	return { path: makeFixedOutputPath({ name, method, hash, storeDir: store.storeDir }), hash };
}

/**
 * The state folder relative to the source that contains it. Reading the database's files by other means than SQLite
 * would, by the rules of POSIX locks, release the locks that this process holds on them.
 */
function stateDirIn(source: string, stateDir: string): string | undefined {
	if (!existsSync(source) || !existsSync(stateDir)) return undefined;
	const folder = `${realpathSync(source)}/`;
	const state = realpathSync(stateDir);
	return state.startsWith(folder) ? bytesFromText(state.slice(folder.length)) : undefined;
}

/** Copies the source into the store unless it is there. */
export function addPath(context: AddContext, options: AddPathOptions): StorePath {
	const first = computePath(options, context);
	if (context.present(first.path)) return first.path;
	const from = context.newPath();
	try {
		const { path, hash, narHash, narSize } = copyTo(from, options, context);
		context.present(path);
		context.optimise(from, false);
		const method: ContentAddressMethod = options.method ?? "recursive";
		const info: PathInfo = {
			path,
			narHash,
			narSize,
			references: [],
			deriver: undefined,
			registrationTime: Math.floor(Date.now() / 1000),
			ultimate: false,
			signatures: [],
			contentAddress: formatContentAddress({ method, hash }),
		};
		// What is named as a derivation is one, and could claim the outputs of another.
		const derivation = isDrvPath(path, context.storeDir)
			? context.derivation(path, readDerivationText(from))
			: undefined;
		context.register([{ info, from, ...(derivation && { derivation }) }]);
		return path;
	} finally {
		deleteTree(bytesFromText(from));
	}
}

function readDerivationText(file: string): string {
	if (!lstatSync(file).isFile()) fail("DRV_SYNTAX", "a store derivation is a regular file");
	return readFileSync(file, "latin1");
}

function copyTo(
	from: string,
	options: AddPathOptions,
	context: AddContext,
): ComputedPath & { readonly narHash: Hash; readonly narSize: number } {
	const restorer = new NarRestorer(bytesFromText(from));
	const parser = new NarParser((event) => {
		restorer.write(event);
	});
	const nar = createHash("sha256");
	let narSize = 0;
	try {
		const copied = computePath(options, context, (piece) => {
			nar.update(piece);
			narSize += piece.length;
			parser.push(piece);
		});
		parser.finish();
		return { ...copied, narHash: { algo: "sha256", bytes: nar.digest() }, narSize };
	} finally {
		restorer.abandon();
	}
}

/** NAR hash and size of a regular file with these bytes, not executable. */
export function narOfFile(bytes: Buffer): { readonly narHash: Hash; readonly narSize: number } {
	const hash = createHash("sha256");
	buffer ??= Buffer.allocUnsafeSlow(NAR_BUFFER_SIZE);
	const encoder = new NarEncoder((piece) => hash.update(piece), buffer);
	encoder.file(false, bytes.length);
	encoder.contents(bytes);
	encoder.finish();
	return { narHash: { algo: "sha256", bytes: hash.digest() }, narSize: encoder.size };
}

/** Kept for the many small texts that an evaluation adds. */
let buffer: Buffer | undefined;
