/** Compiled regular expressions of `builtins.match` and `builtins.split`. Layer 1, pure; texts are byte strings. */

import { RegexMatcher, type RegexMatch } from "./regex-matcher.ts";
import { parseRegex, type ParsedRegex } from "./regex-syntax.ts";
import { translateRegex } from "./regex-translation.ts";

export type { RegexMatch } from "./regex-matcher.ts";
export { RegexSyntaxError } from "./regex-syntax.ts";

export class Regex {
	readonly #parsed: ParsedRegex;
	#whole: RegExp | RegexMatcher | undefined;
	#search: RegExp | RegexMatcher | undefined;

	/** Throws RegexSyntaxError. */
	constructor(source: string) {
		this.#parsed = parseRegex(source);
	}

	/** The groups of a match of the whole text, or undefined. */
	matchWhole(text: string): readonly (string | undefined)[] | undefined {
		this.#whole ??= this.#executor("whole");
		if (this.#whole instanceof RegexMatcher) {
			return this.#whole.attempt(text, 0, { whole: true, notEmpty: false })?.groups;
		}
		this.#whole.lastIndex = 0;
		return this.#whole.exec(text)?.slice(1);
	}

	/** All matches, left to right, as `std::regex_iterator` steps: a non-empty one is tried where an empty one was. */
	matchAll(text: string): RegexMatch[] {
		this.#search ??= this.#executor("search");
		return this.#search instanceof RegexMatcher ? allByMatcher(this.#search, text) : allByRegExp(this.#search, text);
	}

	#executor(use: "whole" | "search"): RegExp | RegexMatcher {
		const source = translateRegex(this.#parsed.root, use);
		if (source === undefined) return new RegexMatcher(this.#parsed.root, this.#parsed.groupCount);
		return new RegExp(source, use === "search" ? "g" : "");
	}
}

function allByRegExp(regex: RegExp, text: string): RegexMatch[] {
	const matches: RegexMatch[] = [];
	regex.lastIndex = 0;
	for (let found = regex.exec(text); found !== null; found = regex.exec(text)) {
		const end = found.index + found[0].length;
		matches.push({ start: found.index, end, groups: found.slice(1) });
		if (end === found.index) regex.lastIndex++;
	}
	return matches;
}

function allByMatcher(matcher: RegexMatcher, text: string): RegexMatch[] {
	const matches: RegexMatch[] = [];
	const searchFrom = (from: number): RegexMatch | undefined => {
		for (let at = from; at <= text.length; at++) {
			const found = matcher.attempt(text, at, { whole: false, notEmpty: false });
			if (found !== undefined) return found;
		}
		return undefined;
	};
	let found = searchFrom(0);
	while (found !== undefined) {
		matches.push(found);
		if (found.end > found.start) {
			found = searchFrom(found.end);
			continue;
		}
		if (found.start === text.length) break;
		found = matcher.attempt(text, found.start, { whole: false, notEmpty: true }) ?? searchFrom(found.start + 1);
	}
	return matches;
}

const cacheLimit = 2048;
const cache = new Map<string, Regex>();

/** The compiled expression, from a cache; throws RegexSyntaxError. */
export function compileRegex(source: string): Regex {
	let regex = cache.get(source);
	if (regex === undefined) {
		regex = new Regex(source);
		if (cache.size >= cacheLimit) cache.clear();
		cache.set(source, regex);
	}
	return regex;
}
