/** env.yaml and env.local.yaml. Layer 5. */

import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Diagnostic as OwnDiagnostic, Location as OwnLocation } from "@devenv/diagnostics";
import {
	type FileEntry,
	type FilePath,
	type JsonSchema,
	outlineOfFile,
	placeInFile,
	schemasAt,
	valuesInFile,
	type WrittenPlace,
	writtenPlaces,
} from "@devenv/env-file";
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
	TextEdit,
} from "vscode-languageserver-types";
import { errorCodes, ResponseError } from "./connection.ts";
import { diagnoseProject, diagnoseText, elsewhere, type OpenTexts, repositoryTop } from "./environment-project.ts";
import type { LanguageService, Place } from "./language-service.ts";
import { startOf } from "./nix-files.ts";
import { folderOf, pathOfUri } from "./open-document.ts";
import type { PackageLookup } from "./package-lookup.ts";
import type { TextDocument } from "./text-document.ts";

const MOST_PACKAGES = 100;

export class EnvironmentService implements LanguageService {
	readonly #packages: PackageLookup;
	readonly #open: OpenTexts;

	constructor(packages: PackageLookup, open: OpenTexts) {
		this.#packages = packages;
		this.#open = open;
	}

	diagnose(document: TextDocument): readonly Diagnostic[] {
		const path = pathOfUri(document.uri);
		if (path === undefined) return diagnoseText(document.text).map((each) => toEditor(document, each));
		const file = basename(path);
		return diagnoseProject(dirname(path), this.#open).flatMap((each) => {
			const where = each.location?.file ?? file;
			if (where === file) return [toEditor(document, each)];
			// The other of the two says its own; those of imported files are said here, too.
			return where.includes("/") && file === "env.yaml" ? [toEditor(document, elsewhere(each))] : [];
		});
	}

	async hover({ document, position }: Place): Promise<Hover | undefined> {
		const place = placeInFile(document.text, document.offsetAt(position));
		if (place === undefined) return undefined;
		const range = document.rangeAt(place.start, place.end);
		const answer = (value: string): Hover => ({ contents: { kind: "markdown", value }, range });
		if (place.kind === "value" && isPackage(place.path)) {
			const found = await this.#package(document, place.text);
			return found === undefined ? undefined : answer(found);
		}
		const texts = schemasAt(place.path).flatMap(describeSchema);
		return texts.length === 0 ? undefined : answer([`**${place.path.join(".")}**`, ...new Set(texts)].join("\n\n"));
	}

	async #package(document: TextDocument, written: string): Promise<string | undefined> {
		const { attr, input } = partsOfPackage(written);
		const hits = await this.#packages.search(folderOf(document), attr, MOST_PACKAGES);
		const hit = hits.find((each) => each.attr === attr && (input === undefined || each.input === input));
		return hit === undefined ? undefined : `**${hit.attr}** ${hit.version} (${hit.input})\n\n${hit.description}`;
	}

	definition({ document, position }: Place): Promise<readonly Location[]> {
		const place = placeInFile(document.text, document.offsetAt(position));
		if (place?.kind !== "value") return Promise.resolve([]);
		return Promise.resolve(this.#target(document, place.path, place.text));
	}

	#target(document: TextDocument, path: FilePath, text: string): readonly Location[] {
		const keys = path.filter((step) => typeof step === "string");
		const last = keys.at(-1);
		const folder = folderOf(document);
		const file = (...parts: readonly string[]): readonly Location[] => {
			const found = parts.find((each) => existsSync(each));
			return found === undefined ? [] : [startOf(found)];
		};
		if (keys[0] === "imports") {
			const target = text.startsWith("/") ? join(repositoryTop(folder), text) : resolve(folder, text);
			return file(join(target, "env.yaml"));
		}
		if (isPackage(path)) {
			const { input } = partsOfPackage(text);
			return input === undefined ? [] : this.#input(document, input);
		}
		if (last === "follows") return this.#input(document, text);
		if (last === "overlays") {
			const hash = text.indexOf("#");
			if (hash > 0 && !/^[./]/.test(text)) return this.#input(document, text.slice(0, hash));
			return file(resolve(folder, text));
		}
		if (last === "dotenv" || last === "src") return file(resolve(folder, text));
		if (last === "url" && text.startsWith("path:")) {
			const target = resolve(folder, text.slice("path:".length));
			return file(join(target, "default.nix"));
		}
		return [];
	}

	/** Where an input is declared. */
	#input(document: TextDocument, name: string): readonly Location[] {
		const inputs = outlineOfFile(document.text).find((each) => each.name === "inputs");
		const found = inputs?.children.find((each) => each.name === name);
		if (found === undefined) return [];
		return [{ uri: document.uri, range: document.rangeAt(found.keyStart, found.keyEnd) }];
	}

	async complete({ document, position }: Place): Promise<CompletionList> {
		const items = new Map<string, CompletionItem>();
		let isIncomplete = false;
		for (const written of writtenPlaces(document.text, document.offsetAt(position))) {
			const range = document.rangeAt(written.start, written.end);
			const found = written.kind === "key" ? keyItems(document, written) : this.#values(document, written);
			for (const each of found) if (!items.has(each.label)) items.set(each.label, withEdit(each, range));
			if (written.kind !== "value" || !isPackage(written.path)) continue;
			const prefix = document.text.slice(written.start, document.offsetAt(position));
			for (const each of await this.#packageItems(document, prefix)) items.set(each.label, withEdit(each, range));
			isIncomplete = true;
		}
		return { isIncomplete, items: [...items.values()] };
	}

	async #packageItems(document: TextDocument, prefix: string): Promise<CompletionItem[]> {
		const { attr, input } = partsOfPackage(prefix);
		const hits = await this.#packages.search(folderOf(document), attr, MOST_PACKAGES);
		return hits
			.filter((each) => each.attr.startsWith(attr) && (input === undefined || each.input === input))
			.map((hit) => ({
				label: input === undefined ? hit.attr : `${input}#${hit.attr}`,
				kind: 9,
				detail: hit.version,
				documentation: hit.description,
			}));
	}

	#values(document: TextDocument, { path }: WrittenPlace): CompletionItem[] {
		const items = schemasAt(path).flatMap(valueItems);
		const last = path.filter((step) => typeof step === "string").at(-1);
		if (last === "follows") for (const name of inputNames(document)) items.push({ label: name, kind: 18 });
		if (last === "overlays") {
			for (const name of filesBelow(folderOf(document), ".nix")) items.push({ label: `./${name}`, kind: 17 });
		}
		if (isPackage(path)) {
			for (const name of inputNames(document)) items.push({ label: `${name}#`, kind: 18, sortText: `z${name}` });
		}
		return items;
	}

	resolve(item: CompletionItem): Promise<CompletionItem> {
		return Promise.resolve(item);
	}

	references(place: Place, withDeclaration: boolean): readonly Location[] {
		return this.#places(place)
			.filter(({ defines }) => withDeclaration || !defines)
			.map(({ range }) => ({ uri: place.document.uri, range }));
	}

	highlights(place: Place): readonly DocumentHighlight[] {
		return this.#places(place).map(({ range, defines }) => ({ range, kind: defines ? 3 : 2 }));
	}

	/** Where the input at a place is declared and named. */
	#places({ document, position }: Place): readonly { readonly range: Range; readonly defines: boolean }[] {
		const place = placeInFile(document.text, document.offsetAt(position));
		if (place?.kind !== "key" || place.path.length !== 2 || place.path[0] !== "inputs") return [];
		const [, name] = place.path;
		const uses = valuesInFile(document.text).filter(({ path, text }) => {
			return (isPackage(path) && partsOfPackage(text).input === name) || (path.at(-1) === "follows" && text === name);
		});
		return [
			{ range: document.rangeAt(place.start, place.end), defines: true },
			...uses.map(({ start, end }) => ({ range: document.rangeAt(start, end), defines: false })),
		];
	}

	prepareRename(): Range {
		throw new ResponseError(errorCodes.requestFailed, "names in env.yaml cannot be renamed");
	}

	rename(): readonly TextEdit[] {
		return this.prepareRename() as never;
	}

	symbols(document: TextDocument): readonly DocumentSymbol[] {
		return outlineOfFile(document.text).map((entry) => symbolOf(document, entry));
	}

	foldings(document: TextDocument): readonly FoldingRange[] {
		const found: FoldingRange[] = [];
		const visit = (entry: FileEntry): void => {
			const { start, end } = document.rangeAt(entry.keyStart, trimmedEnd(document, entry));
			if (end.line > start.line) found.push({ startLine: start.line, endLine: end.line });
			entry.children.forEach(visit);
		};
		outlineOfFile(document.text).forEach(visit);
		return found;
	}

	selections(document: TextDocument, position: Position): SelectionRange {
		const offset = document.offsetAt(position);
		let selection: SelectionRange = { range: document.range };
		for (let entries = outlineOfFile(document.text); ; ) {
			const entry = entries.find((each) => each.keyStart <= offset && offset <= trimmedEnd(document, each));
			if (entry === undefined) break;
			selection = { range: document.rangeAt(entry.keyStart, trimmedEnd(document, entry)), parent: selection };
			entries = entry.children;
		}
		const place = placeInFile(document.text, offset);
		return place === undefined ? selection : { range: document.rangeAt(place.start, place.end), parent: selection };
	}

	format(): readonly TextEdit[] {
		return [];
	}
}

