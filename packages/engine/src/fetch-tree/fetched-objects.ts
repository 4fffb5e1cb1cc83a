/**
 * `builtins.fetchurl`, `fetchTarball`, `fetchGit` and `fetchTree`: fetched by the main thread, added to the store by this one.
 * Layer 3; runs in an evaluator thread, synchronous.
 *
 * Sources: Nix manual, "Built-in Functions" and "Flake references" (types of inputs and their attributes).
 */

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { EvalIoError, type FetchRequest } from "@devenv/evaluator";
import {
	bytesFromText,
	equalHashes,
	formatHash,
	makeFixedOutputPath,
	parseHash,
	type StorePath,
	textFromBytes,
} from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import type { TreeAttributes } from "../eval-io/eval-io.ts";
import type { MainThread } from "../evaluation/main-thread.ts";
import { type Downloaded, DownloadMemo } from "./download-memo.ts";
import { fixGitUrl, forgeOf, inputAttributes, isForge } from "./forges.ts";
import { isCommit } from "../inputs/tree-url.ts";
import { latestChange } from "./latest-change.ts";
import { Registries } from "./registries.ts";

export interface FetchedObjectsOptions {
	readonly store: Store;
	readonly main: MainThread;
	/** Folder for what can be fetched again; made when missing. */
	readonly cache: string;
	/** Files of flake registries, the first wins; and the address of the last. */
	readonly registries?: { readonly files: readonly string[]; readonly global?: string };
}

/** A tree with what is known of it. */
interface Tree {
	readonly path: StorePath;
	readonly rev?: string;
	readonly dirtyRev?: string;
	readonly revCount?: number;
	readonly lastModified?: number;
}

type Text = (name: string) => string | undefined;

export class FetchedObjects {
	readonly #store: Store;
	readonly #main: MainThread;
	readonly #memo: DownloadMemo;
	readonly #registries: Registries;

	constructor({ store, main, cache, registries = { files: [] } }: FetchedObjectsOptions) {
		this.#store = store;
		this.#main = main;
		this.#memo = new DownloadMemo(join(cache, "downloads"));
		const { files, global } = registries;
		this.#registries = new Registries(files, () => (global === undefined ? undefined : this.#download(global).path));
	}

