/** `devenv explain CODE`: what a diagnostic means. Layer 5. */

import { join } from "node:path";
import { fail, nearestNames } from "@devenv/diagnostics";
import { Args } from "@oclif/core";
import { DevenvCommand } from "../../devenv-command.ts";
import { readCodePages } from "../../explain/code-pages.ts";
import { installationRoot } from "../../installation.ts";

interface ExplainCodeResult {
	readonly codes: readonly string[];
	readonly text: string;
}

export default class ExplainCode extends DevenvCommand {
	static override summary = "Say what the code of a message means, and what to do";
	static override description =
		"Every error and warning has a code in brackets: `error[ENV_UNKNOWN_KEY]`. The commands below explain other things.";
	static override examples = ["<%= config.bin %> explain ENV_UNKNOWN_KEY"];
	static override enableJsonFlag = true;
	static override args = { code: Args.string({ description: "code of a message", required: true }) };

	override async run(): Promise<ExplainCodeResult> {
		const { args } = await this.parse(ExplainCode);
		const code = args.code.replace(/^\w+\[(.*)\]:?$/, "$1").toUpperCase();
		const pages = readCodePages(join(installationRoot(), "packages/cli/codes"));
		const page = pages.find(({ codes }) => codes.includes(code));
		if (page === undefined)
			unknown(
				args.code,
				code,
				pages.flatMap(({ codes }) => codes),
			);
		this.print(`${page.codes.join(", ")}\n\n${page.text}`);
		return page;
	}
}

const subjects: readonly string[] = ["package", "variable", "rebuild", "host"];

function unknown(given: string, code: string, codes: readonly string[]): never {
	const subject = nearestNames(given, subjects, { limit: 2, most: 1 })[0];
	const near = nearestNames(code, codes, { limit: Math.max(2, Math.floor(code.length / 3)), most: 3 });
	const area = codes.filter((each) => each.startsWith(`${code.split("_")[0] ?? ""}_`));
	const all = `codes are written as ENV_UNKNOWN_KEY; other things to explain are: ${subjects.join(", ")}`;
	return fail("EXPLAIN_UNKNOWN_CODE", `there is no code '${given}'`, {
		hint:
			subject !== undefined
				? `did you mean 'devenv explain ${subject}'?`
				: near.length > 0
					? `did you mean: ${near.join(", ")}?`
					: area.length > 0
						? `there are: ${area.join(", ")}`
						: all,
	});
}
