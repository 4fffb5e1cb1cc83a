/** `devenv store cat`. Layer 5. */

import { createReadStream, lstatSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { fail } from "@devenv/diagnostics";
import { Args } from "@oclif/core";
import { findObject, StoreCommand } from "../../store/store-command.ts";

export default class StoreCat extends StoreCommand {
	static override summary = "Write a file of a store object to standard output";
	static override examples = ["<%= config.bin %> store cat ./result/share/doc/README"];
	static override args = { path: Args.string({ description: "path in an object", required: true }) };

	override async run(): Promise<void> {
		const { args } = await this.parse(StoreCat);
		const file = await this.withStore((store) => {
			const { storePath, subPath } = findObject(store, args.path);
			const found = store.physical(storePath) + subPath;
			// A link may lead to a logical path, or out of the store: it is not followed.
			if (lstatSync(found, { throwIfNoEntry: false })?.isFile() !== true) {
				fail("STORE_FILE_MISSING", `${storePath}${subPath} is no file`, {
					hint: "`devenv store ls` shows what there is",
				});
			}
			return found;
		});
		await pipeline(createReadStream(file), process.stdout, { end: false });
	}
}
