/**
 * The border between a file's bytes and the parsers: size, UTF-8, control characters and conflict markers are checked
 * here, once for env.yaml and env.lock. Layer 1 (pure).
 */

import { type Diagnostic, type Location, Source, diagnose } from "@devenv/diagnostics";

/** A file as its reader found it; bytes are checked to be UTF-8 here. */
export interface EnvFileText {
	/** The path to show in messages. */
	readonly file: string;
	readonly content: string | Uint8Array;
}

/** Which file's codes a diagnostic carries: `ENV_…` or `LOCK_…`. */
export type FileArea = "ENV" | "LOCK";

/** Larger files are refused, in bytes: the YAML parser takes seconds for hostile texts of a few megabytes. */
const MAX_FILE_BYTES = 256 * 1024;

const conflictMarker = /^(?:<{7}|\|{7}|={7}|>{7})(?: .*)?$/m;
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** The text of a file, or the one diagnostic that says why it cannot be read as YAML text at all. */
export function checkFileText(text: EnvFileText, area: FileArea): Source | Diagnostic {
	const source = decodeFileText(text, area);
	if (!("text" in source)) return source;
	return findConflict(source, area) ?? findControlCharacter(source, area) ?? source;
}

/** The text of a file of a size and encoding that are read, whatever it says. */
export function decodeFileText(text: EnvFileText, area: FileArea): Source | Diagnostic {
	const { file, content } = text;
	if (content.length > MAX_FILE_BYTES) {
		return diagnose(`${area}_TOO_LARGE`, `${file} is larger than ${MAX_FILE_BYTES / 1024} KiB`, {
			hint:
				area === "ENV"
					? "move long texts into files of their own and call them from enter_shell"
					: "this is not a file that devenv wrote; restore it from version control or delete it",
		});
	}
	const decoded = typeof content === "string" ? withoutByteOrderMark(content) : decodeUtf8(file, content);
	if (typeof decoded !== "string") {
		const utf16 = typeof content !== "string" && (content[0] === 0xff || content[0] === 0xfe);
		return diagnose(`${area}_NOT_UTF8`, `${file} is ${utf16 ? "UTF-16" : "not UTF-8"} text`, {
			...(utf16 ? {} : { location: decoded }),
			hint: "save the file in the encoding UTF-8",
		});
	}
	return new Source(file, decoded);
}

function withoutByteOrderMark(text: string): string {
	return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** The text, or the place of the first byte that is not UTF-8. */
function decodeUtf8(file: string, bytes: Uint8Array): string | Location {
	const whole = strictUtf8(bytes);
	if (whole !== undefined) return whole;
	// Valid UTF-8 has no line feed inside a character, so lines can be judged one by one.
	let line = 1;
	for (let start = 0; start <= bytes.length; line++) {
		const found = bytes.indexOf(0x0a, start);
		const end = found < 0 ? bytes.length : found;
		const part = bytes.subarray(start, end);
		if (strictUtf8(part) === undefined) {
			const lineText = new TextDecoder("utf-8").decode(part).replace(/\r$/, "");
			const at = lineText.indexOf("\ufffd");
			return { file, line, column: Math.max(0, at) + 1, length: 1, lineText };
		}
		start = end + 1;
	}
	return { file, line: 1, column: 1, length: 1 };
}

/** The text, or undefined where the bytes are not UTF-8. */
function strictUtf8(bytes: Uint8Array): string | undefined {
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch (error) {
		if (error instanceof TypeError) return undefined;
		throw error;
	}
}

function findConflict(source: Source, area: FileArea): Diagnostic | undefined {
	// A row of equals signs alone may be somebody's text; the opening and closing markers are not.
	if (!/^<{7} /m.test(source.text) && !/^>{7} /m.test(source.text)) return undefined;
	const found = conflictMarker.exec(source.text);
	if (found === null) return undefined;
	return diagnose(`${area}_CONFLICT`, `${source.file} has unresolved git conflict markers`, {
		location: source.locate(found.index, found.index + found[0].length),
		hint:
			area === "ENV"
				? "keep the lines that you want and delete the markers"
				: "`devenv lock --resolve` takes the newer pin of each input",
	});
}

function findControlCharacter(source: Source, area: FileArea): Diagnostic | undefined {
	const found = controlCharacter.exec(source.text);
	if (found === null) return undefined;
	const code = found[0].charCodeAt(0).toString(16).padStart(2, "0");
	return diagnose(`${area}_CONTROL_CHARACTER`, `${source.file} holds the control character 0x${code}`, {
		location: source.locate(found.index),
		hint: `delete it; where it is meant, write "\\x${code}" inside double quotes`,
	});
}
