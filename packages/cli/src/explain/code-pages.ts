/** The pages that explain the codes of diagnostics: `codes/*.md` beside `src`. Layer 5. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What one or several codes mean. */
export interface CodePage {
	readonly codes: readonly string[];
	/** Markdown: paragraphs, and code that is indented by four. */
	readonly text: string;
}

/** Reads all pages; `folder` holds files of headings `## CODE` or `## CODE, CODE`, each followed by its text. */
export function readCodePages(folder: string): CodePage[] {
	return readdirSync(folder)
		.filter((name) => name.endsWith(".md"))
		.sort()
		.flatMap((name) => parseCodePages(readFileSync(join(folder, name), "utf8")));
}

function parseCodePages(text: string): CodePage[] {
	const [, ...sections] = text.split(/^## /m);
	return sections.map((section) => {
		const end = section.indexOf("\n");
		return {
			codes: section
				.slice(0, end)
				.split(",")
				.map((each) => each.trim()),
			text: `${section.slice(end).trim()}\n`,
		};
	});
}