/** Without what is blank at its end. */
function trimmedEnd({ text }: TextDocument, { keyStart, end }: FileEntry): number {
	return keyStart + text.slice(keyStart, end).trimEnd().length;
}

function symbolOf(document: TextDocument, entry: FileEntry): DocumentSymbol {
	return {
		name: entry.name || '""',
		kind: entry.kind === "table" ? 2 : entry.kind === "list" ? 18 : 20,
		range: document.rangeAt(entry.keyStart, entry.end),
		selectionRange: document.rangeAt(entry.keyStart, entry.keyEnd),
		children: entry.children.map((each) => symbolOf(document, each)),
	};
}

/** A diagnostic of ours as the editor takes it. */
function toEditor(document: TextDocument, own: OwnDiagnostic): Diagnostic {
	const { code, message, hint, location, notes = [], severity } = own;
	const explained = `devenv explain ${code}`;
	const text = [message, ...notes.map((note) => note.message), ...(hint === undefined ? [] : [hint])].join("\n");
	return {
		range: location === undefined ? document.rangeAt(0, 0) : rangeOf(document, location),
		severity: severity === "error" ? 1 : severity === "warning" ? 2 : 3,
		code,
		source: "devenv",
		message: text,
		data: { explain: explained },
	};
}

/** Lines of ours end with a line feed; a byte order mark is not counted. */
function rangeOf(document: TextDocument, { line, column, length }: OwnLocation): Range {
	const { text } = document;
	let start = 0;
	for (let at = 1; at < line; at++) start = text.indexOf("\n", start) + 1;
	if (line === 1 && text.startsWith("\ufeff")) start++;
	start += column - 1;
	return document.rangeAt(start, start + length);
}