	/** The store path of a file, or of an archive's content; nothing is fetched where a promised hash is in the store already. */
	fetch({ url, name, unpack, sha256 }: FetchRequest): string {
		const given = { url: textFromBytes(url), name: textFromBytes(name) };
		if (sha256 === undefined) return this.#remembered({ ...given, unpack }).path;
		const hash = parseHash(sha256, "sha256");
		const method = unpack ? "recursive" : "flat";
		const promised = makeFixedOutputPath({ name: given.name, method, hash, storeDir: this.#store.storeDir });
		this.#store.addTempRoot(promised);
		if (this.#store.isValid(promised)) return promised;
		const { path } = unpack ? this.#unpack(given) : this.#addFile(given, "flat");
		if (path !== promised) {
			const found = formatHash(this.#contentHash(path, method), "sri");
			const what = unpack ? "tarball" : "file";
			const expected = formatHash(hash, "sri");
			throw new EvalIoError(
				bytesFromText(
					`hash mismatch in ${what} downloaded from '${given.url}':\n  specified: ${expected}\n  got:       ${found}`,
				),
				url,
			);
		}
		return path;
	}

	/** Attributes and result are byte strings where they are strings. Throws an EvalIoError. */
	fetchTree(given: TreeAttributes): TreeAttributes {
		const input = new Map(
			[...given].map(([key, value]) => [key, typeof value === "string" ? textFromBytes(value) : value]),
		);
		const type = String(input.get("type"));
		this.#checkAttributes(type, input);
		const narHash = input.get("narHash");
		const expected = typeof narHash === "string" ? parseHash(narHash, "sha256") : undefined;
		const kept = expected === undefined ? undefined : this.#kept(input, expected);
		const tree = kept ?? this.#fetchTree(type, input);
		const found = this.#store.pathInfo(tree.path).narHash;
		if (expected !== undefined && !equalHashes(found, expected)) {
			const [want, got] = [formatHash(expected, "sri"), formatHash(found, "sri")];
			throw new EvalIoError(
				bytesFromText(`NAR hash mismatch in input '${describe(input)}', expected '${want}' but got '${got}'`),
				describe(input),
			);
		}
		return result(type, input, { ...tree, narHash: formatHash(found, "sri") });
	}

	/** What is pinned and in the store already. */
	#kept(input: ReadonlyMap<string, unknown>, hash: ReturnType<typeof parseHash>): Tree | undefined {
		const given = input.get("name");
		const name = typeof given === "string" ? given : "source";
		const path = makeFixedOutputPath({ name, method: "recursive", hash, storeDir: this.#store.storeDir });
		this.#store.addTempRoot(path);
		if (!this.#store.isValid(path)) return undefined;
		const [rev, revCount, lastModified] = ["rev", "revCount", "lastModified"].map((key) => input.get(key));
		return {
			path,
			...(typeof rev === "string" ? { rev } : {}),
			...(typeof revCount === "number" ? { revCount } : {}),
			...(typeof lastModified === "number" ? { lastModified } : {}),
		};
	}

	#checkAttributes(type: string, input: ReadonlyMap<string, unknown>): void {
		const known = inputAttributes(type);
		if (known === undefined) throw new EvalIoError(`inputs of type '${type}' are not supported`, type);
		const foreign = [...input.keys()].find((key) => !known.has(key));
		if (foreign !== undefined) {
			throw new EvalIoError(`input attribute '${foreign}' not supported by scheme '${type}'`, type);
		}
	}

	#fetchTree(type: string, input: ReadonlyMap<string, string | number | boolean>): Tree {
		const text: Text = (name) => {
			const value = input.get(name);
			return typeof value === "string" ? value : undefined;
		};
		const need = (name: string): string => {
			const value = text(name);
			if (value === undefined)
				throw new EvalIoError(`attribute '${name}' is missing in an input of type '${type}'`, type);
			return value;
		};
		switch (type) {
			case "git":
				return this.#git(need("url"), input, text);
			case "path":
				return this.#path(need("path"), text, input);
			case "tarball": {
				const url = need("url");
				const rev = text("rev");
				return { ...this.#tree({ url, name: "source", unpack: true }), ...(rev === undefined ? {} : { rev }) };
			}
			case "file":
				return { path: this.#file(need("url")) };
			case "indirect":
				return this.#fetchResolved(input);
			default:
				if (isForge(type)) return this.#forge(type, { owner: need("owner"), repo: need("repo") }, text);
				throw new EvalIoError(`inputs of type '${type}' are not supported`, type);
		}
	}

	/** What stands in the registries for an input that is only named. */
	#fetchResolved(input: ReadonlyMap<string, string | number | boolean>): Tree {
		const found = this.#registries.resolve(input);
		if (found !== undefined) return this.#fetchTree(String(found.get("type")), found);
		const id = String(input.get("id"));
		throw new EvalIoError(`cannot find flake 'flake:${id}' in the flake registries`, id);
	}

	#git(given: string, input: ReadonlyMap<string, unknown>, text: Text): Tree {
		const isOn = (name: string, otherwise: boolean): boolean => (input.get(name) ?? otherwise) === true;
		const [ref, rev] = [text("ref"), text("rev")];
		if (rev !== undefined && !isCommit(rev)) throw new EvalIoError(`'${rev}' is not a commit hash`, given);
		if (ref?.startsWith("-") === true) throw new EvalIoError(`'${ref}' is not a branch or tag name`, given);
		using scratch = this.#store.scratch();
		const [destination, extra] = [join(scratch.path, "source"), join(scratch.path, "extra")];
		for (const folder of [destination, extra]) mkdirSync(folder);
		const tree = this.#main.ask(
			{
				kind: "git",
				request: {
					url: fixGitUrl(given),
					...(ref === undefined ? {} : { ref }),
					...(rev === undefined ? {} : { rev }),
					allRefs: isOn("allRefs", false),
					shallow: isOn("shallow", false),
					submodules: isOn("submodules", false),
					exportIgnore: isOn("exportIgnore", false),
				},
				destination,
				scratch: extra,
			},
			given,
		);
		return { ...tree, path: this.#store.addPath({ name: text("name") ?? "source", source: destination }) };
	}

	#path(path: string, text: Text, input: ReadonlyMap<string, unknown>): Tree {
		if (!path.startsWith("/"))
			throw new EvalIoError(`cannot fetch input 'path:${path}' because it uses a relative path`, path);
		const rev = text("rev");
		const revCount = input.get("revCount");
		const lastModified = input.get("lastModified");
		return {
			path: this.#store.addPath({ name: "source", source: resolve(path) }),
			...(rev === undefined ? {} : { rev }),
			...(typeof revCount === "number" ? { revCount } : {}),
			lastModified: typeof lastModified === "number" ? lastModified : latestChange(path),
		};
	}

	#forge(type: string, names: { readonly owner: string; readonly repo: string }, text: Text): Tree {
		const forge = forgeOf(type, { ...names, host: text("host") });
		const ref = text("ref");
		const rev =
			text("rev") ??
			this.#main.ask({ kind: "resolve-ref", remote: forge.remote, ref: ref ?? "HEAD" }, forge.remote).rev;
		return { ...this.#tree({ url: forge.archive(rev), name: "source", unpack: true }), rev };
	}

	#tree(request: { readonly url: string; readonly name: string; readonly unpack: boolean }): Tree {
		const { path, lastModified } = this.#remembered(request);
		return { path: path as StorePath, lastModified };
	}

	#download(url: string): Downloaded {
		return this.#remembered({ url, name: url.slice(url.lastIndexOf("/") + 1), unpack: false });
	}

	#remembered(request: { readonly url: string; readonly name: string; readonly unpack: boolean }): Downloaded {
		const key = JSON.stringify(request);
		const known = this.#memo.find(key);
		if (known !== undefined) {
			this.#store.addTempRoot(known.path as StorePath);
			if (this.#store.isValid(known.path as StorePath)) return known;
		}
		const made = request.unpack ? this.#unpack(request) : this.#addFile(request, "flat");
		this.#memo.remember(key, made);
		return made;
	}

	/** A file as an input: its store object is named by its NAR. */
	#file(url: string): StorePath {
		return this.#addFile({ url, name: "source" }, "recursive").path as StorePath;
	}

