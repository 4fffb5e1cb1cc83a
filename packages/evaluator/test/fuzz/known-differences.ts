/**
 * What our evaluator does otherwise than real Nix 2.8 on purpose, since it follows the newest Nix: narrow rules, each with
 * its reason. All else is a difference.
 */

import type { Mode, Outcome } from "./outcome.ts";

interface Pair {
	readonly source: string;
	readonly mode: Mode;
	readonly ours: Outcome;
	readonly theirs: Outcome;
}

export type Verdict =
	| { readonly kind: "equal" }
	/** Differs where the versions of Nix do. */
	| {
			readonly kind: "known";
			readonly reason: string;
			/** Whether it may hide another one, so that it must hold for the smallest source too. */
			readonly loose: boolean;
	  }
	| { readonly kind: "different" };

export function compareOutcomes(pair: Pair): Verdict {
	const { ours, theirs } = pair;
	if (ours.kind === "value" && theirs.kind === "value" && ours.text === theirs.text) return { kind: "equal" };
	if (ours.kind === "failure" && theirs.kind === "failure") {
		const wanted = canonical(theirs.message);
		if ([ours.message, ...(ours.others ?? [])].some((message) => canonical(message) === wanted))
			return { kind: "equal" };
	}
	if (ours.kind === "crash") return { kind: "different" };
	const rule = rules.find(({ applies }) => applies(pair));
	return rule === undefined
		? { kind: "different" }
		: { kind: "known", reason: rule.reason, loose: rule.loose === true };
}

