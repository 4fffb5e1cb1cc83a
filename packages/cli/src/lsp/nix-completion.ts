/**
 * Completion in texts of the Nix language: names in scope, attributes that the text says or an evaluation finds, paths, and the
 * options of an env.nix. Layer 5.
 */

import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { environmentOptionEntries } from "@devenv/env-file";
import {
	type CompletionContext,
	completionContext,
	evaluationText,
	type KnownSet,
	type NixDocument,
	type Node,
	type Scope,
	valueKind,
	type Variable,
} from "@devenv/evaluator/analysis";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import type { CompletionItem, CompletionItemKind, CompletionList, Range } from "vscode-languageserver-types";
import { attributeWord } from "../repl/show-value.ts";
import type { Place } from "./language-service.ts";
import { builtinText, foundText, isPackageSet } from "./nix-hover.ts";
import type { NixWorld } from "./nix-world.ts";
import { folderOf, pathOfUri } from "./open-document.ts";

const KEYWORDS = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"];
/** Files of a folder that are offered, at most. */
const MOST_FILES = 1000;
/** Packages that are asked for. */
const MOST_PACKAGES = 100;

const kinds = {
	function: 3,
	variable: 6,
	module: 9,
	property: 10,
	keyword: 14,
	file: 17,
	folder: 19,
	constant: 21,
} as const satisfies Record<string, CompletionItemKind>;

const NOTHING: CompletionList = { isIncomplete: false, items: [] };

/** A set that was evaluated for completion, so that one attribute of it can be asked about later. */
interface EvaluatedSet {
	readonly text: string;
	readonly baseDir: string;
}

interface Question {
	readonly analysis: NixDocument;
	readonly place: Place;
	readonly range: Range;
	/** What of the name is written before the cursor. */
	readonly prefix: string;
}

export class NixCompletion {
	readonly #world: NixWorld;
	/** Those of the last answer, by number. */
	readonly #sets = new Map<number, EvaluatedSet>();
	#nextSet = 0;

	constructor(world: NixWorld) {
		this.#world = world;
	}