	#addFile({ url, name }: { readonly url: string; readonly name: string }, method: "flat" | "recursive"): Downloaded {
		using scratch = this.#store.scratch();
		const source = join(scratch.path, "file");
		this.#main.ask({ kind: "fetch", url, destination: source }, url);
		return { path: this.#store.addPath({ name, source, method }), lastModified: 0 };
	}

	#unpack({ url, name }: { readonly url: string; readonly name: string }): Downloaded {
		using scratch = this.#store.scratch();
		const destination = join(scratch.path, "source");
		mkdirSync(destination);
		const { lastModified } = this.#main.ask({ kind: "unpack", url, destination }, url);
		return { path: this.#store.addPath({ name, source: destination }), lastModified };
	}

	/** The hash that the object's name is made of. */
	#contentHash(path: string, method: "flat" | "recursive"): ReturnType<typeof parseHash> {
		const { narHash, contentAddress } = this.#store.pathInfo(path as StorePath);
		const flat = /^fixed:(sha256:.+)$/.exec(contentAddress ?? "")?.[1];
		return method === "flat" && flat !== undefined ? parseHash(flat, "sha256") : narHash;
	}
}

function describe(input: ReadonlyMap<string, unknown>): string {
	const [type, ...rest] = [...input]
		.filter(([name]) => name !== "narHash")
		.map(([name, value]) => `${name}=${String(value)}`);
	return bytesFromText([type, ...rest].join(" "));
}

function result(
	type: string,
	input: ReadonlyMap<string, unknown>,
	tree: Tree & { readonly narHash: string },
): Map<string, string | number | boolean> {
	const { rev, dirtyRev, revCount, lastModified } = tree;
	const entries = new Map<string, string | number | boolean>([
		["outPath", tree.path],
		["narHash", tree.narHash],
	]);
	if (type === "git") entries.set("submodules", input.get("submodules") === true);
	if (rev !== undefined) entries.set("rev", rev).set("shortRev", rev.slice(0, 7));
	if (revCount !== undefined) entries.set("revCount", revCount);
	if (dirtyRev !== undefined) {
		entries.set("dirtyRev", `${dirtyRev}-dirty`).set("dirtyShortRev", `${dirtyRev.slice(0, 7)}-dirty`);
	}
	if (lastModified !== undefined) {
		const digits = new Date(lastModified * 1000).toISOString().replace(/\D/g, "").slice(0, 14);
		entries.set("lastModified", lastModified).set("lastModifiedDate", digits);
	}
	return entries;
}
