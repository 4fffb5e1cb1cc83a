/** `devenv processes list`. Layer 5. */

import { listProcesses, type ProcessList } from "@devenv/protocol";
import { DevenvCommand } from "../../devenv-command.ts";
import { formatProcesses } from "../../process-table.ts";
import { findSupervisor } from "../../supervisor-connection.ts";

export default class ProcessesList extends DevenvCommand {
	static override summary = "List the project's running processes";
	static override enableJsonFlag = true;

	override async run(): Promise<ProcessList | { readonly processes: readonly [] }> {
		await this.parse(ProcessesList);
		const supervisor = await findSupervisor(this.projectParams().project);
		if (supervisor === undefined) {
			this.print("No processes of this project run; `devenv up` starts them.");
			return { processes: [] };
		}
		try {
			const list = await supervisor.call(listProcesses, {});
			this.print(formatProcesses(list.processes));
			return list;
		} finally {
			supervisor.close();
		}
	}
}
