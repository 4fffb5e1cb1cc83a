/** Texts of the Nix language: all but hover and completion. Layer 5. */

import { formatNix } from "@devenv/evaluator/format";
import {
	evaluationText,
	findIssues,
	findUnused,
	foldings,
	type Named,
	type NixDocument,
	outline,
	type OutlineEntry,
	planRename,
	renameable,
	type Span,
	type Variable,
} from "@devenv/evaluator/analysis";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import type {
	CompletionItem,
	CompletionList,
	Diagnostic,
	DocumentHighlight,
	DocumentSymbol,
	FoldingRange,
	Hover,
	Location,
	Position,
	Range,
	SelectionRange,
	SymbolKind,
	TextEdit,
} from "vscode-languageserver-types";
import { errorCodes, ResponseError } from "./connection.ts";
import type { LanguageService, Place } from "./language-service.ts";
import { NixCompletion } from "./nix-completion.ts";
import { fileOfPath, startOf } from "./nix-files.ts";
import { hoverText } from "./nix-hover.ts";
import type { NixWorld } from "./nix-world.ts";
import { analysisOf, folderOf, uriOfPath } from "./open-document.ts";
import type { TextDocument } from "./text-document.ts";

export class NixService implements LanguageService {
	readonly #world: NixWorld;
	readonly #completion: NixCompletion;

	constructor(world: NixWorld) {
		this.#world = world;
		this.#completion = new NixCompletion(world);
	}

	#analysis(document: TextDocument): NixDocument | undefined {
		return analysisOf(document, this.#world.globals);
	}

