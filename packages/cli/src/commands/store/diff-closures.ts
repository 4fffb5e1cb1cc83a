/** `devenv store diff-closures`. Layer 5. */

import { storePathName, type StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { Args } from "@oclif/core";
import { formatBytes } from "../../progress/render-progress.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";
import { formatTable } from "../../text-table.ts";

interface Difference {
	readonly name: string;
	/** Empty where it was, or is, not there. */
	readonly before: readonly string[];
	readonly after: readonly string[];
	/** Bytes, as archives. */
	readonly growth: number;
}

export default class StoreDiffClosures extends StoreCommand {
	static override summary = "Show what differs between two store objects with all that they refer to";
	static override examples = ["<%= config.bin %> store diff-closures ./old ./new"];
	static override enableJsonFlag = true;
	static override args = {
		before: Args.string({ description: "object", required: true }),
		after: Args.string({ description: "object", required: true }),
	};

	override async run(): Promise<readonly Difference[]> {
		const { args } = await this.parse(StoreDiffClosures);
		const differences = await this.withStore((store) =>
			compare(
				parts(store, findObject(store, args.before).storePath),
				parts(store, findObject(store, args.after).storePath),
			),
		);
		const rows = differences.map(({ name, before, after, growth }) => [
			name,
			`${before.join(", ") || "∅"} → ${after.join(", ") || "∅"}`,
			`${growth < 0 ? "-" : "+"}${formatBytes(Math.abs(growth))}`,
		]);
		this.print(rows.length === 0 ? "Both refer to the same." : formatTable(rows));
		return differences;
	}
}

interface Part {
	readonly versions: string[];
	readonly paths: Set<StorePath>;
	size: number;
}

/** The closure by packages' names. */
function parts(store: Store, root: StorePath): Map<string, Part> {
	const found = new Map<string, Part>();
	for (const path of store.computeClosure([root])) {
		// The version begins with the first part that starts with a digit.
		const [, name = "", version = ""] = /^(.*?)(?:-(\d.*))?$/s.exec(storePathName(path)) ?? [];
		const part = found.get(name) ?? { versions: [], paths: new Set(), size: 0 };
		found.set(name, part);
		part.versions.push(version === "" ? "ε" : version);
		part.paths.add(path);
		part.size += store.pathInfo(path).narSize;
	}
	return found;
}

function compare(before: ReadonlyMap<string, Part>, after: ReadonlyMap<string, Part>): Difference[] {
	return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name) => {
		const [old, fresh] = [before.get(name), after.get(name)];
		const same = old !== undefined && fresh !== undefined && old.paths.symmetricDifference(fresh.paths).size === 0;
		if (same) return [];
		return [
			{
				name,
				before: [...(old?.versions ?? [])].sort(),
				after: [...(fresh?.versions ?? [])].sort(),
				growth: (fresh?.size ?? 0) - (old?.size ?? 0),
			},
		];
	});
}
