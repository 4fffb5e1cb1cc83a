/** `devenv down`. Layer 5. */

import { stopProcesses } from "@devenv/protocol";
import { DevenvCommand } from "../devenv-command.ts";
import { findSupervisor } from "../supervisor-connection.ts";

export default class Down extends DevenvCommand {
	static override summary = "End the project's processes and services";
	static override enableJsonFlag = true;

	override async run(): Promise<{ readonly ended: boolean }> {
		await this.parse(Down);
		const supervisor = await findSupervisor(this.projectParams().project);
		if (supervisor === undefined) {
			this.print("No processes of this project run.");
			return { ended: false };
		}
		try {
			await supervisor.call(stopProcesses, {});
			await supervisor.ended;
		} finally {
			supervisor.close();
		}
		this.print("All processes have ended.");
		return { ended: true };
	}
}
