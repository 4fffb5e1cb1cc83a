/** `devenv store verify`. Layer 5. */

import { formatHash } from "@devenv/nix-formats";
import type { VerifyFault } from "@devenv/store";
import { Flags } from "@oclif/core";
import { StoreCommand } from "../../store/store-command.ts";

interface VerifyResult {
	readonly objects: number;
	readonly faults: readonly { readonly kind: VerifyFault["kind"]; readonly message: string }[];
}

export default class StoreVerify extends StoreCommand {
	static override summary = "Compare the store's database with what is on disk";
	static override description = "Ends with 1 where something is wrong. Nothing is changed.";
	static override enableJsonFlag = true;
	static override flags = {
		"check-contents": Flags.boolean({ description: "hash every object too, which reads all of them", default: false }),
	};

	override async run(): Promise<VerifyResult> {
		const { flags } = await this.parse(StoreVerify);
		const result = await this.withStore(async (store): Promise<VerifyResult> => {
			const faults = await store.verify({ checkContents: flags["check-contents"] });
			return {
				objects: store.queryAllValidPaths().length,
				faults: faults.map((fault) => ({ kind: fault.kind, message: describe(fault) })),
			};
		});
		const all = result.faults.map(({ message }) => message).join("\n");
		this.print(all === "" ? `${result.objects} objects are as the database says.` : all);
		if (result.faults.length > 0) process.exitCode = 1;
		return result;
	}
}

function describe(fault: VerifyFault): string {
	switch (fault.kind) {
		case "missing":
			return `${fault.path} is not there`;
		case "modified":
			return `${fault.path} was changed: its hash is ${formatHash(fault.found, "sri")} instead of ${formatHash(fault.expected, "sri")}`;
		case "unreadable":
			return `${fault.path} cannot be read: ${fault.reason}`;
		case "database":
			return `the database is damaged: ${fault.reason}`;
	}
}
