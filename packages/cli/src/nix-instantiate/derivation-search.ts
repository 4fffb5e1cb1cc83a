/** The derivations in a value, as `nix-instantiate`, `nix-build` and `nix-env` look for them. Layer 5. */

import { Attrs, isList, NO_POSITION, type AutoArgs, type Evaluator, type Lazy, type Value } from "@devenv/evaluator";
import { ContextString, EvalError } from "@devenv/evaluator";

/** A derivation found, and which of its outputs is meant. */
export interface FoundDerivation {
	readonly drvPath: string;
	readonly outputName: string;
}

/** Names that are no attribute paths are not looked into. */
const attributeName = /^[A-Za-z_][A-Za-z0-9_+-]*$/;

/** Sets are looked into at the top, and below where `recurseForDerivations` says so; lists always. */
export function findDerivations(evaluator: Evaluator, value: Lazy, autoArgs: AutoArgs): FoundDerivation[] {
	const search = new DerivationSearch(evaluator, autoArgs);
	search.lookInto(value);
	return search.found;
}

class DerivationSearch {
	readonly found: FoundDerivation[] = [];
	readonly #evaluator: Evaluator;
	readonly #autoArgs: AutoArgs;
	readonly #seen = new Set<Attrs>();

	constructor(evaluator: Evaluator, autoArgs: AutoArgs) {
		this.#evaluator = evaluator;
		this.#autoArgs = autoArgs;
	}

	lookInto(lazy: Lazy): void {
		const value = this.#evaluator.autoCall(lazy, this.#autoArgs);
		if (!this.#takes(value)) return;
		if (value instanceof Attrs) {
			const combineChannels = value.has("_combineChannels");
			for (const [index, name] of value.names.entries()) {
				if (!attributeName.test(name)) continue;
				try {
					this.#attribute(value.values[index] as Lazy, combineChannels);
				} catch (error) {
					if (!(error instanceof EvalError)) throw error;
					throw error.withFrame(value.positionOf(name), `while evaluating the attribute '${name}'`);
				}
			}
		} else if (isList(value)) {
			for (const item of value) if (this.#takes(this.#evaluator.force(item))) this.lookInto(item);
		} else {
			throw new EvalError("type", "expression does not evaluate to a derivation (or a set or list of those)");
		}
	}

	#attribute(lazy: Lazy, combineChannels: boolean): void {
		if (combineChannels) {
			this.lookInto(lazy);
			return;
		}
		const value = this.#evaluator.force(lazy);
		if (!this.#takes(value) || !(value instanceof Attrs)) return;
		const recurse = value.get("recurseForDerivations");
		if (recurse === undefined) return;
		const what = "while evaluating the attribute `recurseForDerivations`";
		const { runtime } = this.#evaluator;
		if (runtime.expectBool(recurse, value.positionOf("recurseForDerivations"), what)) this.lookInto(value);
	}

	/** Takes a derivation; true where the value is none, so that it can be looked into. */
	#takes(value: Value): boolean {
		const { runtime } = this.#evaluator;
		if (!runtime.isDerivation(value)) return true;
		if (this.#seen.has(value)) return false;
		this.#seen.add(value);
		const text = (name: string, what: string): string | undefined => {
			const given = value.get(name);
			if (given === undefined) return undefined;
			const string = this.#evaluator.force(given);
			if (string instanceof ContextString) return string.text;
			return runtime.expectText(string, NO_POSITION, what);
		};
		if (text("name", "while evaluating the 'name' attribute of a derivation") === undefined) {
			throw new EvalError("type", "derivation name missing");
		}
		const drvPath = text("drvPath", "while evaluating the 'drvPath' attribute of a derivation");
		if (drvPath === undefined) throw new EvalError("eval", "derivation does not contain a 'drvPath' attribute");
		const outputName = text("outputName", "while evaluating the output name of a derivation") ?? "";
		if (outputName === "") throw new EvalError("eval", `derivation '${drvPath}' lacks an 'outputName' attribute`);
		this.found.push({ drvPath, outputName });
		return false;
	}
}
