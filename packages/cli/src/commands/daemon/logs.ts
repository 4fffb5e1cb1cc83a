/** `devenv daemon logs`: read from the file, so that it also tells why a daemon died. Layer 5. */

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { daemonLogPath } from "@devenv/protocol";
import { Flags } from "@oclif/core";
import { callerLayout } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";

/** Bytes read at a time, and the most that is read from the end for `--lines`. */
const CHUNK = 64 * 1024;
const MOST = 8 * 1024 * 1024;

export default class DaemonLogs extends DevenvCommand {
	static override summary = "Show the daemon's log";
	static override flags = {
		follow: Flags.boolean({ char: "f", description: "go on as the log grows; end with Ctrl-C", default: false }),
		lines: Flags.integer({ char: "n", description: "number of lines from the end", default: 50, min: 0 }),
	};

	override async run(): Promise<void> {
		const { flags } = await this.parse(DaemonLogs);
		const path = daemonLogPath(callerLayout());
		let file: number;
		try {
			file = openSync(path, "r");
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
			this.print(`There is no log yet: ${path}`);
			return;
		}
		try {
			let offset = startOfLastLines(file, flags.lines);
			offset = copyFrom(file, offset);
			while (flags.follow) {
				await pause(250);
				const { size } = fstatSync(file);
				// A log that was begun anew is read from its start.
				offset = copyFrom(file, size < offset ? 0 : offset);
			}
		} finally {
			closeSync(file);
		}
	}
}

function startOfLastLines(file: number, lines: number): number {
	const { size } = fstatSync(file);
	const tail = Buffer.alloc(Math.min(size, MOST));
	const length = readSync(file, tail, 0, tail.length, size - tail.length);
	let at = length;
	// The line end of the last line does not begin another one.
	for (let count = 0; count <= lines && at > 0; count++) at = tail.lastIndexOf(0x0a, at - 1);
	return size - length + (at <= 0 ? 0 : at + 1);
}

function copyFrom(file: number, start: number): number {
	const chunk = Buffer.alloc(CHUNK);
	let offset = start;
	for (;;) {
		const length = readSync(file, chunk, 0, CHUNK, offset);
		if (length === 0) return offset;
		process.stdout.write(chunk.subarray(0, length).toString("utf8"));
		offset += length;
	}
}
