/** What is shown of a name in a text of the Nix language: Markdown. Layer 5. */

import {
	evaluationText,
	type Named,
	type NixDocument,
	type Node,
	spanOf,
	valueKind,
	type Variable,
} from "@devenv/evaluator/analysis";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import type { Place } from "./language-service.ts";
import type { FoundAttribute } from "./messages.ts";
import { fileOfPath } from "./nix-files.ts";
import type { NixWorld } from "./nix-world.ts";
import { folderOf } from "./open-document.ts";

export interface HoverQuestion {
	readonly analysis: NixDocument;
	readonly named: Named;
	readonly place: Place;
	readonly world: NixWorld;
}

/** Undefined where there is nothing to say. */
export async function hoverText(question: HoverQuestion): Promise<string | undefined> {
	const { analysis, named, place, world } = question;
	switch (named.kind) {
		case "variable":
			return variableText(analysis, named.variable, place);
		case "builtin":
			return builtinText(named.name, world);
		case "attribute":
			return attributeText(question, named);
		case "with":
			return withText(question, named);
		case "attributeDefinition": {
			const kind = named.value === undefined ? undefined : valueKind(named.value);
			return kind === undefined ? undefined : `${code(textFromBytes(named.name))}: ${kind}`;
		}
		case "path": {
			const file = fileOfPath(place.document, textFromBytes(named.text));
			return file === undefined ? undefined : `\`${file}\``;
		}
		case "undefined":
			return undefined;
	}
}

function variableText(analysis: NixDocument, variable: Variable, place: Place): string {
	const { document } = place;
	const { kind, name, sites } = variable;
	const line = (sites[0] === undefined ? 0 : document.rangeOfBytes(sites[0].token).start.line) + 1;
	const [site, second] = sites;
	const about = { let: "bound by `let`", rec: "attribute of a `rec` set", formal: "formal", argument: "argument" }[
		kind
	];
	const parts: string[] = [];
	if (site?.kind === "assign" && second === undefined && site.binding.path.attrs.length === 1) {
		parts.push(snippet(`${textFromBytes(name)} = ${excerpt(analysis, site.binding.value)}`));
		const valued = valueKind(site.binding.value);
		parts.push(`${valued === undefined ? "" : `${valued}, `}${about} on line ${line}`);
		const comment = commentBefore(analysis.text, site.token.start);
		if (comment !== undefined) parts.push(textFromBytes(comment));
	} else if (site?.kind === "parameter") {
		const fallback = site.fallback === undefined ? "" : ` ? ${excerpt(analysis, site.fallback)}`;
		parts.push(snippet(`${textFromBytes(name)}${fallback}`), `${about} of the function on line ${line}`);
	} else if (site?.kind === "inherit") {
		const { source } = site.binding;
		const outer = source === undefined ? analysis.scopes.usedAt.get(site.token.start)?.target : undefined;
		// What it is called outside says more.
		if (outer?.kind === "variable" && outer.variable !== variable) return variableText(analysis, outer.variable, place);
		const from = source === undefined ? "" : ` (${excerpt(analysis, source.inner)})`;
		parts.push(snippet(`inherit${from} ${textFromBytes(name)}`), `${about} on line ${line}`);
	} else parts.push(`${code(textFromBytes(name))}: set, ${about} on line ${line}`);
	return parts.join("\n\n");
}

const LONGEST_EXCERPT = 400;
const MOST_LINES = 8;

/** The beginning of an expression's text. */
function excerpt({ text }: NixDocument, node: Node): string {
	const { start, end } = spanOf(node);
	const whole = textFromBytes(text.slice(start, end));
	const lines = whole.split("\n");
	const cut = lines.length > MOST_LINES || whole.length > LONGEST_EXCERPT;
	return cut ? `${lines.slice(0, MOST_LINES).join("\n").slice(0, LONGEST_EXCERPT)} …` : whole;
}

