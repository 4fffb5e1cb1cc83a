/** Diagnostics as text for a terminal or a log. Layer 0. */

import type { Diagnostic, Location, Severity } from "./diagnostic.ts";

export interface RenderOptions {
	/** Use ANSI colours; the caller decides (terminal, `NO_COLOR`). */
	readonly color?: boolean;
}

const colors: Record<Severity, string> = { error: "31", warning: "33", note: "36" };

/**
 * Renders one diagnostic, with a line end:
 *
 *     error[ENV_UNKNOWN_KEY]: unknown key 'pakages'
 *       --> env.yaml:3:1
 *      3 | pakages: [jq]
 *        | ^^^^^^^
 *       help: did you mean 'packages'?
 *
 * Control characters in what is shown are replaced, since texts may be hostile.
 */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderOptions = {}): string {
	const paint = (code: string, text: string): string =>
		options.color === true ? `\u001b[${code}m${text}\u001b[0m` : text;
	const color = colors[diagnostic.severity];
	const head = `${diagnostic.severity}[${diagnostic.code}]`;
	const lines = [`${paint(`1;${color}`, head)}: ${multiline(diagnostic.message)}`];
	if (diagnostic.location !== undefined) lines.push(...excerpt(diagnostic.location, (text) => paint(color, text)));
	for (const note of diagnostic.notes ?? []) {
		lines.push(`  ${paint("36", "note")}: ${multiline(note.message)}`);
		if (note.location !== undefined) lines.push(...excerpt(note.location, (text) => paint("36", text)));
	}
	if (diagnostic.hint !== undefined) lines.push(`  ${paint("32", "help")}: ${multiline(diagnostic.hint)}`);
	return `${lines.join("\n")}\n`;
}

/** Replaces control characters (but tab) by `\xNN`, so that a text cannot drive the terminal. */
export function printable(text: string): string {
	return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, (c) => {
		return `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`;
	});
}

function multiline(text: string): string {
	return text
		.split("\n")
		.map((line) => printable(line))
		.join("\n    ");
}

/** How much of a long line is shown around the place. */
const EXCERPT_WIDTH = 160;

function excerpt(location: Location, paint: (text: string) => string): string[] {
	const lines = [`  --> ${printable(location.file)}:${location.line}:${location.column}`];
	if (location.lineText === undefined) return lines;
	const start = Math.max(0, location.column - 1 - EXCERPT_WIDTH / 2);
	const end = Math.min(location.lineText.length, start + EXCERPT_WIDTH);
	const at = location.column - 1;
	const number = String(location.line);
	const gutter = " ".repeat(number.length);
	const before = `${start > 0 ? "…" : ""}${printable(location.lineText.slice(start, at))}`;
	const marked = printable(location.lineText.slice(at, Math.min(end, at + location.length)));
	const after = `${printable(location.lineText.slice(Math.min(end, at + location.length), end))}${end < location.lineText.length ? "…" : ""}`;
	lines.push(` ${number} | ${before}${marked}${after}`);
	lines.push(` ${gutter} | ${before.replace(/[^\t]/g, " ")}${paint("^".repeat(Math.max(1, marked.length)))}`);
	return lines;
}
