/** `devenv diff`: what differs between two environments of the project. Layer 5. */

import { printable } from "@devenv/diagnostics";
import { diffGenerations, type DiffResult, type GenerationLabel, type TextChange } from "@devenv/protocol";
import { Args } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { generationNumber } from "../generation-number.ts";
import { formatTime } from "../time-text.ts";
import { formatTable } from "../text-table.ts";

export default class Diff extends DevenvCommand {
	static override summary = "Show what differs between environments of the project";
	static override description =
		"Without arguments: between the environment that shells have now and what the files say, which is what `devenv allow`, `devenv reload` or the next `devenv shell` brings; nothing is built for that. With one generation: between it and what the files say. With two: between them. `devenv history` lists generations.";
	static override examples = [
		"<%= config.bin %> diff",
		"<%= config.bin %> diff 3",
		"<%= config.bin %> diff 3 5 --json",
	];
	static override enableJsonFlag = true;
	static override args = {
		from: Args.string({ description: "generation to compare", required: false }),
		to: Args.string({ description: "generation to compare it with", required: false }),
	};

	override async run(): Promise<DiffResult> {
		const { args } = await this.parse(Diff);
		const [from, to] = [generationNumber(args.from), generationNumber(args.to)];
		const result = await callDaemon(diffGenerations, { ...this.projectParams(), from, to });
		this.showDiagnostics(result.diagnostics);
		this.print(formatDiff(result));
		return result;
	}
}

/** Closure changes of a larger number are counted only. */
const MOST_MEMBERS = 40;

/** For people; what does not differ is left out. */
export function formatDiff(result: DiffResult): string {
	const { before, after, packages, closure, variables, scripts, path, inputs } = result;
	const head = `${nameOf(before)} → ${nameOf(after)}\n`;
	const section = (title: string, changes: readonly TextChange[]): string =>
		changes.length === 0 ? "" : `\n${title}\n${formatTable(changes.map(row), "  ")}`;
	const indirect = closure.changes.filter(({ name }) => !packages.some((each) => each.name === name));
	const counts = `${closure.before} → ${closure.after} packages in the root`;
	const members =
		indirect.length > MOST_MEMBERS
			? `\nneeded by them (${counts})\n  ${indirect.length} packages differ; \`--json\` lists them\n`
			: section(`needed by them (${counts})`, indirect);
	const body = [
		section("inputs", inputs),
		section("packages", packages),
		members,
		section("variables", variables),
		section("PATH", path),
		...scripts.map(formatScript),
	].join("");
	if (body !== "") return head + body;
	const same = before.environment === after.environment;
	return `${head}\n${same ? "The same environment." : "Other files of the environment, but nothing that env.yaml names."}\n`;
}

function nameOf({ generation, time }: GenerationLabel): string {
	if (generation === null) return "what the files say now";
	return `generation ${generation}${time === null ? "" : ` (${formatTime(time)})`}`;
}

function row({ name, before, after }: TextChange): string[] {
	if (before === null) return ["+", name, after ?? ""];
	return after === null ? ["-", name, before] : ["~", name, `${before} → ${after}`];
}

function formatScript({ name, before, after }: TextChange): string {
	const lines = (text: string | null, mark: string): string =>
		text === null
			? ""
			: text
					.replace(/\n$/, "")
					.split("\n")
					.map((line) => `  ${mark} ${printable(line)}\n`)
					.join("");
	return `\n${name}\n${lines(before, "-")}${lines(after, "+")}`;
}
