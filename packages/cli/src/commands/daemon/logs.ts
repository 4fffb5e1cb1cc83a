/** `devenv daemon logs`: read from the file, so that it also tells why a daemon died. Layer 5. */

import { setTimeout as pause } from "node:timers/promises";
import { daemonLogPath } from "@devenv/protocol";
import { Flags } from "@oclif/core";
import { callerLayout } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";
import { LogTail } from "../../log-tail.ts";

export default class DaemonLogs extends DevenvCommand {
	static override summary = "Show the daemon's log";
	static override flags = {
		follow: Flags.boolean({ char: "f", description: "go on as the log grows; end with Ctrl-C", default: false }),
		lines: Flags.integer({ char: "n", description: "number of lines from the end", default: 50, min: 0 }),
	};

	override async run(): Promise<void> {
		const { flags } = await this.parse(DaemonLogs);
		const path = daemonLogPath(callerLayout());
		let tail: LogTail;
		try {
			tail = new LogTail(path, flags.lines);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
			this.print(`There is no log yet: ${path}`);
			return;
		}
		try {
			process.stdout.write(tail.read());
			while (flags.follow) {
				await pause(250);
				process.stdout.write(tail.read());
			}
		} finally {
			tail.close();
		}
	}
}
