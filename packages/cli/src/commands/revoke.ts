/** `devenv revoke`. Layer 5. */

import { decideTrust, type TrustResult } from "@devenv/protocol";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";

export default class Revoke extends DevenvCommand {
	static override summary = "Take back `devenv allow`";
	static override description =
		"Open shells keep what they have and take no further change of this project until it is allowed again. Typing `devenv shell` still enters it.";
	static override enableJsonFlag = true;

	override async run(): Promise<TrustResult> {
		await this.parse(Revoke);
		const result = await callDaemon(decideTrust, { ...this.projectParams(), decision: "revoke" });
		this.print("Revoked: open shells take no change of this project.");
		return result;
	}
}
