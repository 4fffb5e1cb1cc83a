/** Evaluation errors for people: Nix's own text, and a diagnostic. Layer 1, pure. */

import { diagnose, type Diagnostic, type DiagnosticNote, type Location } from "@devenv/diagnostics";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import type { Origin, Position, PositionTable, ResolvedPosition } from "../syntax/position.ts";
import type { EvalError, TraceFrame } from "./error.ts";

const ELLIPSIS = bytesFromText("… ");
/** Frames shown without `--show-trace`; one with a position counts twice. */
const MOST_FRAMES = 3;
/** Repeated frames are counted instead of shown when there are more in a row. */
const MOST_REPEATED = 5;

export interface RenderErrorOptions {
	readonly showTrace: boolean;
}

/** The text that Nix prints to stderr for an error, "error:" included, without a line end; a byte string. */
export function renderNixError(error: EvalError, positions: PositionTable, options: RenderErrorOptions): string {
	const out: string[] = [];
	const frames = error.frames.toReversed().filter(({ message, shown }) => {
		return message !== "" && (options.showTrace || shown !== "detail");
	});
	if (frames.length > 0) {
		new TraceRenderer(out, positions, options.showTrace).render(frames);
		out.push("\nerror: ");
	}
	out.push(`${error.message}\n`, renderPosition("", positions.resolve(error.position)));
	// Nix has suggestions for attributes and arguments only.
	if (error.suggestions.length > 0 && error.kind !== "undefinedVariable") {
		out.push(`Did you mean ${listSuggestions(error.suggestions)}?\n`);
	}
	return indent("error: ", "       ", out.join("").trimEnd());
}

class TraceRenderer {
	readonly #out: string[];
	readonly #positions: PositionTable;
	readonly #showTrace: boolean;
	#count = 0;

	constructor(out: string[], positions: PositionTable, showTrace: boolean) {
		this.#out = out;
		this.#positions = positions;
		this.#showTrace = showTrace;
	}

	/** Outermost first. */
	render(frames: readonly TraceFrame[]): void {
		const seen = new Set<string>();
		let repeated: TraceFrame[] = [];
		let truncated = false;
		for (const frame of frames) {
			if (!this.#showTrace && this.#count > MOST_FRAMES) truncated = true;
			if (truncated && frame.shown !== "always") continue;
			const key = `${frame.position} ${frame.message}`;
			if (seen.has(key)) {
				repeated.push(frame);
				continue;
			}
			seen.add(key);
			this.#showRepeated(repeated);
			repeated = [];
			this.#count++;
			this.#show(frame);
		}
		this.#showRepeated(repeated);
		if (truncated) {
			this.#out.push("\n(stack trace truncated; use '--show-trace' to show the full, detailed trace)\n");
		}
	}

	#showRepeated(frames: readonly TraceFrame[]): void {
		if (frames.length > MOST_REPEATED) this.#out.push(`\n(${frames.length} duplicate frames omitted)\n`);
		else for (const frame of frames) this.#show(frame);
	}

	#show({ message, position }: TraceFrame): void {
		this.#out.push(`\n${ELLIPSIS}${message}\n`);
		const at = this.#positions.resolve(position);
		if (at === undefined) return;
		this.#out.push(renderPosition("  ", at));
		this.#count++;
	}
}

/** "at file:line:column:" and the lines around it, ending in a line end; empty for an unknown position. */
export function renderPosition(before: string, at: ResolvedPosition | undefined): string {
	if (at === undefined) return "";
	const lines = [`${before}at ${describeOrigin(at.origin)}:${at.line}:${at.column}:`];
	const numbered = (line: number, text: string): string => ` ${String(line).padStart(5)}| ${text}`;
	if (at.before !== undefined) lines.push(numbered(at.line - 1, at.before));
	if (at.text !== undefined) lines.push(numbered(at.line, at.text), `      |${" ".repeat(at.column)}^`);
	if (at.after !== undefined) lines.push(numbered(at.line + 1, at.after));
	return `${lines.join("\n")}\n`;
}

/** The name of a source text in messages. */
export function describeOrigin(origin: Origin): string {
	switch (origin.kind) {
		case "file":
			return origin.path;
		case "string":
			return bytesFromText("«string»");
		case "stdin":
			return bytesFromText("«stdin»");
		case "internal":
			return bytesFromText(`«nix-internal»/${origin.name}`);
	}
}

function listSuggestions(names: readonly string[]): string {
	if (names.length === 1) return names[0] as string;
	return `one of ${names.slice(0, -1).join(", ")} or ${names[names.length - 1] as string}`;
}

/** Prefixes lines and removes spaces at their ends. */
function indent(first: string, rest: string, text: string): string {
	return text
		.split("\n")
		.map((line, i) => ((i === 0 ? first : rest) + line).replace(/[ \t\n\r]+$/, ""))
		.join("\n");
}

/** The error as a diagnostic; frames with a position become notes, innermost first. */
export function diagnoseError(error: EvalError, positions: PositionTable): Diagnostic {
	const notes: DiagnosticNote[] = [];
	for (const frame of error.frames) {
		if (frame.message === "" || frame.shown === "detail") continue;
		const location = locate(frame.position, positions);
		notes.push({ message: textFromBytes(frame.message), ...(location === undefined ? {} : { location }) });
	}
	const location = locate(error.position, positions);
	return diagnose(error.code, textFromBytes(error.message), {
		...(location === undefined ? {} : { location }),
		...(notes.length === 0 ? {} : { notes }),
		...(error.suggestions.length === 0
			? {}
			: { hint: `did you mean ${textFromBytes(listSuggestions(error.suggestions))}?` }),
	});
}

/** A position for people; undefined where it is none. */
export function locate(position: Position, positions: PositionTable): Location | undefined {
	const at = positions.resolve(position);
	if (at === undefined) return undefined;
	const lineText = at.text === undefined ? undefined : textFromBytes(at.text);
	// Columns count bytes here and code units there.
	const column = at.text === undefined ? at.column : textFromBytes(at.text.slice(0, at.column - 1)).length + 1;
	return {
		file: textFromBytes(describeOrigin(at.origin)),
		line: at.line,
		column,
		length: 1,
		...(lineText === undefined ? {} : { lineText }),
	};
}
