/**
 * An expression of a text made one of its own: what is around it and it may need, then itself. Layer 1, pure.
 *
 * So what stands before a dot can be evaluated while the rest is being typed. Evaluation is lazy: only what the expression
 * needs of the text is evaluated.
 */

import type { AttrNode, Binding, LambdaNode, Node } from "../format/cst.ts";
import type { NixDocument } from "./document.ts";
import { findSyntaxError } from "./issues.ts";
import { nameToken, type Scope, scopeAt, staticName } from "./scopes.ts";
import { contains, type Span, spanOf, spanOfBinding } from "./span.ts";

export interface EvaluationOptions {
	/** What the arguments of functions are taken to be, by name: expressions. */
	readonly assumed: ReadonlyMap<string, string>;
}

/** What has no value here: an argument, or a binding that is not finished. */
const UNKNOWN = 'builtins.throw ""';

/** The text of an expression that gives what `path` selects from `subject`. */
export function evaluationText(
	document: NixDocument,
	{ subject, path }: { readonly subject: Node; readonly path: readonly AttrNode[] },
	{ assumed }: EvaluationOptions,
): string {
	const { start, end } = spanOf(subject);
	const around: Scope[] = [];
	for (let at: Scope | undefined = scopeAt(document.scopes, start); at !== undefined; at = at.parent)
		around.unshift(at);
	const steps = path.map((attr) => {
		const name = spanOf(attr);
		return `.${document.text.slice(name.start, name.end)}`;
	});
	// Names that are not defined are errors only where they are needed.
	const pieces = ["with { };"];
	for (const scope of around) pieces.push(new ScopeText(document, { start, end }, assumed).of(scope));
	pieces.push(`(${document.text.slice(start, end)}\n)${steps.join("")}`);
	return pieces.filter((piece) => piece !== "").join("\n");
}

class ScopeText {
	readonly #document: NixDocument;
	readonly #subject: Span;
	readonly #assumed: ReadonlyMap<string, string>;

	constructor(document: NixDocument, subject: Span, assumed: ReadonlyMap<string, string>) {
		this.#document = document;
		this.#subject = subject;
		this.#assumed = assumed;
	}

	of({ node }: Scope): string {
		switch (node?.kind) {
			case "let":
			case "set":
				return this.#bindings(node.bindings);
			case "lambda":
				return this.#parameters(node);
			case "with":
				return `with (${this.#text(spanOf(node.scope))}\n);`;
			default:
				return "";
		}
	}

	#text({ start, end }: Span): string {
		return this.#document.text.slice(start, end);
	}

	#bindings(bindings: readonly Binding[]): string {
		const defined = new Set<string>();
		const unfinished = new Set<string>();
		const texts: string[] = [];
		for (const binding of bindings) {
			const names = namesOf(binding);
			const span = spanOfBinding(binding);
			const text = this.#text(span);
			const whole = !contains(span, this.#subject.start) && findSyntaxError(`{ ${text} }`) === undefined;
			if (whole && names.length > 0 && !names.some((name) => defined.has(name) && binding.kind === "inherit")) {
				texts.push(text);
				for (const name of names) defined.add(name);
			} else for (const name of names) unfinished.add(name);
		}
		for (const name of unfinished) if (!defined.has(name)) texts.push(`"${name}" = ${UNKNOWN};`);
		const text = `let ${texts.join("\n")} in`;
		if (texts.length === 0) return "";
		// What is defined twice would make all of it useless.
		return findSyntaxError(`${text} 0`) === undefined ? text : "";
	}

	#parameters(lambda: LambdaNode): string {
		const texts: string[] = [];
		for (const each of lambda.parameters) {
			if (!("open" in each)) {
				texts.push(`${each.text} = ${this.#argument(each.text, undefined)};`);
				continue;
			}
			for (const { name, fallback } of each.entries) {
				if (name.text !== "...") texts.push(`${name.text} = ${this.#argument(name.text, fallback?.value)};`);
			}
		}
		const text = `let ${texts.join("\n")} in`;
		return texts.length > 0 && findSyntaxError(`${text} 0`) === undefined ? text : "";
	}

	#argument(name: string, fallback: Node | undefined): string {
		const assumed = this.#assumed.get(name);
		if (assumed !== undefined) return assumed;
		return fallback === undefined ? UNKNOWN : `(${this.#text(spanOf(fallback))}\n)`;
	}
}

/** The variables that a binding of a `let` or `rec` makes, those that can be said in a `let`. */
function namesOf(binding: Binding): readonly string[] {
	const attrs = binding.kind === "assign" ? binding.path.attrs.slice(0, 1) : binding.names;
	return attrs.flatMap((attr) => {
		const name = staticName(attr);
		return name === undefined || nameToken(attr).text === "" || /["\\$]/.test(name) ? [] : [name];
	});
}
