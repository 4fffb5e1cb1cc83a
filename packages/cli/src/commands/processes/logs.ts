/** `devenv processes logs`: read from the files, so that it also tells of processes that run no more. Layer 5. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fail, nearestNames, printable } from "@devenv/diagnostics";
import { projectHash } from "@devenv/shell";
import { Args, Flags } from "@oclif/core";
import { callerLayout } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";
import { LogTail } from "../../log-tail.ts";

export default class ProcessesLogs extends DevenvCommand {
	static override summary = "Show what the project's processes have said";
	static override strict = false;
	static override args = { processes: Args.string({ description: "processes to show (default: all)" }) };
	static override flags = {
		follow: Flags.boolean({ char: "f", description: "go on as they speak; end with Ctrl-C", default: false }),
		lines: Flags.integer({ char: "n", description: "number of lines from the end of each", default: 50, min: 0 }),
	};

	override async run(): Promise<void> {
		const { flags, argv } = await this.parse(ProcessesLogs);
		const folder = join(callerLayout().state, "processes", projectHash(this.projectParams().project));
		const known = existsSync(folder)
			? readdirSync(folder)
					.filter((name) => name.endsWith(".log"))
					.map((name) => name.slice(0, -".log".length))
					.sort()
			: [];
		const names = argv.length === 0 ? known : (argv as string[]);
		for (const name of names) {
			if (known.includes(name)) continue;
			const near = nearestNames(name, known, { most: 1 })[0];
			fail("PROCESS_UNKNOWN", `no process '${name}' of this project has said anything`, {
				hint: near === undefined ? "`devenv processes list` shows those that run" : `did you mean '${near}'?`,
			});
		}
		if (names.length === 0) this.print("No process of this project has said anything yet.");
		const tails = names.map((name) => ({
			name,
			tail: new LogTail(join(folder, `${name}.log`), flags.lines),
			rest: "",
		}));
		const width = Math.max(0, ...names.map((name) => name.length));
		const show = (): void => {
			for (const each of tails) {
				const lines = (each.rest + each.tail.read()).split("\n");
				each.rest = lines.pop() ?? "";
				for (const line of lines) {
					const shown = printable(line.replace(/\r$/, ""));
					process.stdout.write(names.length === 1 ? `${shown}\n` : `${each.name.padEnd(width)} | ${shown}\n`);
				}
			}
		};
		try {
			show();
			while (flags.follow) {
				await pause(100);
				show();
			}
		} finally {
			for (const { tail } of tails) tail.close();
		}
	}
}
