/** `devenv update`: pins the newest state of inputs. Layer 5. */

import { type UpdateResult, updateInputs } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { formatTable } from "../text-table.ts";

export default class Update extends DevenvCommand {
	static override summary = "Pin the newest state of the inputs in env.lock";
	static override description = "This is the only command that changes an existing env.lock.";
	static override examples = ["<%= config.bin %> update", "<%= config.bin %> update debian"];
	static override strict = false;
	static override enableJsonFlag = true;
	static override args = { input: Args.string({ description: "names of inputs; all when left out" }) };
	static override flags = {
		"dry-run": Flags.boolean({ char: "n", description: "say what would change, and write nothing", default: false }),
	};

	override async run(): Promise<UpdateResult> {
		const { flags, argv } = await this.parse(Update);
		const dryRun = flags["dry-run"];
		const result = await callDaemon(updateInputs, { ...this.projectParams(), inputs: argv.map(String), dryRun });
		this.showDiagnostics(result.diagnostics);
		const changed = result.changes.filter(({ from, to }) => from !== to);
		if (changed.length === 0) this.print("Nothing has changed.");
		else {
			this.print(dryRun ? "env.lock would change:" : "Updated env.lock:");
			this.print(
				formatTable(
					changed.map(({ input, from, to }) => [input, `${from ?? "(new)"} → ${to}`]),
					"  ",
				),
			);
		}
		return result;
	}
}
