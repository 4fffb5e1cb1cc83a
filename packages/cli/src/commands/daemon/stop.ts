/** `devenv daemon stop`. Layer 5. */

import { daemonStop } from "@devenv/protocol";
import { Flags } from "@oclif/core";
import { findDaemon } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";

export default class DaemonStop extends DevenvCommand {
	static override summary = "End the daemon";
	static override description =
		"Builds under way are finished first, unless --now is given. Open shells go on, and the next command starts a new daemon.";
	static override flags = {
		now: Flags.boolean({ description: "cancel what runs instead of finishing it", default: false }),
	};

	override async run(): Promise<void> {
		const { flags } = await this.parse(DaemonStop);
		const client = await findDaemon();
		if (client === undefined) {
			this.print("No daemon is running.");
			return;
		}
		await client.call(daemonStop, { mode: flags.now ? "now" : "retire" });
		await client.ended;
		this.print("The daemon has ended.");
	}
}
