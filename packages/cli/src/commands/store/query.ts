/** `devenv store query`. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { Args, Flags } from "@oclif/core";
import { answerQuery, type QueryKind, queryKinds } from "../../nix-store/store-query.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";

interface QueryResult {
	readonly kind: QueryKind;
	/** Its lines. */
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
	static override usage = ["store query KIND [--use-output] [--include-outputs] PATH..."];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = {
		kind: Args.string({ description: "what is asked", required: true, options: [...queryKinds] }),
		path: Args.string({ description: "objects", required: true }),
	};
	static override flags = {
		"use-output": Flags.boolean({
			char: "u",
			description: "of store derivations their outputs are meant",
			default: false,
		}),
		"include-outputs": Flags.boolean({ description: "requisites with outputs of derivations", default: false }),
		binding: Flags.string({ char: "b", description: "for the kind `binding`: name of a variable", helpValue: "NAME" }),
	};

	override async run(): Promise<QueryResult> {
		const { args, argv, flags } = await this.parse(StoreQuery);
		const kind = queryKinds.find((each) => each === args.kind) ?? "references";
		if (kind === "binding" && flags.binding === undefined) {
			fail("USAGE_INVALID", "the name of the variable is not given", { hint: "add it: --binding NAME" });
		}
		const text = await this.withStore((store) => {
			const paths = argv.slice(1).map((each) => findObject(store, String(each)).storePath);
			const [useOutputs, includeOutputs] = [flags["use-output"], flags["include-outputs"]];
			return answerQuery(store, { kind, useOutputs, includeOutputs, binding: flags.binding }, paths);
		});
		const answer = text === "" ? [] : text.trimEnd().split("\n");
		if (text !== "") this.print(text);
		return { kind, answer };
	}
}
