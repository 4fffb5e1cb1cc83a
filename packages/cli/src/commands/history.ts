/** `devenv history`: the environments that the project had. Layer 5. */

import { type HistoryResult, listGenerations } from "@devenv/protocol";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { formatTable } from "../text-table.ts";
import { formatTime } from "../time-text.ts";

export default class History extends DevenvCommand {
	static override summary = "List the environments that the project had";
	static override description = [
		"Each environment that differs from the one before gets a number: a generation. The last twenty are kept in the store.",
		"`devenv diff` shows what differs between two of them, `devenv rollback` goes back to one.",
	].join("\n\n");
	static override examples = ["<%= config.bin %> history", "<%= config.bin %> history --json"];
	static override enableJsonFlag = true;

	override async run(): Promise<HistoryResult> {
		await this.parse(History);
		const { project } = this.projectParams();
		const result = await callDaemon(listGenerations, { project });
		this.print(formatHistory(result));
		return result;
	}
}

/** For people, the newest first. */
function formatHistory({ generations, rolledBackTo }: HistoryResult): string {
	if (generations.length === 0) return "No environment was made yet: `devenv shell` makes and enters it.\n";
	const rows = generations.toReversed().map(({ number, time, ready, summary, current }) => {
		return [
			`${current ? "*" : " "} ${number}`,
			formatTime(time),
			`${summary}${ready ? "" : " (not in the store any more)"}`,
		];
	});
	const note =
		rolledBackTo === null
			? ""
			: `\nRolled back to ${rolledBackTo} until env.yaml or env.lock changes; \`devenv reload\` returns to what they say.\n`;
	return `${formatTable(rows)}${note}`;
}
