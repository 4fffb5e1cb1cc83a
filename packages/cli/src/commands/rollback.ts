/** `devenv rollback`. Layer 5. */

import { rollBack, type RollbackResult } from "@devenv/protocol";
import { Args } from "@oclif/core";
import { callerIds } from "../caller.ts";
import { callDaemon } from "../daemon-connection.ts";
import { describeReload } from "../describe-reload.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { generationNumber } from "../generation-number.ts";

export default class Rollback extends DevenvCommand {
	static override summary = "Go back to an earlier environment of the project";
	static override description = [
		"Open and new shells get that generation's environment, by default that of the one before the current one, until env.yaml, env.local.yaml or env.lock changes or `devenv reload` is called. It is not evaluated or built, so that this also helps where the files are broken.",
		"The files themselves stay as they are: to go back for good, take an earlier state of them from your version control.",
	].join("\n\n");
	static override examples = ["<%= config.bin %> rollback", "<%= config.bin %> rollback 3"];
	static override enableJsonFlag = true;
	static override args = {
		generation: Args.string({ description: "generation to go back to; default: the one before", required: false }),
	};

	override async run(): Promise<RollbackResult> {
		const { args } = await this.parse(Rollback);
		const generation = generationNumber(args.generation);
		const result = await callDaemon(rollBack, { ...this.projectParams(), ...callerIds(), generation });
		this.showDiagnostics(result.diagnostics);
		const { from, to, summary } = result;
		this.print(`Rolled back from generation ${from} to ${to}${summary === "" ? "" : `: ${summary}`}`);
		this.print(describeReload(result));
		this.print("This holds until env.yaml or env.lock changes; `devenv reload` returns to what they say now.");
		return result;
	}
}
