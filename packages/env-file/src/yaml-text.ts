/**
 * YAML 1.2 text to nodes with positions, with one clear diagnostic for what YAML itself refuses and for what this
 * program leaves out on purpose (directives, tags, several documents, deep nesting). Layer 1 (pure).
 */

import { type Diagnostic, type Source, diagnose } from "@devenv/diagnostics";
import { type CST, Composer, type Document, Parser, type YAMLError, visit } from "yaml";
import { type EnvFileText, type FileArea, checkFileText } from "./file-text.ts";

export interface YamlText {
	readonly source: Source;
	readonly document: Document.Parsed;
}

/** Deeper nesting is refused: no option needs it, and the composer recurses. */
const MAX_DEPTH = 32;

/** More aliases are refused: looking one up takes time in proportion to the text before it. */
const MAX_ALIASES = 100;

/** The document of a file, or the one diagnostic that says what is wrong with its YAML. */
export function readYaml(
	text: EnvFileText,
	area: FileArea,
	options: { readonly keepSourceTokens?: boolean } = {},
): YamlText | Diagnostic {
	const source = checkFileText(text, area);
	if (!("text" in source)) return source;
	const tokens = [...new Parser().parse(source.text)];
	const refused = refuseTokens(tokens, source, area);
	if (refused !== undefined) return refused;
	const composer = new Composer({
		version: "1.2",
		schema: "core",
		// Repeated keys are found while decoding: the library's own check takes time quadratic in the keys.
		uniqueKeys: false,
		prettyErrors: false,
		...options,
		logLevel: "silent",
	});
	const documents = [...composer.compose(tokens, true, source.text.length)];
	const [document, second] = documents;
	if (document === undefined) throw new Error("the YAML composer gave no document");
	const error = document.errors[0];
	if (error !== undefined) return explain(error, source, area);
	if (second !== undefined) {
		return diagnose(`${area}_YAML_DOCUMENTS`, `${source.file} holds more than one YAML document`, {
			location: source.locate(second.range[0]),
			hint: "keep one document and delete the `---` lines",
		});
	}
	return findLooseAlias(document, source, area) ?? { source, document };
}

function findLooseAlias(document: Document.Parsed, source: Source, area: FileArea): Diagnostic | undefined {
	let found: Diagnostic | undefined;
	visit(document, {
		Alias(_key, node) {
			if (node.resolve(document) !== undefined) return undefined;
			const [start, end] = node.range ?? [0, 1];
			found = diagnose(`${area}_YAML_ALIASES`, `no anchor &${node.source} stands before the alias *${node.source}`, {
				location: source.locate(start, end),
				hint: `a value that begins with * needs quotes: "*${node.source}"`,
			});
			return visit.BREAK;
		},
	});
	return found;
}

function refuseTokens(tokens: readonly CST.Token[], source: Source, area: FileArea): Diagnostic | undefined {
	let aliases = 0;
	const open: { readonly token: CST.Token; readonly depth: number }[] = [];
	for (const token of tokens) {
		if (token.type === "directive") {
			return diagnose(`${area}_YAML_DIRECTIVE`, "YAML directives are not used here", {
				location: source.locate(token.offset, token.offset + token.source.length),
				hint: "delete the line; the file is read as YAML 1.2",
			});
		}
		open.push({ token: token.type === "document" && token.value !== undefined ? token.value : token, depth: 1 });
	}
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		const { token, depth } = next;
		if (token.type === "alias" && ++aliases > MAX_ALIASES) {
			return diagnose(`${area}_YAML_ALIASES`, `${source.file} uses more than ${MAX_ALIASES} aliases`, {
				location: source.locate(token.offset, token.offset + token.source.length),
				hint: "write the values out instead of repeating them with aliases",
			});
		}
		if (token.type !== "block-map" && token.type !== "block-seq" && token.type !== "flow-collection") continue;
		if (depth > MAX_DEPTH) {
			return diagnose(`${area}_TOO_DEEP`, `${source.file} is nested more than ${MAX_DEPTH} levels deep`, {
				location: source.locate(token.offset),
			});
		}
		for (const item of token.items) {
			if (item.key) open.push({ token: item.key, depth: depth + 1 });
			if (item.value) open.push({ token: item.value, depth: depth + 1 });
		}
	}
	return undefined;
}

interface Explanation {
	readonly code?: string;
	readonly message?: string;
	readonly hint?: string;
}

/** The commonest slips in the user's words; anything else keeps the parser's sentence. */
const explanations: Partial<Record<YAMLError["code"], Explanation>> = {
	TAB_AS_INDENT: {
		code: "YAML_TAB",
		message: "a tab is used for indentation",
		hint: "indent with spaces; YAML does not allow tabs there",
	},
	BLOCK_AS_IMPLICIT_KEY: {
		message: "a second ': ' stands on the same line",
		hint: "put the value in quotes, or begin the inner table on a line of its own",
	},
	BAD_INDENT: { hint: "lines of one table or list start at the same column" },
	MISSING_CHAR: { hint: "a quote or bracket is opened here or above and never closed" },
	BAD_SCALAR_START: { hint: "put the value in quotes" },
	BAD_DQ_ESCAPE: { hint: 'in double quotes a backslash is written "\\\\"; single quotes take it as it is' },
	BAD_ALIAS: { hint: "an alias (*name) needs an anchor (&name) before it" },
	KEY_OVER_1024_CHARS: { message: "a key is longer than 1,024 characters" },
	MULTILINE_IMPLICIT_KEY: {
		message: "a line is neither 'key: value' nor part of the value above it",
		hint: "write 'key: value'; put a space after the colon",
	},
	RESOURCE_EXHAUSTION: { code: "TOO_DEEP", message: "the text is nested too deeply" },
};

function explain(error: YAMLError, source: Source, area: FileArea): Diagnostic {
	const known = explanations[error.code] ?? {};
	const [start, end] = error.pos;
	if (/ end with a [\]}]$/.test(error.message)) {
		return diagnose(`${area}_YAML_SYNTAX`, `a '[' or '{' opened above is not closed before this`, {
			location: source.locate(start, end),
			hint: "close it, and indent what belongs inside",
		});
	}
	const message = known.message ?? `${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
	return diagnose(`${area}_${known.code ?? "YAML_SYNTAX"}`, message, {
		location: source.locate(errorStart(source, start), Math.max(end, start + 1)),
		...(known.hint === undefined ? {} : { hint: known.hint }),
	});
}

/** An error at the very end, or on a line end, is shown at the last character before it. */
function errorStart(source: Source, start: number): number {
	let at = Math.min(start, source.text.length);
	if (at < source.text.length && !/\s/.test(source.text.charAt(at))) return at;
	while (at > 0 && /[\r\n]/.test(source.text.charAt(at - 1))) at--;
	return at;
}
