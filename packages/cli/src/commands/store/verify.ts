/** `devenv store verify`. Layer 5. */

import type { Store, VerifyFault } from "@devenv/store";
import { Flags } from "@oclif/core";
import { ProgramStore } from "../../nix-programs/program-store.ts";
import { mendFault } from "../../nix-store/store-verify.ts";
import { describeFault } from "../../store/describe-fault.ts";
import { StoreCommand } from "../../store/store-command.ts";

interface VerifyResult {
	readonly objects: number;
	readonly faults: readonly { readonly kind: VerifyFault["kind"]; readonly message: string }[];
}

export default class StoreVerify extends StoreCommand {
	static override summary = "Compare the store's database with what is on disk";
	static override description =
		"Ends with 1 where something is wrong. Nothing is changed, unless with --repair: damaged objects are fetched from the binary caches or built again, and what nothing refers to and is not there is forgotten.";
	static override enableJsonFlag = true;
	static override flags = {
		"check-contents": Flags.boolean({ description: "hash every object too, which reads all of them", default: false }),
		repair: Flags.boolean({ description: "make what is damaged anew", default: false }),
	};

	override async run(): Promise<VerifyResult> {
		const { flags } = await this.parse(StoreVerify);
		const options = { checkContents: flags["check-contents"] };
		const { faults, objects } = flags.repair
			? await this.#repair(options)
			: await this.withStore((store) => verifyWith(store, options));
		const result = {
			objects,
			faults: faults.map((fault) => ({ kind: fault.kind, message: describeFault(fault) })),
		};
		const all = result.faults.map(({ message }) => message).join("\n");
		this.print(all === "" ? `${objects} objects are as the database says.` : all);
		if (faults.length > 0) process.exitCode = 1;
		return result;
	}

	/** Mends what can be; gives what cannot. */
	async #repair(options: VerifyOptions): Promise<Verified> {
		const world = new ProgramStore();
		try {
			for (const path of world.writing.forgetMissing()) this.print(`${path} was not there, and is forgotten.`);
			const { faults, objects } = await verifyWith(world.writing, options);
			const left: VerifyFault[] = [];
			for (const fault of faults) {
				if (await mendFault(world, fault, (message) => process.stderr.write(`warning: ${message}\n`))) {
					this.print(`Mended: ${describeFault(fault)}`);
				} else left.push(fault);
			}
			return { faults: left, objects };
		} finally {
			await world.close();
		}
	}
}

interface VerifyOptions {
	readonly checkContents: boolean;
}

interface Verified {
	readonly faults: readonly VerifyFault[];
	readonly objects: number;
}

async function verifyWith(store: Store, options: VerifyOptions): Promise<Verified> {
	return { faults: await store.verify(options), objects: store.queryAllValidPaths().length };
}
