/** What the worker protocol says of store objects and of what is to be built. Layer 4. */

import {
	type DrvPath,
	formatHash,
	isDrvPath,
	parseDrvPath,
	parseHash,
	parseStorePath,
	type StorePath,
	type ByteSource,
	ProtocolError,
} from "@devenv/nix-formats";
import type { NarImport, PathInfo, Store } from "@devenv/store";
import type { ByteSink } from "./byte-sink.ts";

/** Outputs of a derivation, or a path that is to be valid. */
export type DerivedPath =
	| {
			readonly kind: "built";
			readonly drvPath: DrvPath;
			/** Undefined: all. */
			readonly outputs: readonly string[] | undefined;
			/** As it was sent. */
			readonly text: string;
	  }
	| { readonly kind: "opaque"; readonly path: StorePath; readonly text: string };

/** `PATH`, `DRV!*` or `DRV!out,dev`; a derivation alone is the path itself. */
export function parseDerivedPath(text: string, storeDir: string): DerivedPath {
	const at = text.indexOf("!");
	if (at < 0) return { kind: "opaque", path: parseStorePath(text, storeDir), text };
	const names = text.slice(at + 1);
	if (names === "") throw new ProtocolError(`'${text}' names no outputs`);
	return {
		kind: "built",
		drvPath: parseDrvPath(text.slice(0, at), storeDir),
		outputs: names === "*" ? undefined : names.split(","),
		text,
	};
}

export async function readPaths(source: ByteSource, storeDir: string): Promise<StorePath[]> {
	return source.list(async () => parseStorePath(await source.string(), storeDir));
}

/** Everything of an object but its path. */
export function writePathInfo(sink: ByteSink, info: PathInfo): void {
	sink.string(info.deriver ?? "");
	sink.string(formatHash(info.narHash, "base16"));
	sink.strings(info.references);
	sink.number(info.registrationTime).number(info.narSize);
	sink
		.boolean(info.ultimate)
		.strings(info.signatures)
		.string(info.contentAddress ?? "");
}

/** An object that is to be added, its archive coming after; the path comes first. */
export async function readPathInfo(source: ByteSource, storeDir: string): Promise<NarImport> {
	const path = parseStorePath(await source.string(), storeDir);
	const deriver = await source.string();
	const narHash = parseHash(await source.string(), "sha256");
	const references = await readPaths(source, storeDir);
	await source.number(); // the time of registration is ours
	const narSize = await source.number();
	await source.boolean(); // whether it was built by the client, who is trusted anyway
	const signatures = await source.strings();
	const contentAddress = await source.string();
	return {
		path,
		narHash,
		narSize,
		references: [...new Set(references)].sort(),
		...(isDrvPath(deriver, storeDir) ? { deriver } : {}),
		signatures,
		...(contentAddress === "" ? {} : { contentAddress }),
	};
}

/** Keeps a path for as long as the client is there; fails where it is not valid. */
export function requireValid(store: Store, path: StorePath): void {
	store.addTempRoot(path);
	store.pathInfo(path);
}

/** Files of the wire are bytes, those of this program text. */
export function textOf(bytes: string): string {
	return Buffer.from(bytes, "latin1").toString("utf8");
}

export function bytesOf(text: string): string {
	return Buffer.from(text, "utf8").toString("latin1");
}
