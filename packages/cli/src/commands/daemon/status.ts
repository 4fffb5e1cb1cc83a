/** `devenv daemon status`. Layer 5. */

import { type StatusResult, daemonStatus } from "@devenv/protocol";
import { findDaemon } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";
import { formatBytes, formatDuration } from "../../progress/render-progress.ts";
import { formatTable } from "../../text-table.ts";

type Status = { readonly running: false } | ({ readonly running: true } & StatusResult);

export default class DaemonStatus extends DevenvCommand {
	static override summary = "Show whether the daemon runs, and what it does";
	static override description =
		"Starts none. The daemon starts by itself when a command needs it, and leaves when idle.";
	static override enableJsonFlag = true;

	override async run(): Promise<Status> {
		await this.parse(DaemonStatus);
		const client = await findDaemon();
		if (client === undefined) {
			this.print("No daemon is running; the next command that needs one starts it.");
			return { running: false };
		}
		try {
			const status = await client.call(daemonStatus, {});
			this.print(formatStatus(status));
			return { running: true, ...status };
		} finally {
			client.close();
		}
	}
}

export function formatStatus(status: StatusResult): string {
	const head = formatTable([
		["version", `${status.version}${status.retiring ? " (leaving)" : ""}`],
		["pid", String(status.pid)],
		["running for", formatDuration(status.uptime * 1000)],
		["memory", formatBytes(status.memory)],
		["clients", String(status.clients)],
		["leaves after", status.idleExit === 0 ? "never" : `${formatDuration(status.idleExit * 1000)} without work`],
		["store", status.storeRoot],
		...(status.nixRemote === undefined ? [] : [["NIX_REMOTE", status.nixRemote]]),
		["log", status.log],
	]);
	const builds = status.builds.map(({ name, seconds }) => [name, formatDuration(seconds * 1000)]);
	return builds.length === 0 ? head : `${head}\nbuilds\n${formatTable(builds, "  ")}`;
}
