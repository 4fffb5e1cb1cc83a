/** `devenv remove`: fewer packages in env.yaml. Layer 5. */

import type { EditResult } from "@devenv/protocol";
import { Args } from "@oclif/core";
import { EditCommand } from "../edit-command.ts";

export default class Remove extends EditCommand {
	static override summary = "Take packages out of env.yaml";
	static override description =
		"A comment on a package's own line goes with it; everything else stays as it is. Afterwards the environment is evaluated, so that a mistake is seen.";
	static override examples = ["<%= config.bin %> remove jq"];
	static override strict = false;
	static override enableJsonFlag = true;
	static override args = { package: Args.string({ description: "packages, as env.yaml lists them" }) };

	override async run(): Promise<EditResult> {
		const { argv } = await this.parse(Remove);
		return this.edit("remove", argv.map(String));
	}
}
