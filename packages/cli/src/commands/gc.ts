/** `devenv gc`. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { collectGarbage, type CollectResult } from "@devenv/protocol";
import { Flags } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { formatTable } from "../text-table.ts";
import { formatBytes } from "../progress/render-progress.ts";

export default class Gc extends DevenvCommand {
	static override summary = "Free disk space: delete what no project needs any more";
	static override description =
		"Environments of projects whose folder is gone are dropped, with --older-than also those that were not entered for so long, generations, caches and logs of builds that are older; what nothing keeps then is deleted from the store. What open shells, running programs and builds use stays. A dropped environment is made again when the project is entered.";
	static override examples = ["<%= config.bin %> gc --dry-run", "<%= config.bin %> gc --older-than 30d"];
	static override enableJsonFlag = true;
	static override flags = {
		"older-than": Flags.string({ description: "drop projects that were not used for so long: 30d, 12h, 4w" }),
		"max-freed": Flags.string({ description: "stop after so much was freed: 500M, 10G" }),
		"dry-run": Flags.boolean({ description: "say what would be deleted, and delete nothing", default: false }),
	};

	override async run(): Promise<CollectResult> {
		const { flags } = await this.parse(Gc);
		const result = await callDaemon(collectGarbage, {
			olderThan: parseAmount(flags["older-than"], "--older-than", { h: 3600, d: 86_400, w: 604_800 }),
			maxFreed: parseAmount(flags["max-freed"], "--max-freed", {
				"": 1,
				K: 2 ** 10,
				M: 2 ** 20,
				G: 2 ** 30,
				T: 2 ** 40,
			}),
			dryRun: flags["dry-run"],
		});
		this.print(describe(result));
		return result;
	}
}

/** A whole number with one of the units; null where nothing was given. Fails with `USAGE_INVALID`. */
function parseAmount(text: string | undefined, flag: string, units: Readonly<Record<string, number>>): number | null {
	if (text === undefined) return null;
	const [, digits, unit = ""] = /^(\d{1,9})([A-Za-z]?)$/.exec(text) ?? [];
	const factor = units[unit];
	if (digits === undefined || factor === undefined) {
		const known = Object.keys(units)
			.filter((each) => each !== "")
			.join(", ");
		return fail("USAGE_INVALID", `${flag} ${text} cannot be understood`, {
			hint: `a number and one of ${known}: 30${known[0] ?? ""}`,
		});
	}
	return Number(digits) * factor;
}

function describe({ projects, deleted, bytesFreed, files, dryRun }: CollectResult): string {
	const table = formatTable(
		projects.map(({ project, age, size, own, dropped }) => [
			project,
			formatBytes(size),
			`${formatBytes(own)} alone`,
			age < 86_400 ? "used today" : `used ${Math.floor(age / 86_400)} days ago`,
			dropped === null
				? ""
				: `${dryRun ? "would be dropped" : "dropped"}: ${dropped === "gone" ? "its env.yaml is gone" : "not used for so long"}`,
		]),
	);
	const beside = files.count === 0 ? "" : ` and ${formatBytes(files.bytes)} of old caches and logs`;
	const freed = `${formatBytes(bytesFreed)} in ${deleted} store objects${beside}`;
	return `${table}${dryRun ? `Would free ${freed}.` : `Freed ${freed}.`}\n`;
}
