/** Values as the REPL shows them: evaluated as deep as they are shown, on several lines where they are long. Layer 5. */

import {
	Attrs,
	ContextString,
	EvalError,
	type Evaluator,
	isList,
	type Lazy,
	Lambda,
	PartialApplication,
	PrimOp,
	printIdentifier,
	printString,
	type Value,
} from "@devenv/evaluator";
import { bytesFromText } from "@devenv/nix-formats";

const WIDTH = 80;
const [left, right] = [bytesFromText("«"), bytesFromText("»")];

/** The text of a value as a byte string. `depth`: levels of sets and lists that are evaluated; infinite for all. */
export function showValue(evaluator: Evaluator, value: Lazy, depth: number): string {
	return new Shower(evaluator).show(value, depth, "");
}

class Shower {
	readonly #evaluator: Evaluator;
	readonly #above = new Set<Value>();

	constructor(evaluator: Evaluator) {
		this.#evaluator = evaluator;
	}

	show(lazy: Lazy, depth: number, indent: string): string {
		const value = this.#evaluator.force(lazy);
		if (value instanceof Attrs) return this.#attrs(value, depth, indent);
		if (isList(value)) {
			if (value.length === 0) return "[ ]";
			return this.#within(value, depth, "[ ... ]", () =>
				block(
					"[",
					"]",
					value.map((each) => this.#part(each, depth - 1, `${indent}  `)),
					indent,
				),
			);
		}
		if (value instanceof Lambda) return `${left}lambda${this.#place(value)}${right}`;
		if (value instanceof PrimOp) return `${left}primop ${value.name}${right}`;
		if (value instanceof PartialApplication) return `${left}partially applied primop ${value.primOp.name}${right}`;
		return this.#evaluator.print(value);
	}

	#attrs(value: Attrs, depth: number, indent: string): string {
		const { runtime } = this.#evaluator;
		if ((this.#above.size > 0 || depth === 1) && runtime.isDerivation(value)) {
			const path = value.get("drvPath");
			const text = path === undefined ? "" : runtime.expectText(path, 0, "while showing a derivation");
			return `${left}derivation ${text}${right}`;
		}
		if (value.size === 0) return "{ }";
		return this.#within(value, depth, "{ ... }", () => {
			const parts = value.names.map((name, index) => {
				return `${printIdentifier(name)} = ${this.#part(value.values[index] as Lazy, depth - 1, `${indent}  `)};`;
			});
			return block("{", "}", parts, indent);
		});
	}

	/** What fails within a value is shown at its place. */
	#part(lazy: Lazy, depth: number, indent: string): string {
		try {
			return this.show(lazy, depth, indent);
		} catch (error) {
			if (!(error instanceof EvalError)) throw error;
			return `${left}error: ${error.message.split("\n")[0] ?? ""}${right}`;
		}
	}

	#within(value: Value, depth: number, brief: string, show: () => string): string {
		if (depth <= 0) return brief;
		if (this.#above.has(value)) return `${left}repeated${right}`;
		this.#above.add(value);
		try {
			return show();
		} finally {
			this.#above.delete(value);
		}
	}

	#place({ code }: Lambda): string {
		const at = this.#evaluator.locate(code.position);
		return at === undefined ? "" : bytesFromText(` @ ${at.file}:${at.line}:${at.column}`);
	}
}

/** On one line where it fits. */
function block(open: string, close: string, parts: readonly string[], indent: string): string {
	const line = `${open} ${parts.join(" ")} ${close}`;
	if (line.length + indent.length <= WIDTH && !line.includes("\n")) return line;
	return `${open}\n${parts.map((part) => `${indent}  ${part}\n`).join("")}${indent}${close}`;
}

/** A string as it is; anything else as it is shown. */
export function showRaw(evaluator: Evaluator, value: Lazy): string {
	const forced = evaluator.force(value);
	if (typeof forced === "string") return forced;
	if (forced instanceof ContextString) return forced.text;
	return showValue(evaluator, forced, 1);
}

/** A name as it is written behind a dot. */
export function attributeWord(name: string): string {
	return printIdentifier(name).startsWith('"') ? printString(name) : name;
}