	#named({ document, position }: Place): Named | undefined {
		return this.#analysis(document)?.named(document.byteAt(position));
	}

	diagnose(document: TextDocument): readonly Diagnostic[] {
		try {
			return this.#diagnose(document);
		} catch (error) {
			if (!(error instanceof RangeError)) throw error;
			return [tooDeep(document)];
		}
	}

	#diagnose(document: TextDocument): readonly Diagnostic[] {
		const analysis = this.#analysis(document);
		if (analysis === undefined) return [tooDeep(document)];
		const issues = findIssues(analysis);
		const syntax = issues.some(({ code }) => code === "EVAL_SYNTAX");
		const errors = issues.map(({ span, code, message, suggestions, related }): Diagnostic => {
			const near = suggestions.length === 0 ? "" : `\ndid you mean ${suggestions.map(textFromBytes).join(" or ")}?`;
			const other = related === undefined ? undefined : document.rangeOfBytes({ start: related, end: related });
			return {
				range: document.rangeOfBytes(span),
				severity: 1,
				code,
				source: SOURCE,
				message: `${textFromBytes(message)}${near}`,
				data: { explain: `devenv explain ${code}` },
				...(other === undefined
					? {}
					: {
							relatedInformation: [
								{ location: { uri: document.uri, range: other }, message: "it is defined here first" },
							],
						}),
			};
		});
		// What is not finished uses less than it will.
		return syntax ? errors : [...errors, ...this.#unused(document, analysis)];
	}

	#unused(document: TextDocument, analysis: NixDocument): Diagnostic[] {
		return findUnused(analysis).map(({ kind, name, span }) => ({
			range: document.rangeOfBytes(span),
			severity: 4,
			source: SOURCE,
			message:
				kind === "with" ? "this 'with' gives no name that is used" : `'${textFromBytes(name ?? "")}' is not used`,
			tags: [1],
		}));
	}

	async hover(place: Place): Promise<Hover | undefined> {
		const analysis = this.#analysis(place.document);
		const named = this.#named(place);
		if (analysis === undefined || named === undefined) return undefined;
		const value = await hoverText({ analysis, named, place, world: this.#world });
		if (value === undefined) return undefined;
		return { contents: { kind: "markdown", value }, range: place.document.rangeOfBytes(named.span) };
	}

	async definition(place: Place): Promise<readonly Location[]> {
		const analysis = this.#analysis(place.document);
		const named = this.#named(place);
		if (analysis === undefined || named === undefined) return [];
		const here = (spans: readonly Span[]): Location[] =>
			spans.map((span) => ({ uri: place.document.uri, range: place.document.rangeOfBytes(span) }));
		switch (named.kind) {
			case "variable":
				return here(definitionsOf(analysis, named.variable));
			case "attribute": {
				if (named.known !== undefined) return here(named.known.tokens);
				const { subject, path, name } = named;
				return name === undefined ? [] : this.#evaluatedPlace(place, { subject, path: path.slice(0, -1), name });
			}
			case "with": {
				for (const { node } of named.occurrence.target.kind === "with" ? named.occurrence.target.scopes : []) {
					if (node?.kind !== "with") continue;
					const { name } = named.occurrence;
					const known = analysis.attributes.setOf(node.scope)?.attributes.get(name);
					if (known !== undefined) return here(known.tokens);
					const found = await this.#evaluatedPlace(place, { subject: node.scope, path: [], name });
					if (found.length > 0) return found;
				}
				return [];
			}
			case "path":
				return fileLocation(place.document, textFromBytes(named.text));
			case "builtin": {
				const path = named.name === "import" ? pathBehind(analysis.text, named.span) : undefined;
				return path === undefined ? [] : fileLocation(place.document, textFromBytes(path));
			}
			default:
				return [];
		}
	}

	async #evaluatedPlace(
		{ document, signal }: Place,
		{ subject, path, name }: Parameters<typeof evaluationText>[1] & { readonly name: string },
	): Promise<readonly Location[]> {
		const analysis = this.#analysis(document);
		if (analysis === undefined) return [];
		const text = evaluationText(analysis, { subject, path }, { assumed: this.#world.assumed });
		const baseDir = bytesFromText(folderOf(document));
		const found = await this.#world.evaluation.attribute({ text, baseDir, name }, signal);
		if (found?.place === undefined) return [];
		const { line, column, lineText } = found.place;
		const at = { line: line - 1, character: document.characterIn(lineText, column - 1) };
		return [{ uri: uriOfPath(found.place.file), range: { start: at, end: at } }];
	}

	references(place: Place, withDeclaration: boolean): readonly Location[] {
		return this.#places(place)
			.filter(({ defines }) => withDeclaration || !defines)
			.map(({ span }) => ({ uri: place.document.uri, range: place.document.rangeOfBytes(span) }));
	}

	highlights(place: Place): readonly DocumentHighlight[] {
		return this.#places(place).map(({ span, defines }) => ({
			range: place.document.rangeOfBytes(span),
			kind: defines ? 3 : 2,
		}));
	}

	/** Where the name at a place is written. */
	#places(place: Place): readonly { readonly span: Span; readonly defines: boolean }[] {
		const named = this.#named(place);
		if (named?.kind === "variable") return placesOf(named.variable);
		const analysis = this.#analysis(place.document);
		if (named?.kind !== "builtin" || analysis === undefined) return [];
		const written = analysis.text.slice(named.span.start, named.span.end);
		return analysis.scopes.occurrences
			.filter(({ name, target }) => target.kind === "global" && name === written)
			.map(({ token }) => ({ span: token, defines: false }));
	}

	prepareRename({ document, position }: Place): Range {
		const analysis = this.#analysis(document);
		const found = analysis === undefined ? TOO_DEEP : renameable(analysis, document.byteAt(position));
		if ("reason" in found) throw new ResponseError(errorCodes.requestFailed, textFromBytes(found.reason));
		return document.rangeOfBytes(found.span);
	}

	rename({ document, position }: Place, newName: string): readonly TextEdit[] {
		const analysis = this.#analysis(document);
		const plan =
			analysis === undefined
				? ({ kind: "refused", ...TOO_DEEP } as const)
				: planRename(analysis, document.byteAt(position), bytesFromText(newName));
		if (plan.kind === "refused") throw new ResponseError(errorCodes.requestFailed, textFromBytes(plan.reason));
		return plan.edits.map(({ span, text }) => ({ range: document.rangeOfBytes(span), newText: textFromBytes(text) }));
	}

	async complete(place: Place): Promise<CompletionList> {
		const analysis = this.#analysis(place.document);
		if (analysis === undefined) return { isIncomplete: false, items: [] };
		return this.#completion.complete(analysis, place);
	}

	resolve(item: CompletionItem, signal: AbortSignal): Promise<CompletionItem> {
		return this.#completion.resolve(item, signal);
	}

	symbols(document: TextDocument): readonly DocumentSymbol[] {
		const analysis = this.#analysis(document);
		return analysis === undefined ? [] : outline(analysis.root).map((entry) => symbolOf(document, entry));
	}

	foldings(document: TextDocument): readonly FoldingRange[] {
		const analysis = this.#analysis(document);
		if (analysis === undefined) return [];
		return foldings(analysis.root, analysis.text).flatMap(({ comment, ...span }) => {
			const { start, end } = document.rangeOfBytes(span);
			// The line with the closing bracket stays.
			const endLine = comment ? end.line : end.line - 1;
			if (endLine <= start.line) return [];
			return { startLine: start.line, endLine, ...(comment ? { kind: "comment" } : {}) };
		});
	}

	selections(document: TextDocument, position: Position): SelectionRange {
		const spans = this.#analysis(document)?.spansAround(document.byteAt(position)) ?? [];
		let selection: SelectionRange = { range: document.range };
		for (const span of spans.toReversed()) selection = { range: document.rangeOfBytes(span), parent: selection };
		return selection;
	}

	format(document: TextDocument): readonly TextEdit[] {
		const result = formatNix(document.bytes, { kind: "string" });
		if (result.kind === "failed") throw new ResponseError(errorCodes.requestFailed, result.error.message);
		const newText = textFromBytes(result.value);
		return newText === document.text ? [] : [{ range: document.range, newText }];
	}
}

