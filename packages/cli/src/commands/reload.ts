/** `devenv reload`. Layer 5. */

import { reloadShells, type ReloadResult } from "@devenv/protocol";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { describeReload } from "../describe-reload.ts";

export default class Reload extends DevenvCommand {
	static override summary = "Bring the project's open shells to what its files say now";
	static override description =
		"Open shells follow changes by themselves where env.yaml says `reload: auto` and the change is allowed; this command is for `reload: manual`, and for one change that you do not want to allow for good.";
	static override enableJsonFlag = true;

	override async run(): Promise<ReloadResult> {
		await this.parse(Reload);
		const result = await callDaemon(reloadShells, this.projectParams());
		this.print(describeReload(result));
		return result;
	}
}
