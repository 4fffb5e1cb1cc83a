/** `devenv store add`. Layer 5. */

import { basename, resolve } from "node:path";
import { parseHashAlgo } from "@devenv/nix-formats";
import { Args, Flags } from "@oclif/core";
import { StoreCommand } from "../../store/store-command.ts";

export default class StoreAdd extends StoreCommand {
	static override summary = "Copy a file or folder into the store";
	static override description =
		"Prints its store path, which follows from its content. Nothing keeps it: the next `devenv gc` may delete it.";
	static override examples = [
		"<%= config.bin %> store add ./data",
		"<%= config.bin %> store add --flat --hash sha1 ./archive.tar.gz",
	];
	static override enableJsonFlag = true;
	static override args = { path: Args.string({ description: "file or folder", required: true }) };
	static override flags = {
		name: Flags.string({ description: "name of the object; default: that of the file", helpValue: "NAME" }),
		flat: Flags.boolean({ description: "by the hash of a file's bytes, as downloads are", default: false }),
		hash: Flags.string({
			description: "hash algorithm",
			options: ["md5", "sha1", "sha256", "sha512"],
			default: "sha256",
		}),
	};

	override async run(): Promise<{ readonly path: string }> {
		const { args, flags } = await this.parse(StoreAdd);
		const source = resolve(args.path);
		const method = flags.flat ? "flat" : "recursive";
		const algo = parseHashAlgo(flags.hash);
		const path = await this.withStore(
			(store) => store.addPath({ name: flags.name ?? basename(source), source, method, algo }),
			true,
		);
		this.print(path);
		return { path };
	}
}
