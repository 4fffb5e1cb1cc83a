/** Tokens and what stands around them. Layer 1, pure. */

import { blank, type Doc, hard, nothing, sequence, space, text } from "./doc.ts";
import type { Tok, Trivia } from "./trivia.ts";

/** Tokens that have no space before them; a comment there needs one, as `a/` would begin a path. */
const JOINED: ReadonlySet<string> = new Set([",", ";", ".", ":", "@", ")", "}"]);

/** A token with the comments that belong to it. */
export function tokenDoc(tok: Tok): Doc {
	if (tok.before.length === 0) return withoutBefore(tok);
	const gap = JOINED.has(tok.text) && tok.before[0]?.kind === "comment" && tok.before[0].inline ? space : nothing;
	return sequence(gap, ...tok.before.map(triviaDoc), withoutBefore(tok));
}

function triviaDoc(trivia: Trivia): Doc {
	if (trivia.kind === "blank") return blank;
	if (trivia.inline) return text(`${trivia.text} `);
	return { kind: "comment", text: trivia.text, trailing: false };
}

/** A token with the comment after it only. */
function withoutBefore({ text: written, after }: Tok): Doc {
	return after === undefined
		? text(written)
		: sequence(text(written), { kind: "comment", text: after.text, trailing: true });
}

/** A closing token in two parts: the comments before it, which are indented as what it closes, and itself. */
export function closing(tok: Tok): { commented: boolean; comments: Doc; token: Doc } {
	const commented = tok.before.some(({ kind }) => kind === "comment");
	if (!commented) return { commented, comments: nothing, token: tokenDoc(tok) };
	return {
		commented,
		comments: sequence(
			hard,
			...tok.before.map((each) => triviaDoc(each.kind === "blank" ? each : { ...each, inline: false })),
		),
		token: withoutBefore(tok),
	};
}