	async complete(analysis: NixDocument, place: Place): Promise<CompletionList> {
		const offset = place.document.byteAt(place.position);
		const context = completionContext(analysis, offset);
		if (context.kind === "none") return NOTHING;
		const range = place.document.rangeOfBytes(context.span);
		const prefix = analysis.text.slice(context.span.start, offset);
		this.#sets.clear();
		const question = { analysis, place, range, prefix };
		switch (context.kind) {
			case "name":
				return this.#names(question, context);
			case "attribute":
				return this.#attributes(question, context);
			case "binding":
				return { isIncomplete: false, items: this.#options(question, context) };
			case "path":
				return { isIncomplete: false, items: await this.#files(question, textFromBytes(context.text)) };
		}
	}

	async resolve(item: CompletionItem, signal: AbortSignal): Promise<CompletionItem> {
		const set = typeof item.data === "number" ? this.#sets.get(item.data) : undefined;
		if (set === undefined || item.label.startsWith('"')) return item;
		const found = await this.#world.evaluation.attribute({ ...set, name: bytesFromText(item.label) }, signal);
		if (found === undefined) return item;
		const documentation = { kind: "markdown" as const, value: foundText(item.label, found) };
		return { ...item, documentation, ...(found.type === undefined ? {} : { detail: found.type }) };
	}

	async #names(
		question: Question,
		{ scope, inherit }: Extract<CompletionContext, { kind: "name" }>,
	): Promise<CompletionList> {
		const items = new Map<string, CompletionItem>();
		const add = (item: CompletionItem): void => {
			if (!items.has(item.label)) items.set(item.label, item);
		};
		const withs: Node[] = [];
		let depth = 0;
		for (let at: Scope | undefined = scope; at !== undefined; at = at.parent, depth++) {
			for (const variable of at.variables.values()) add(this.#variable(question, variable, depth));
			if (at.node?.kind === "with") withs.push(at.node.scope);
		}
		if (!inherit) for (const keyword of KEYWORDS) add(item(question, keyword, { kind: kinds.keyword, sortText: "8" }));
		for (const each of this.#world.builtins) {
			if (each.globalName.startsWith("__") && !question.prefix.startsWith("_")) continue;
			add(this.#builtin(question, { label: each.globalName, name: each.name }));
		}
		let more = false;
		for (const node of withs) {
			const known = question.analysis.attributes.setOf(node);
			for (const each of knownItems(question, known)) add(each);
			if (known !== undefined && !known.open) continue;
			const found = await this.#evaluated(question, { subject: node, path: [] });
			for (const each of found.items) add({ ...each, sortText: `7${each.label}` });
			more ||= found.isIncomplete;
		}
		return { isIncomplete: more, items: [...items.values()] };
	}

	async #attributes(
		question: Question,
		{ subject, path }: Extract<CompletionContext, { kind: "attribute" }>,
	): Promise<CompletionList> {
		if (path.length === 0 && question.analysis.isBuiltins(subject)) {
			const names = this.#world.builtins.filter(({ name }) => name !== "builtins");
			return {
				isIncomplete: false,
				items: names.map(({ name }) => this.#builtin(question, { label: name, name })),
			};
		}
		const known = question.analysis.attributes.setAt(subject, path);
		const items = new Map(knownItems(question, known).map((each) => [each.label, each]));
		if (known !== undefined && !known.open) return { isIncomplete: false, items: [...items.values()] };
		const found = await this.#evaluated(question, { subject, path });
		for (const each of found.items) if (!items.has(each.label)) items.set(each.label, each);
		return { isIncomplete: found.isIncomplete, items: [...items.values()] };
	}

	/** What an evaluation finds; where it finds nothing of what looks like a package set, what the daemon knows. */
	async #evaluated(
		question: Question,
		{ subject, path }: Parameters<typeof evaluationText>[1],
	): Promise<CompletionList> {
		const { analysis, place, prefix } = question;
		const text = evaluationText(analysis, { subject, path }, this.#world);
		const set = { text, baseDir: bytesFromText(folderOf(place.document)) };
		const found = await this.#world.evaluation.attributes({ ...set, prefix }, place.signal);
		if (found !== undefined) {
			const data = this.#nextSet++;
			this.#sets.set(data, set);
			const items = found.names.map((label) => item(question, label, { kind: kinds.property, data }));
			return { isIncomplete: found.more, items };
		}
		if (path.length > 0 || !isPackageSet(subject)) return NOTHING;
		const hits = await this.#world.packages.search(folderOf(place.document), textFromBytes(prefix), MOST_PACKAGES);
		const items = hits
			.filter(({ attr }) => attr.startsWith(textFromBytes(prefix)))
			.map(({ attr, version, description }) =>
				item(question, attr, { kind: kinds.module, detail: version, documentation: description }),
			);
		// What is asked for depends on what is written.
		return { isIncomplete: true, items };
	}

	#variable(question: Question, variable: Variable, depth: number): CompletionItem {
		const [site] = variable.sites;
		const value = site?.kind === "assign" && variable.sites.length === 1 ? site.binding.value : undefined;
		const kind = value === undefined ? undefined : valueKind(value);
		return item(question, textFromBytes(variable.name), {
			kind: kind === "function" ? kinds.function : kinds.variable,
			detail: kind === undefined ? variable.kind : `${variable.kind}: ${kind}`,
			// The nearest first.
			sortText: `1${String(depth).padStart(3, "0")}`,
		});
	}

	#builtin(question: Question, { label, name }: { readonly label: string; readonly name: string }): CompletionItem {
		const value = builtinText(name, this.#world);
		const parameters = this.#world.builtins.find((each) => each.name === name)?.parameters ?? [];
		return item(question, label, {
			kind: parameters.length > 0 ? kinds.function : kinds.constant,
			detail: parameters.join(" "),
			sortText: `${label.startsWith("__") ? 9 : 5}${label}`,
			...(value === undefined ? {} : { documentation: { kind: "markdown", value } }),
		});
	}

	/** The options that an env.nix may set, where a set of it is written. */
	#options(question: Question, { holder, path }: Extract<CompletionContext, { kind: "binding" }>): CompletionItem[] {
		if (basename(pathOfUri(question.place.document.uri) ?? "") !== "env.nix" || holder.kind !== "set") return [];
		const above = [...pathOfSet(question.analysis, holder), ...path.map(textFromBytes)];
		return environmentOptionEntries().flatMap(({ path: option, field }) => {
			const steps = option.split(".");
			const label = steps.at(-1) ?? "";
			const inside = steps.length === above.length + 1 && above.every((step, i) => matches(steps[i] ?? "", step));
			if (!inside || label.startsWith("<") || ONLY_YAML.has(steps[0] ?? "")) return [];
			return item(question, label, {
				kind: kinds.property,
				detail: field.type.expects,
				documentation: { kind: "markdown", value: field.description },
			});
		});
	}

	async #files(question: Question, written: string): Promise<CompletionItem[]> {
		const folder = written.slice(0, written.lastIndexOf("/") + 1);
		const expanded = folder.startsWith("~/") ? join(homedir(), folder.slice(2)) : folder;
		const entries = await readdir(resolve(folderOf(question.place.document), expanded), { withFileTypes: true }).catch(
			(error: unknown) => {
				// It is not there, or not to be read: nothing to offer.
				if ((error as NodeJS.ErrnoException).code !== undefined) return [];
				throw error;
			},
		);
		return entries
			.filter(({ name }) => /^[\w.+-]+$/.test(name) && (question.prefix.startsWith(".") || !name.startsWith(".")))
			.slice(0, MOST_FILES)
			.map((entry) => item(question, entry.name, { kind: entry.isDirectory() ? kinds.folder : kinds.file }));
	}
}

/** Keys of env.yaml that an env.nix may not set. */
const ONLY_YAML: ReadonlySet<string> = new Set(["require_version", "inputs", "imports", "overlays", "overrides"]);

function matches(declared: string, written: string): boolean {
	return declared.startsWith("<") || declared === written;
}

/** The names of the attributes that a set is inside of. */
function pathOfSet(analysis: NixDocument, holder: Node): readonly string[] {
	return analysis.attributePath(holder).map(textFromBytes);
}

function knownItems(question: Question, known: KnownSet | undefined): CompletionItem[] {
	return [...(known?.attributes.values() ?? [])].map((attribute) => {
		const value = question.analysis.attributes.valueOf(attribute);
		const kind = value === undefined ? undefined : valueKind(value);
		return item(question, textFromBytes(attributeWord(attribute.name)), {
			kind: kind === "function" ? kinds.function : kinds.property,
			...(kind === undefined ? {} : { detail: kind }),
		});
	});
}

function item({ range }: Question, label: string, rest: Omit<CompletionItem, "label">): CompletionItem {
	return { label, textEdit: { range, newText: label }, ...rest };
}
