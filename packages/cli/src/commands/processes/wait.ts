/** `devenv processes wait`. Layer 5. */

import { waitForProcesses, type WaitResult } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { DevenvCommand } from "../../devenv-command.ts";
import { formatProcesses } from "../../process-table.ts";
import { requireSupervisor } from "../../supervisor-connection.ts";

export default class ProcessesWait extends DevenvCommand {
	static override summary = "Wait until processes are ready";
	static override description = "Exit code 1 where one of them has failed, or is not ready in time.";
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = { processes: Args.string({ description: "processes to wait for (default: all)" }) };
	static override flags = {
		timeout: Flags.integer({ description: "seconds to wait", default: 120, min: 0, max: 86_400 }),
	};

	override async run(): Promise<WaitResult> {
		const { flags, argv } = await this.parse(ProcessesWait);
		const supervisor = await requireSupervisor(this.projectParams().project);
		try {
			const result = await supervisor.call(waitForProcesses, { names: argv as string[], timeout: flags.timeout });
			this.print(formatProcesses(result.processes));
			if (!result.ready) process.exitCode = 1;
			return result;
		} finally {
			supervisor.close();
		}
	}
}