/** Whether a value is the name of a package. */
function isPackage(path: FilePath): boolean {
	const [first, ...rest] = path[0] === "profiles" ? path.slice(2) : path;
	if (first !== "packages" || typeof rest[0] !== "number") return false;
	return rest.length === 1 || (rest.length === 2 && rest[1] === "from");
}

function partsOfPackage(written: string): { readonly attr: string; readonly input: string | undefined } {
	const hash = written.indexOf("#");
	const [attr = ""] = written.slice(hash + 1).split("@");
	return { attr, input: hash < 0 ? undefined : written.slice(0, hash) };
}

function inputNames(document: TextDocument): string[] {
	const inputs = outlineOfFile(document.text).find((each) => each.name === "inputs");
	return inputs === undefined ? ["debian"] : inputs.children.map((each) => each.name);
}

function filesBelow(folder: string, ending: string): string[] {
	try {
		return readdirSync(folder).filter((name) => name.endsWith(ending));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== undefined) return [];
		throw error;
	}
}

function describeSchema(schema: JsonSchema): string[] {
	const { description, examples, default: fallback } = schema;
	const values = schema["enum"];
	return [
		...(typeof description === "string" ? [description] : []),
		...(Array.isArray(values) ? [`One of ${values.map((each) => `\`${String(each)}\``).join(", ")}.`] : []),
		...(fallback === undefined ? [] : [`Default: \`${JSON.stringify(fallback)}\``]),
		...(Array.isArray(examples) && typeof description === "string"
			? [`For example: \`${JSON.stringify(examples[0])}\``]
			: []),
	];
}

function keyItems(document: TextDocument, { path, siblings, end }: WrittenPlace): CompletionItem[] {
	const colon = /^[ \t]*:/.test(document.text.slice(end));
	return schemasAt(path).flatMap((schema) => {
		const properties = (schema["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
		return Object.entries(properties).flatMap(([label, inner]): CompletionItem[] => {
			if (siblings.includes(label)) return [];
			const documentation = describeSchema(inner).join("\n\n");
			return [
				{
					label,
					kind: 10,
					documentation: { kind: "markdown", value: documentation },
					...(colon ? {} : { insertText: `${label}:${isTable(inner) ? "" : " "}` }),
				},
			];
		});
	});
}

function isTable(schema: JsonSchema): boolean {
	return schema["type"] === "object" || schema["type"] === "array";
}

function valueItems(schema: JsonSchema): CompletionItem[] {
	const values: unknown[] = [];
	if (Array.isArray(schema["enum"])) values.push(...(schema["enum"] as unknown[]));
	if ("const" in schema) values.push(schema["const"]);
	if (schema["type"] === "boolean") values.push(true, false);
	const examples = schema["type"] === "string" && Array.isArray(schema["examples"]) ? schema["examples"] : [];
	return [
		...values.map((value): CompletionItem => ({ label: String(value), kind: 12 })),
		...examples.flatMap((example: unknown): CompletionItem[] =>
			typeof example === "string" ? [{ label: example, kind: 1, detail: "example", sortText: `~${example}` }] : [],
		),
	];
}

/** The text that an item stands for is put in the range's place. */
function withEdit({ insertText, ...item }: CompletionItem, range: Range): CompletionItem {
	return { ...item, textEdit: { range, newText: insertText ?? item.label } };
}
