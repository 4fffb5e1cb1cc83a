/**
 * Translation of a POSIX expression into a JavaScript one, where both provably find the same. Layer 1, pure.
 *
 * The reference (libstdc++) explores like a backtracking matcher: repetitions take as much as they can and stop at the
 * first solution. It differs from JavaScript in three ways, each of which makes the translation refuse:
 * - alternatives are all explored and the longest match wins (only matters for a search, and only when two alternatives
 *   can begin at the same place);
 * - a group inside a repetition keeps its last text, where JavaScript forgets it at each new round;
 * - a repetition may take an empty round.
 */

import type { ByteSet, RegexNode } from "./regex-syntax.ts";

/** Which question the JavaScript expression answers: does all of the text match, or where is a match. */
export type RegexUse = "whole" | "search";

/** The JavaScript source that is equivalent for this use, or undefined. */
export function translateRegex(root: RegexNode, use: RegexUse): string | undefined {
	if (!equivalent(root, use)) return undefined;
	const source = write(root);
	return use === "whole" ? `^(?:${source})$` : source;
}

function equivalent(node: RegexNode, use: RegexUse): boolean {
	switch (node.kind) {
		case "empty":
		case "set":
		case "begin":
		case "end":
			return true;
		case "group":
			return equivalent(node.body, use);
		case "sequence":
			return node.parts.every((part) => equivalent(part, use));
		case "choice":
			if (use === "search" && !disjoint(node)) return false;
			return equivalent(node.left, use) && equivalent(node.right, use);
		case "repeat":
			if (nullable(node.body) && (use === "search" || hasGroup(node.body))) return false;
			if (node.max > 1 && !groupsAlwaysSet(node.body)) return false;
			return equivalent(node.body, use);
	}
}

function disjoint(node: RegexNode): boolean {
	const taken = new Uint8Array(256);
	const walk = (each: RegexNode): boolean => {
		if (each.kind === "choice") return walk(each.left) && walk(each.right);
		if (nullable(each)) return false;
		const first = firstBytes(each);
		for (let byte = 0; byte < 256; byte++) {
			if (first[byte] !== 1) continue;
			if (taken[byte] === 1) return false;
			taken[byte] = 1;
		}
		return true;
	};
	return walk(node);
}

function nullable(node: RegexNode): boolean {
	switch (node.kind) {
		case "set":
			return false;
		case "empty":
		case "begin":
		case "end":
			return true;
		case "group":
			return nullable(node.body);
		case "sequence":
			return node.parts.every(nullable);
		case "choice":
			return nullable(node.left) || nullable(node.right);
		case "repeat":
			return node.min === 0 || nullable(node.body);
	}
}

function firstBytes(node: RegexNode): ByteSet {
	const found = new Uint8Array(256);
	const add = (each: RegexNode): void => {
		switch (each.kind) {
			case "set":
				for (let byte = 0; byte < 256; byte++) if (each.set[byte] === 1) found[byte] = 1;
				return;
			case "empty":
			case "begin":
			case "end":
				return;
			case "group":
			case "repeat":
				add(each.body);
				return;
			case "choice":
				add(each.left);
				add(each.right);
				return;
			case "sequence":
				for (const part of each.parts) {
					add(part);
					if (!nullable(part)) return;
				}
		}
	};
	add(node);
	return found;
}

function hasGroup(node: RegexNode): boolean {
	switch (node.kind) {
		case "set":
		case "empty":
		case "begin":
		case "end":
			return false;
		case "group":
			return true;
		case "sequence":
			return node.parts.some(hasGroup);
		case "choice":
			return hasGroup(node.left) || hasGroup(node.right);
		case "repeat":
			return hasGroup(node.body);
	}
}

/** Whether every way through the node sets every group in it. */
function groupsAlwaysSet(node: RegexNode): boolean {
	switch (node.kind) {
		case "set":
		case "empty":
		case "begin":
		case "end":
			return true;
		case "group":
			return groupsAlwaysSet(node.body);
		case "sequence":
			return node.parts.every(groupsAlwaysSet);
		case "choice":
			return !hasGroup(node);
		case "repeat":
			return !hasGroup(node.body) || (node.min > 0 && groupsAlwaysSet(node.body));
	}
}

function write(node: RegexNode): string {
	switch (node.kind) {
		case "empty":
			return "(?:)";
		case "begin":
			return "^";
		case "end":
			return "$";
		case "set":
			return writeSet(node.set);
		case "group":
			return `(${write(node.body)})`;
		case "sequence":
			return node.parts.map((part) => (part.kind === "choice" ? `(?:${write(part)})` : write(part))).join("");
		case "choice":
			return `${write(node.left)}|${write(node.right)}`;
		case "repeat":
			return `${node.body.kind === "set" || node.body.kind === "group" ? write(node.body) : `(?:${write(node.body)})`}${bounds(node.min, node.max)}`;
	}
}

function bounds(min: number, max: number): string {
	if (max === Number.POSITIVE_INFINITY) return min === 0 ? "*" : min === 1 ? "+" : `{${min},}`;
	return min === 0 && max === 1 ? "?" : `{${min},${max}}`;
}

function writeSet(set: ByteSet): string {
	const ranges: string[] = [];
	for (let from = 0; from < 256; from++) {
		if (set[from] !== 1) continue;
		let to = from;
		while (to < 255 && set[to + 1] === 1) to++;
		ranges.push(from === to ? escapeByte(from) : `${escapeByte(from)}-${escapeByte(to)}`);
		from = to;
	}
	const [only] = ranges;
	if (ranges.length === 1 && only !== undefined && only.length === 4) return only;
	return `[${ranges.join("")}]`;
}

function escapeByte(byte: number): string {
	return `\\x${byte.toString(16).padStart(2, "0")}`;
}
