/** What `nix-store --query` and `devenv store query` answer. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { bytesFromText, formatHash, isDrvPath, parseDrvPath, textFromBytes, type StorePath } from "@devenv/nix-formats";
import { referencesFirst, type Store } from "@devenv/store";
import { drawGraph, drawGraphMl, drawTree } from "../store/draw-references.ts";

export const queryKinds = [
	"outputs",
	"requisites",
	"references",
	"referrers",
	"referrers-closure",
	"deriver",
	"valid-derivers",
	"binding",
	"hash",
	"size",
	"tree",
	"graph",
	"graphml",
	"resolve",
	"roots",
] as const;

export type QueryKind = (typeof queryKinds)[number];

export interface StoreQuery {
	readonly kind: QueryKind;
	/** Of derivations their outputs are meant. */
	readonly useOutputs: boolean;
	/** With derivations, their outputs that are valid, and what those refer to. */
	readonly includeOutputs: boolean;
	/** The variable that is asked for. */
	readonly binding: string | undefined;
}

/** Answers as Nix prints them: texts that end with a line each, in Nix's order. */
export function answerQuery(store: Store, query: StoreQuery, paths: readonly StorePath[]): string {
	const { kind, useOutputs, includeOutputs } = query;
	const infoOf = (path: StorePath): ReturnType<Store["pathInfo"]> =>
		store.queryPathInfo(path) ?? fail("STORE_PATH_NOT_VALID", `path '${path}' is not valid`);
	const referencesOf = (path: StorePath): readonly StorePath[] => infoOf(path).references;
	const meant = (): StorePath[] => paths.flatMap((path) => (useOutputs ? outputsOf(store, path) : [path]));
	const ordered = (found: Iterable<StorePath>): string => lines(referencesFirst(found, referencesOf));
	switch (kind) {
		case "outputs":
			return lines(paths.flatMap((path) => outputsOf(store, path)));
		case "requisites":
			for (const path of meant()) infoOf(path);
			return ordered(store.computeClosure(meant(), { includeOutputs }));
		case "references":
			return ordered(meant().flatMap(referencesOf));
		case "referrers":
			return ordered(meant().flatMap((path) => store.queryReferrers(path)));
		case "referrers-closure":
			return ordered(store.computeClosure(meant(), { direction: "referrers" }));
		case "deriver":
			return lines(paths.map((path) => infoOf(path).deriver ?? "unknown-deriver"));
		case "valid-derivers":
			return lines(meant().flatMap((path) => store.queryDerivers(path)));
		case "binding":
			return lines(paths.map((path) => bindingOf(store, path, query.binding ?? "")));
		case "hash":
			return lines(meant().map((path) => `sha256:${formatHash(infoOf(path).narHash, "base32")}`));
		case "size":
			return lines(meant().map((path) => String(infoOf(path).narSize)));
		case "tree": {
			const done = new Set<StorePath>();
			return paths.map((path) => drawTree(path, referencesOf, done)).join("");
		}
		case "graph":
			return drawGraph(meant(), referencesOf);
		case "graphml":
			return drawGraphMl(meant(), infoOf);
		case "resolve":
			return lines(paths);
		case "roots": {
			// As with Nix's usual settings, what is alive keeps its deriver.
			const kept = new Set(referrersAndOutputs(store, meant()));
			const roots = store.roots().filter(({ path }) => kept.has(path));
			return lines(roots.map(({ link, path }) => `${link} -> ${path}`));
		}
	}
}

function lines(all: readonly string[]): string {
	return all.map((line) => `${line}\n`).join("");
}

/** The outputs of a derivation, by name; another path is its own. */
function outputsOf(store: Store, path: StorePath): StorePath[] {
	if (!isDrvPath(path, store.storeDir)) return [path];
	if (!store.isValid(path)) fail("STORE_PATH_NOT_VALID", `path '${path}' is not valid`);
	const outputs = [...store.readDerivation(path).outputs.values()];
	return outputs.flatMap((output) => (output.path === "" ? [] : [output.path])).sort();
}

function referrersAndOutputs(store: Store, paths: readonly StorePath[]): StorePath[] {
	const seen = new Set<StorePath>();
	const waiting = [...paths];
	for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
		if (seen.has(path)) continue;
		seen.add(path);
		waiting.push(...store.queryReferrers(path));
		if (!isDrvPath(path, store.storeDir) || !store.isValid(path)) continue;
		const outputs = store.queryValidPaths(store.queryDerivationOutputs(path).values());
		waiting.push(...outputs.filter((output) => store.pathInfo(output).deriver === path));
	}
	return [...seen];
}

/** A variable of a derivation, or of what an object was made by. */
function bindingOf(store: Store, path: StorePath, name: string): string {
	const drvPath = isDrvPath(path, store.storeDir) ? path : deriverOf(store, path);
	const value = store.readDerivation(parseDrvPath(drvPath, store.storeDir)).env.get(bytesFromText(name));
	return value === undefined
		? fail("STORE_BINDING", `derivation '${drvPath}' has no environment binding named '${name}'`)
		: textFromBytes(value);
}

function deriverOf(store: Store, path: StorePath): string {
	const info = store.queryPathInfo(path) ?? fail("STORE_PATH_NOT_VALID", `path '${path}' is not valid`);
	return info.deriver ?? fail("STORE_BINDING", `deriver of path '${path}' is not known`);
}
