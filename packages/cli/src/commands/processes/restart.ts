/** `devenv processes restart`. Layer 5. */

import { type ProcessList, restartProcess } from "@devenv/protocol";
import { Args } from "@oclif/core";
import { DevenvCommand } from "../../devenv-command.ts";
import { formatProcesses } from "../../process-table.ts";
import { requireSupervisor } from "../../supervisor-connection.ts";

export default class ProcessesRestart extends DevenvCommand {
	static override summary = "End a process and start it again";
	static override description =
		"As it was declared when `devenv up` was called last; `devenv up` takes what env.yaml says now.";
	static override enableJsonFlag = true;
	static override args = { name: Args.string({ description: "the process", required: true }) };

	override async run(): Promise<ProcessList> {
		const { args } = await this.parse(ProcessesRestart);
		const supervisor = await requireSupervisor(this.projectParams().project);
		try {
			const list = await supervisor.call(restartProcess, { name: args.name });
			this.print(formatProcesses(list.processes));
			return list;
		} finally {
			supervisor.close();
		}
	}
}
