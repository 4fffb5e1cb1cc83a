/** `devenv explain host`. Layer 5. */

import { printable } from "@devenv/diagnostics";
import { explainHost, type ExplainHostResult } from "@devenv/protocol";
import { callDaemon } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";
import { formatTable } from "../../text-table.ts";

export default class ExplainHost extends DevenvCommand {
	static override summary = "Say which programs of the host the project's shells used";
	static override description =
		"Programs that the environment lacks come from the host, where there are some: what works here may not work elsewhere. `devenv add` brings those that are packages; `clean: true` in env.yaml leaves the host's out.";
	static override examples = ["<%= config.bin %> explain host"];
	static override enableJsonFlag = true;

	override async run(): Promise<ExplainHostResult> {
		await this.parse(ExplainHost);
		const result = await callDaemon(explainHost, this.projectParams());
		this.print(formatHost(result));
		return result;
	}
}

/** For people. */
export function formatHost({ programs }: ExplainHostResult): string {
	if (programs.length === 0) return "The shells of this environment used no programs of the host.\n";
	const rows = programs.map(({ name, package: attr }) => [printable(name), attr === null ? "" : `devenv add ${attr}`]);
	return `Programs of the host that shells of this environment used:\n${formatTable(rows, "  ")}`;
}