const SOURCE = "devenv";
function tooDeep(document: TextDocument): Diagnostic {
	const message = "expression is nested too deeply";
	return { range: document.rangeAt(0, 0), severity: 1, source: SOURCE, message, code: "EVAL_SYNTAX" };
}

const TOO_DEEP = { reason: "the text is nested too deeply" };

/** Where a variable is defined; through `inherit` to where the value comes from. */
function definitionsOf(analysis: NixDocument, variable: Variable, steps = 0): readonly Span[] {
	const [site] = variable.sites;
	if (site?.kind === "inherit" && steps < 20) {
		const { source } = site.binding;
		if (source === undefined) {
			const outer = analysis.scopes.usedAt.get(site.token.start)?.target;
			if (outer?.kind === "variable") return definitionsOf(analysis, outer.variable, steps + 1);
		} else {
			const known = analysis.attributes.setOf(source.inner)?.attributes.get(variable.name);
			if (known !== undefined) return known.tokens;
		}
	}
	return variable.sites.map(({ token }) => token);
}

function placesOf({ sites, references }: Variable): { readonly span: Span; readonly defines: boolean }[] {
	return [
		...sites.map(({ token }) => ({ span: token, defines: true })),
		...references.map(({ token }) => ({ span: token, defines: false })),
	].sort((a, b) => a.span.start - b.span.start);
}

/** The path literal that stands behind a span. */
function pathBehind(text: string, { end }: Span): string | undefined {
	return /^[\s(]*((?:\.{1,2}|~)?\/[\w.+/-]+)/.exec(text.slice(end, end + LONGEST_PATH))?.[1];
}

const LONGEST_PATH = 1000;

function fileLocation(document: TextDocument, path: string): readonly Location[] {
	const file = fileOfPath(document, path);
	return file === undefined ? [] : [startOf(file)];
}

const symbolKinds: Readonly<Record<OutlineEntry["kind"], SymbolKind>> = {
	string: 15,
	number: 16,
	boolean: 17,
	list: 18,
	set: 19,
	function: 12,
	path: 1,
	null: 21,
	unknown: 13,
};

function symbolOf(document: TextDocument, entry: OutlineEntry): DocumentSymbol {
	return {
		name: textFromBytes(entry.name) || "…",
		kind: symbolKinds[entry.kind],
		range: document.rangeOfBytes(entry.span),
		selectionRange: document.rangeOfBytes(entry.nameSpan),
		children: entry.children.map((each) => symbolOf(document, each)),
	};
}
