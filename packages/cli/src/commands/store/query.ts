/** `devenv store query`. Layer 5. */

import { formatHash, isDrvPath, type StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { Args } from "@oclif/core";
import { drawGraph, drawTree } from "../../store/draw-references.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";

const kinds = [
	"references",
	"referrers",
	"requisites",
	"referrers-closure",
	"deriver",
	"outputs",
	"roots",
	"hash",
	"size",
	"tree",
	"graph",
] as const;

type Kind = (typeof kinds)[number];

interface QueryResult {
	readonly kind: Kind;
	/** Lines, or a whole picture. */
	readonly answer: readonly string[];
}

export default class StoreQuery extends StoreCommand {
	static override summary = "Ask the store about objects: what they refer to, what keeps them, how large they are";
	static override description =
		"Answers as `nix-store --query` does. Objects are named by their store path, its 32 digits, or a link such as `result`.";
	static override examples = [
		"<%= config.bin %> store query references ./result",
		"<%= config.bin %> store query tree /nix/store/…-hello",
		"<%= config.bin %> store query graph ./result | dot -Tsvg > graph.svg",
	];
	static override usage = ["store query KIND PATH..."];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = {
		kind: Args.string({ description: "what is asked", required: true, options: [...kinds] }),
		path: Args.string({ description: "objects", required: true }),
	};

	override async run(): Promise<QueryResult> {
		const { args, argv } = await this.parse(StoreQuery);
		const kind = kinds.find((each) => each === args.kind) ?? "references";
		const answer = await this.withStore((store) => {
			const paths = argv.slice(1).map((each) => findObject(store, String(each)).storePath);
			return query(store, kind, paths);
		});
		if (answer.length > 0) this.print(answer.join("\n"));
		return { kind, answer };
	}
}

function query(store: Store, kind: Kind, paths: readonly StorePath[]): readonly string[] {
	const referencesOf = (path: StorePath): readonly StorePath[] => store.pathInfo(path).references;
	const each = (of: (path: StorePath) => readonly string[]): string[] => paths.flatMap(of);
	switch (kind) {
		case "references":
			return [...new Set(each(referencesOf))].sort();
		case "referrers":
			return [...new Set(each((path) => store.queryReferrers(path)))].sort();
		case "requisites":
			return store.computeClosure(paths);
		case "referrers-closure":
			return store.computeClosure(paths, { direction: "referrers" });
		case "deriver":
			return each((path) => [store.pathInfo(path).deriver ?? "unknown-deriver"]);
		case "outputs":
			return each((path) => (isDrvPath(path) ? [...store.queryDerivationOutputs(path).values()] : []));
		case "roots": {
			const kept = new Set(store.computeClosure(paths, { direction: "referrers" }));
			return store
				.roots()
				.filter(({ path }) => kept.has(path))
				.map(({ link, path }) => `${link} -> ${path}`);
		}
		case "hash":
			return each((path) => [`sha256:${formatHash(store.pathInfo(path).narHash, "base32")}`]);
		case "size":
			return each((path) => [String(store.pathInfo(path).narSize)]);
		case "tree":
			return each((path) => [drawTree(path, referencesOf).trimEnd()]);
		case "graph":
			return [drawGraph(paths, referencesOf).trimEnd()];
	}
}
