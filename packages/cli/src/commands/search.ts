/** `devenv search`: packages by name and description. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { type SearchResult, searchPackages } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { currentFolder, findProject } from "../find-project.ts";
import { fitText } from "../progress/render-progress.ts";
import { formatTable } from "../text-table.ts";

export default class Search extends DevenvCommand {
	static override summary = "Find packages by name and description";
	static override description =
		"Searches the inputs of the nearest env.yaml, or the default package set where there is none. All words must occur.";
	static override examples = ["<%= config.bin %> search postgresql", "<%= config.bin %> search json command line"];
	static override strict = false;
	static override enableJsonFlag = true;
	static override args = { query: Args.string({ description: "words to look for", required: true }) };
	static override flags = {
		limit: Flags.integer({ description: "most results to show", default: 30, min: 1, max: 10_000 }),
	};

	override async run(): Promise<SearchResult> {
		const { flags, argv } = await this.parse(Search);
		const query = argv.map(String).join(" ").trim();
		if (query === "") fail("USAGE_QUERY", "there is nothing to search for", { hint: "devenv search postgresql" });
		const project = findProject(currentFolder()) ?? null;
		const result = await callDaemon(searchPackages, { project, query, limit: flags.limit });
		this.print(formatHits(result, process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY));
		if (result.total === 0 && !this.jsonEnabled()) {
			fail("SEARCH_NOTHING", `no package matches '${query}'`, { hint: "try fewer or shorter words" });
		}
		return result;
	}
}

/** One line a package, cut to a number of columns. */
export function formatHits(result: SearchResult, columns: number): string {
	const inputs = new Set(result.hits.map(({ input }) => input));
	const rows = result.hits.map(({ attr, version, description, input }) => [
		inputs.size > 1 ? `${input}#${attr}` : attr,
		version,
		description,
	]);
	const lines = formatTable(rows)
		.split("\n")
		.map((line) => fitText(line, columns));
	const more = result.total - result.hits.length;
	return `${lines.join("\n")}${more > 0 ? `… and ${more} more; --limit shows them\n` : ""}`;
}
