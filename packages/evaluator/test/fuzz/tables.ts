/** Lists of direct calls of what reads or writes text in ways of its own: numbers, patterns, versions, JSON, TOML. */

import { jsonText, patternText, versionText, wordText } from "./builtin-calls.ts";
import type { Grammar } from "./grammar.ts";
import { quoted, toml } from "./literals.ts";
import { atom, expr, letters, part, type Source } from "./source.ts";

/** A list of calls of one kind. */
export function table(grammar: Grammar): Source {
	const { choice } = grammar;
	const row = choice.of(rows);
	return atom`[ ${choice.many(1, 6, () => part`(${row(grammar)}) `)}]`;
}

const rows: readonly ((grammar: Grammar) => Source)[] = [
	(grammar) => expr`toString ${anyFloat(grammar)}`,
	anyFloat,
	(grammar) => expr`builtins.fromJSON (builtins.toJSON ${anyFloat(grammar)}) == ${anyFloat(grammar)}`,
	(grammar) => {
		const operator = grammar.choice.of(["+", "-", "*", "/"]);
		return expr`toString (${anyFloat(grammar)} ${operator} ${anyFloat(grammar)})`;
	},
	(grammar) => {
		const operation = grammar.choice.of(["floor", "ceil"]);
		return expr`builtins.${operation} (${anyFloat(grammar)} / 1.0e300 * 1.0e${grammar.choice.of([290, 299, 301])})`;
	},
	(grammar) => expr`builtins.match ${patternText(grammar)} ${subject(grammar)}`,
	(grammar) => expr`builtins.split ${patternText(grammar)} ${subject(grammar)}`,
	(grammar) => {
		const [left, right] = [versionText(grammar), versionText(grammar)];
		return expr`builtins.compareVersions ${left} ${right}`;
	},
	(grammar) => expr`builtins.splitVersion ${versionText(grammar)}`,
	(grammar) => expr`builtins.parseDrvName ${versionText(grammar)}`,
	(grammar) => expr`builtins.fromJSON ${jsonText(grammar)}`,
	(grammar) => expr`builtins.fromTOML "${letters(quoted(toml(grammar.choice)).slice(1, -1))}"`,
	(grammar) => {
		const { choice } = grammar;
		const count = 1 + choice.below(3);
		const words = (): Source => atom`[ ${Array.from({ length: count }, () => part`${plain(grammar, 2)} `)}]`;
		return expr`builtins.replaceStrings ${words()} ${words()} ${plain(grammar, 10)}`;
	},
	(grammar) => grammar.interpolated(),
	(grammar) => {
		const { choice } = grammar;
		return expr`builtins.${choice.of(["lessThan", "bitAnd", "bitOr", "bitXor"])} ${grammar.simple("int")} ${grammar.simple("int")}`;
	},
	(grammar) => {
		const { choice } = grammar;
		const path = choice.many(0, 5, () => choice.of(["/", "//", "a", ".", "..", "b.c", "~"])).join("");
		const subject = choice.chance(70) ? atom`"${letters(path)}"` : atom`(/. + "${letters(path)}")`;
		// Not the path itself: as JSON it would be copied.
		return expr`toString (${choice.of(["baseNameOf", "dirOf", "toString"])} ${subject})`;
	},
	(grammar) =>
		expr`builtins.hashString "${grammar.choice.of(["md5", "sha1", "sha256", "sha512"])}" ${wordText(grammar)}`,
];

function anyFloat({ choice }: Grammar): Source {
	const digits = choice.many(1, 18, () => choice.of("0123456789".split(""))).join("");
	const at = choice.below(digits.length + 1);
	const exponent = choice.of(["", "", "", `e${choice.below(25)}`, `e-${choice.below(25)}`, `E+${choice.below(290)}`]);
	// Before the point one that is not zero, or nothing at all.
	const whole = at === 0 ? "" : `${1 + choice.below(9)}${digits.slice(1, at)}`;
	const text = `${whole}.${digits.slice(at)}${whole === "" && at === digits.length ? "0" : ""}${exponent}`;
	return choice.chance(20) ? atom`(-${text})` : atom`${text}`;
}

function plain({ choice }: Grammar, most: number): Source {
	return atom`"${letters(choice.many(0, most, () => choice.of(["a", "b", "ab", "é", "-"])).join(""))}"`;
}

function subject({ choice }: Grammar): Source {
	return atom`"${letters(choice.many(0, 12, () => choice.of(["a", "b", "1", ".", "x", "-", " ", "foo", "c", "]"])).join(""))}"`;
}
