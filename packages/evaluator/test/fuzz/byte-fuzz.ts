/** Random and damaged source texts: whatever they are, they end in a value or an error, soon. */

import fc from "fast-check";
import { bytesFromText } from "@devenv/nix-formats";
import { type Choice, chosen } from "./choice.ts";
import type { Sides } from "./fuzz.ts";
import { Grammar } from "./grammar.ts";
import type { Outcome } from "./outcome.ts";

const TOKENS =
	"{ } [ ] ( ) = ; : . , ? @ + - * / < > ! \" $ ~ '' ${ \\ ... 1 2.5 ./p /p/ ~/p <p> u:u == // ++ -> && || a or rec let in if then else with assert inherit # /* */ ''$ ''' ''\\ \\n __curPos"
		.split(" ")
		.concat(" ", "\n", "\t", "\r\n");

/** Byte strings. */
const texts: fc.Arbitrary<string> = chosen((choice) => {
	const roll = choice.below(10);
	if (roll === 0) return choice.many(0, 60, () => String.fromCharCode(choice.below(256))).join("");
	if (roll < 4) return choice.many(0, 25, () => choice.of(TOKENS)).join(choice.of(["", " "]));
	if (roll === 4) return nested(choice);
	return damaged(choice);
});

/** Deep nesting, closed or not. */
function nested(choice: Choice): string {
	const depth = choice.of([10, 300, 5000, 60_000]);
	const [open, close] = choice.of([
		["(", ")"],
		["[", "]"],
		["{a=", ";}"],
		['"${', '}"'],
		["''${", "}''"],
		["x:", ""],
		["!", ""],
		["-", ""],
		["if true then ", " else 1"],
		["let a = 1; in ", ""],
		["1+", ""],
		["[]++", ""],
		["a.", "b"],
		["f ", ""],
	] as const);
	return open.repeat(depth) + choice.of(["1", "", "a"]) + close.repeat(choice.of([depth, depth, 0, depth - 1]));
}

/** An expression with some bytes left out, doubled, changed or taken from elsewhere. */
function damaged(choice: Choice): string {
	const grammar = new Grammar(choice);
	let text = bytesFromText(String(grammar.expression(grammar.type())));
	for (const _ of choice.many(1, 3, () => 0)) {
		const at = choice.below(text.length + 1);
		const length = choice.of([0, 1, 1, 2, 5, 20]);
		const added = choice.of([
			() => "",
			() => String.fromCharCode(choice.below(256)),
			() => choice.of(TOKENS),
			() => text.slice(choice.below(text.length + 1)).slice(0, 10),
		])();
		text = text.slice(0, at) + added + text.slice(at + length);
	}
	return text;
}

export interface BytesOptions {
	readonly seed: number;
	readonly count: number;
	/** How many are compared with what real Nix can parse. */
	readonly judged: number;
}

export interface BytesResult {
	readonly judged: number;
	readonly faults: readonly { readonly text: string; readonly fault: string }[];
}

export async function runBytes(sides: Sides, options: BytesOptions): Promise<BytesResult> {
	const all = fc.sample(texts, { seed: options.seed, numRuns: options.count });
	const parsed = await sides.ours.parse(all);
	const evaluated = await sides.ours.evaluateBytes(all);
	const faults: { text: string; fault: string }[] = [];
	for (const [index, text] of all.entries()) {
		for (const outcome of [parsed[index], evaluated[index]]) {
			if (outcome?.kind === "crash") faults.push({ text: text.slice(0, 2000), fault: outcome.message });
		}
	}
	const sample = all.filter((text) => text.length < 5000).slice(0, options.judged);
	const accepted = await sides.real.accepts(sample);
	for (const [index, text] of sample.entries()) {
		const ours = parsed[all.indexOf(text)] as Outcome;
		if (ours.kind === "crash" || (ours.kind === "value") === accepted[index] || newer(text, ours)) continue;
		const fault = ours.kind === "value" ? "real Nix does not parse it" : `real Nix parses it: ${ours.message}`;
		faults.push({ text, fault });
	}
	return { judged: sample.length, faults };
}

/** What the newest Nix refuses and 2.8 does not, or the other way round. */
function newer(text: string, ours: Outcome): boolean {
	if (ours.kind === "failure") return text.includes("\0") || ours.message.includes("pipe-operators");
	return false;
}