/** The comment that is written for an attribute or variable (RFC 145), or the lines of comments right before it. */
function commentBefore(text: string, offset: number): string | undefined {
	const before = text.slice(Math.max(0, offset - 4000), offset);
	const [, doc] = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(before) ?? [];
	if (doc !== undefined) return doc.replace(/^[ \t]*\*? ?/gm, "").trim();
	const [, lines] = /(?:^|\n)((?:[ \t]*#[^\n]*\n)+)[ \t]*$/.exec(before) ?? [];
	return lines?.replace(/^[ \t]*#+ ?/gm, "").trim();
}

export function builtinText(name: string, { builtins }: NixWorld): string | undefined {
	const builtin = builtins.find((each) => each.name === name);
	if (builtin === undefined) return undefined;
	const signature = [name === "builtins" ? name : `builtins.${name}`, ...builtin.parameters].join(" ");
	return builtin.documentation === undefined ? snippet(signature) : `${snippet(signature)}\n\n${builtin.documentation}`;
}

async function attributeText(
	{ analysis, place, world }: HoverQuestion,
	{ subject, path, name, known }: Extract<Named, { kind: "attribute" }>,
): Promise<string | undefined> {
	if (name === undefined) return undefined;
	const node = known === undefined ? undefined : analysis.attributes.valueOf(known);
	if (node !== undefined) {
		const kind = valueKind(node);
		const line = place.document.rangeOfBytes(spanOf(node)).start.line + 1;
		const comment = commentBefore(analysis.text, known?.tokens[0]?.start ?? 0);
		return [
			snippet(`${textFromBytes(name)} = ${excerpt(analysis, node)}`),
			`${kind === undefined ? "" : `${kind}, `}attribute on line ${line}`,
			...(comment === undefined ? [] : [textFromBytes(comment)]),
		].join("\n\n");
	}
	const text = evaluationText(analysis, { subject, path: path.slice(0, -1) }, world);
	const baseDir = bytesFromText(folderOf(place.document));
	const found = await world.evaluation.attribute({ text, baseDir, name }, place.signal);
	if (found !== undefined) return foundText(textFromBytes(name), found);
	return path.length === 1 && isPackageSet(subject) ? packageText(place, textFromBytes(name), world) : undefined;
}

async function withText(
	{ analysis, place, world }: HoverQuestion,
	{ occurrence: { name, target } }: Extract<Named, { kind: "with" }>,
): Promise<string | undefined> {
	const baseDir = bytesFromText(folderOf(place.document));
	for (const { node } of target.kind === "with" ? target.scopes : []) {
		if (node?.kind !== "with") continue;
		const text = evaluationText(analysis, { subject: node.scope, path: [] }, world);
		const found = await world.evaluation.attribute({ text, baseDir, name }, place.signal);
		if (found !== undefined) return foundText(textFromBytes(name), found);
		if (isPackageSet(node.scope)) return packageText(place, textFromBytes(name), world);
	}
	return undefined;
}

export function foundText(name: string, { type, value, documentation, place }: FoundAttribute): string {
	return [
		...(value === undefined ? [] : [snippet(`${name} = ${value}`)]),
		[code(name), type === undefined ? "" : `: ${type}`].join(""),
		...(documentation === undefined ? [] : [documentation]),
		...(place === undefined ? [] : [`${place.file}:${place.line}`]),
	].join("\n\n");
}

/** What devenv gives env.nix and overlays under these names. */
export function isPackageSet(node: Node): boolean {
	return node.kind === "leaf" && ["pkgs", "final", "prev", "self", "super"].includes(node.token.text);
}

async function packageText(place: Place, name: string, { packages }: NixWorld): Promise<string | undefined> {
	const hit = (await packages.search(folderOf(place.document), name, 50)).find(({ attr }) => attr === name);
	return hit === undefined ? undefined : `**${hit.attr}** ${hit.version}\n\n${hit.description}`;
}

function snippet(text: string): string {
	return `\`\`\`nix\n${text}\n\`\`\``;
}

function code(text: string): string {
	return `\`${text}\``;
}
