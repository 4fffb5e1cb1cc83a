/** `devenv store why-depends`. Layer 5. */

import { Args } from "@oclif/core";
import { wayTo } from "../../store/draw-references.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";

export default class StoreWhyDepends extends StoreCommand {
	static override summary = "Show the shortest way by which one store object refers to another";
	static override examples = ["<%= config.bin %> store why-depends ./result /nix/store/…-glibc"];
	static override enableJsonFlag = true;
	static override args = {
		from: Args.string({ description: "the object that depends", required: true }),
		to: Args.string({ description: "the one that it depends on", required: true }),
	};

	override async run(): Promise<readonly string[] | null> {
		const { args } = await this.parse(StoreWhyDepends);
		const way = await this.withStore((store) => {
			const [from, to] = [findObject(store, args.from).storePath, findObject(store, args.to).storePath];
			return wayTo(from, to, (path) => store.pathInfo(path).references) ?? null;
		});
		if (way === null) this.print("It does not depend on it.");
		else
			this.print(way.map((path, depth) => (depth === 0 ? path : `${"    ".repeat(depth - 1)}└───${path}`)).join("\n"));
		return way;
	}
}
