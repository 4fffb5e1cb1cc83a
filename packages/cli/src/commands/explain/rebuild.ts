/** `devenv explain rebuild`. Layer 5. */

import { explainRebuild, type ExplainRebuildResult, type RebuildCause } from "@devenv/protocol";
import { Args } from "@oclif/core";
import { callDaemon } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";
import { generationNumber } from "../../generation-number.ts";
import { formatTable } from "../../text-table.ts";
import { formatTime } from "../../time-text.ts";

export default class ExplainRebuild extends DevenvCommand {
	static override summary = "Say why the environment was made anew";
	static override description =
		"Names what differed between the evaluations of a generation (default: the newest) and of the one before: lines of env.yaml, locked inputs, files that were read, variables of the caller, devenv itself.";
	static override examples = ["<%= config.bin %> explain rebuild", "<%= config.bin %> explain rebuild 4 --json"];
	static override enableJsonFlag = true;
	static override args = {
		generation: Args.string({ description: "generation to explain; default: the newest", required: false }),
	};

	override async run(): Promise<ExplainRebuildResult> {
		const { args } = await this.parse(ExplainRebuild);
		const { project } = this.projectParams();
		const generation = generationNumber(args.generation);
		const result = await callDaemon(explainRebuild, { project, generation });
		this.print(formatExplained(result));
		return result;
	}
}

const kinds: Readonly<Record<RebuildCause["kind"], string>> = {
	option: "option",
	input: "input",
	lock: "lock",
	file: "file",
	variable: "variable of the caller",
	installation: "installation",
};

/** For people. */
function formatExplained({ generation, time, previous, summary, causes }: ExplainRebuildResult): string {
	const head = `generation ${generation} (${formatTime(time)})`;
	if (previous === null) return `${head} is the first one that is known.\n`;
	const title = formatTable([[`${head}: ${summary}`]]);
	if (causes.length === 0) return `${title}Nothing that is recorded differs from generation ${previous}.\n`;
	const rows = causes.map(({ kind, name, change, place, before, after }) => [
		kinds[kind],
		name,
		before === null && after === null ? change : `${before ?? "(unset)"} → ${after ?? "(unset)"}`,
		place ?? "",
	]);
	return `${title}\nbecause, since generation ${previous}:\n${formatTable(rows, "  ")}`;
}
