/** `devenv add`: more packages in env.yaml. Layer 5. */

import type { EditResult } from "@devenv/protocol";
import { Args } from "@oclif/core";
import { EditCommand } from "../edit-command.ts";

export default class Add extends EditCommand {
	static override summary = "Add packages to env.yaml";
	static override description =
		"Nothing is written unless the environment can be evaluated with them. Comments, order and layout of everything else stay as they are. Open shells follow; `devenv shell` enters.";
	static override examples = ["<%= config.bin %> add jq ripgrep", "<%= config.bin %> add sid#jq"];
	static override strict = false;
	static override enableJsonFlag = true;
	static override args = { package: Args.string({ description: "packages, as env.yaml takes them" }) };

	override async run(): Promise<EditResult> {
		const { argv } = await this.parse(Add);
		return this.edit("add", argv.map(String));
	}
}