/** The same failure in the words of both versions; what the newer one adds (the value at fault) is left out. */
const wordings: readonly (readonly [RegExp, string])[] = [
	[/^expected (an? [\w-]+|null) but found (.*?)(?:: [^]*)?$/, "$2 instead of $1"],
	[/^value is (.*) while (an? [\w-]+|null) was expected$/, "$1 instead of $2"],
	[/^(cannot coerce (?:an? [\w-]+|null|the [\w-]+ [\w-]+ '[^']*'|the partially [^:]*) to a string).*$/s, "$1"],
	[/^(cannot compare .*? with .*?); values .*$/s, "$1"],
	[/^(attempt to call something which is not a function but .*?)(?:: .*)?$/s, "$1"],
	// The older one has tokens by their grammar's names, and lists fewer of those that were expected.
	[/^syntax error, unexpected .*$/s, "syntax error"],
	[/^(attribute|dynamic attribute) '(.*)' already defined at .*$/s, "already defined"],
	// Where a name holds a dollar sign or is a keyword, its quoting differs.
	[/^attribute '([^]*)' missing(?: for call to '\w+')?$/, "attribute missing"],
	[/^list index -?\d+ is out of bounds$/, "list index"],
	[/^'builtins\.elemAt' called with index -?\d+ on a list of size \d+$/, "list index"],
	[/^'builtins\.head' called on an empty list$/, "list index"],
	[/^'(?:builtins\.)?tail' called on an empty list$/, "tail of an empty list"],
	[/^getting status of '([^]*)': (?:No such file|Not a) .*$/, "no '$1'"],
	[/^path '([^]*)' does not exist$/, "no '$1'"],
	[/^opening (?:file|directory) '([^]*)': No such file or directory$/, "no '$1'"],
	[/^opening (?:file|directory) '([^]*)': Not a directory$/, "no folder '$1'"],
	[/^'([^]*)' is not a directory$/, "no folder '$1'"],
	[/^(reading from file: Is a directory|path '([^]*)' is a directory)$/, "a folder"],
	[/^(?:\[json\.exception|unsigned json number)[^]*$/, "JSON"],
	[/^while parsing (?:a TOML string|TOML): [^]*$/, "TOML"],
	[/^the string '([^]*)' is not allowed to refer to a store path \(such as '[^]*'\)$/, "context in '$1'"],
	[
		/^(?:anonymous function|'.*'|function '.*') (?:at \(string\):\d+:\d+ )?called with(out required|out| unexpected) argument '(.*)'$/s,
		"called with$1 argument '$2'",
	],
	[/^in 'toFile': the file named '[^]*' must not contain a reference to a derivation[^]*$/, "toFile of a derivation"],
	[/^files created by builtins\.toFile may not reference derivations[^]*$/, "toFile of a derivation"],
	[
		/^store path '[^]*' (?:contains illegal character '[^]*'|has an empty name|has a name longer than .*)$/,
		"store path name",
	],
	[
		/^(?:invalid derivation name: )?name (?:'[^]*' contains illegal character|'[^]*' must be no longer|must not be empty)[^]*$/,
		"store path name",
	],
	[/^(?:path|store path) '[^]*' (?:is not in the Nix store|is not valid)$/, "not a store path"],
	// Nothing is built on either side.
	[/^cannot build '[^']*' during evaluation$/, "not a store path"],
	[/^hash ["'](.*)["'] has (?:the )?wrong length for (?:hash type ')?(\w+)'?$/, "length of hash $1 for $2"],
	[/^stack overflow \(possible infinite recursion\)$/, "infinite recursion encountered"],
	[/^stack overflow; max-call-depth exceeded$/, "infinite recursion encountered"],
	[/^[Tt]ried to add all-outputs context of [^]*$/, "all outputs of no derivation"],
	[/^[Tt]ried to add derivation output context of [^]*$/, "output of no derivation"],
];

function canonical(message: string): string {
	// Lines of a message are indented, may end in a tab or not, and have no carriage return.
	const plain = message
		.replaceAll("\r", "")
		.replace(/\s+/g, " ")
		.trim()
		.replaceAll("\\$", "$")
		.replaceAll("string with context", "string");
	for (const [pattern, replacement] of wordings) if (pattern.test(plain)) return plain.replace(pattern, replacement);
	return plain;
}

interface Rule {
	readonly reason: string;
	readonly loose?: boolean;
	readonly applies: (pair: Pair) => boolean;
}

/** What a source must name for a loose rule, both failing. */
function bothFail(pattern: RegExp): (pair: Pair) => boolean {
	return ({ ours, theirs, source }) => ours.kind === "failure" && theirs.kind === "failure" && pattern.test(source);
}

const OUT_OF_RANGE = /^(integer overflow in |Due to a bug \(see |NixFloat argument .* is not in the range of NixInt)/;

const rules: readonly Rule[] = [
	{
		reason: "real Nix 2.8 crashes (of patterns that recur too deeply, and of TOML)",
		applies: ({ theirs }) => theirs.kind === "crash",
	},
	{
		reason: "integers out of range are an error instead of wrapped numbers",
		applies: ({ ours }) =>
			ours.kind === "failure" && [ours.message, ...(ours.others ?? [])].some((message) => OUT_OF_RANGE.test(message)),
	},
	{
		reason: "JSON must be Unicode",
		applies: ({ ours }) => ours.kind === "failure" && ours.message.includes("invalid UTF-8 byte"),
	},
	{
		reason: "names that are keywords are quoted, and only a dollar sign before a brace is escaped in them",
		applies: ({ ours, theirs }) =>
			ours.kind === "value" && theirs.kind === "value" && plainNames(ours.text) === plainNames(theirs.text),
	},
	{
		reason: "floats in JSON are exact and have a point, or are null, instead of six digits or inf",
		applies: ({ ours, theirs, source, mode }) =>
			ours.kind === "value" &&
			theirs.kind === "value" &&
			(mode === "json" || source.includes("toJSON") || source.includes("__structuredAttrs")) &&
			sameButFloats(ours.text, theirs.text),
	},
	{
		reason: "floats in JSON, in what is made of it (hashes, lengths, store paths)",
		loose: true,
		applies: ({ ours, theirs, source }) =>
			ours.kind === "value" &&
			theirs.kind === "value" &&
			/toJSON|__structuredAttrs/.test(source) &&
			/[0-9]\.|\.[0-9]|[0-9][eE][0-9+-]|fromJSON|fromTOML/.test(source),
	},
	{
		reason: "the function of map, genList, sort and filter is checked at once, but not where there are no elements",
		loose: true,
		applies: ({ ours, theirs, source }) =>
			/\b(map|filter|genList|sort)\b/.test(source) && (ours.kind === "failure" || theirs.kind === "failure"),
	},
	{
		reason: "the name of a derivation is checked first",
		applies: ({ ours, theirs }) =>
			ours.kind === "failure" && theirs.kind === "failure" && ours.message.startsWith("invalid derivation name: "),
	},
	{
		reason: "an assertion is shown with inherit as it is written and bindings in the order of their names",
		applies: ({ ours, theirs }) =>
			ours.kind === "failure" &&
			theirs.kind === "failure" &&
			[ours, theirs].every(({ message }) => message.startsWith("assertion '")) &&
			(ours.message.includes("inherit (") || sortedLetters(ours.message) === sortedLetters(theirs.message)),
	},
	{
		reason: "the right operand of // is evaluated first",
		loose: true,
		applies: bothFail(/\/\//),
	},
	{
		reason: "which attribute is evaluated first is in no order",
		loose: true,
		applies: bothFail(/\bdeepSeq\b|[=!]=/),
	},
	{
		reason: "a path as the message of addErrorContext is not copied",
		loose: true,
		applies: bothFail(/addErrorContext/),
	},
	{
		reason: "replacements of replaceStrings are evaluated only where they are used",
		loose: true,
		applies: ({ theirs, source }) => theirs.kind === "failure" && source.includes("replaceStrings"),
	},
];

function plainNames(text: string): string {
	return text
		.replace(/"(assert|else|if|in|inherit|let|or|rec|then|with)" =/g, "$1 =")
		.replaceAll("\\$", "$")
		.replaceAll("string with context", "string");
}

const FLOAT = /(-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)/;

function sameButFloats(ours: string, theirs: string): boolean {
	const [mine, other] = [ours.split(FLOAT), theirs.replace(/-?\b(inf|nan)\b/g, "null").split(FLOAT)];
	return (
		mine.length === other.length &&
		mine.every((piece, index) => {
			if (piece === other[index]) return true;
			return /[.e]/.test(piece) && index % 2 === 1 && Number(Number(piece).toPrecision(6)) === Number(other[index]);
		})
	);
}

function sortedLetters(text: string): string {
	return Array.from(canonical(text)).sort().join("");
}
