/** `devenv allow`. Layer 5. */

import { decideTrust, type TrustResult } from "@devenv/protocol";
import { Flags } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { describeReload } from "../describe-reload.ts";
import { DevenvCommand } from "../devenv-command.ts";

export default class Allow extends DevenvCommand {
	static override summary = "Let open shells take what the project's files say now";
	static override description = [
		"Typing `devenv shell` is consent to what the files say then. What they say later is taken by open shells once it is allowed: this very content, in this folder and in other worktrees of it, until one of the files that were read changes.",
		"With --always every later change of this folder is allowed, whoever makes it. `devenv init` does that for the project that it writes.",
	].join("\n\n");
	static override enableJsonFlag = true;
	static override flags = {
		always: Flags.boolean({ description: "allow all later changes of this folder too", default: false }),
	};

	override async run(): Promise<TrustResult> {
		const { flags } = await this.parse(Allow);
		const decision = flags.always ? "always" : "allow";
		const result = await callDaemon(decideTrust, { ...this.projectParams(), decision });
		this.showDiagnostics(result.diagnostics);
		this.print(
			flags.always ? "Allowed: whatever this project's files say." : "Allowed: what this project's files say now.",
		);
		if (result.shells > 0) this.print(describeReload(result));
		return result;
	}
}
