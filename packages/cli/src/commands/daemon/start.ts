/** `devenv daemon start`. Layer 5. */

import { wakeDaemon } from "@devenv/protocol";
import { callDaemon } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";

export default class DaemonStart extends DevenvCommand {
	static override summary = "Start the daemon unless it runs";
	static override description =
		"Commands start it by themselves. Interactive shells that enter without it have it started this way, so that somebody watches their project's files.";

	override async run(): Promise<void> {
		await this.parse(DaemonStart);
		await callDaemon(wakeDaemon, {});
	}
}
