/** Why a package is in a root: the shortest ways to it through the closure. Layer 3; lives in an evaluator thread. */

import { Attrs, type Evaluator, isList, isString, type Lazy, stringText } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import type { PackageChain, PackageReasons, PackageStep } from "../engine-interface.ts";

/** Chains that are given. */
const MOST_CHAINS = 5;

/** One node of the closure, as `resolve.nix` gives it. */
interface Node {
	readonly version: string;
	/** Who may be meant → by what it is named. */
	readonly edges: ReadonlyMap<string, Pick<PackageStep, "relation" | "kind">>;
}

/** A request of the project by the name of its package. */
export interface NamedRequest {
	readonly name: string;
	readonly text: string;
	readonly place: string | null;
}

/** The reasons for the package of that name; undefined where the root does not have it. `root`: a value of `mkRoot`. */
export function packageReasons(
	evaluator: Evaluator,
	root: Attrs,
	{ name, requests }: { readonly name: string; readonly requests: readonly NamedRequest[] },
): PackageReasons | undefined {
	const closure = new Closure(evaluator, root);
	if (!closure.has(name)) return undefined;
	const starts: readonly (readonly [PackageChain["start"], string])[] = [
		...requests.map(({ name: own, text, place }) => [{ kind: "requested", text, place }, own] as const),
		...(["essential", "shell", "locales"] as const).flatMap((kind) =>
			closure.starts(kind).map((own) => [{ kind, text: own, place: null }, own] as const),
		),
	];
	const chains = starts
		.flatMap(([start, own]): PackageChain[] => {
			const steps = closure.way(own, name);
			return steps === undefined ? [] : [{ start, version: closure.version(own), steps }];
		})
		.sort((a, b) => rank(a) - rank(b));
	const best = chains.filter((each) => rank(each) === rank(chains[0] ?? each) || each.start.kind === "requested");
	const shown = best.slice(0, MOST_CHAINS);
	return { name, version: closure.version(name), chains: shown, more: chains.length - shown.length };
}

/** What the user wrote comes first, the shortest first. */
function rank({ start, steps }: PackageChain): number {
	return (start.kind === "requested" ? 0 : 1_000_000) + steps.length;
}

class Closure {
	readonly #evaluator: Evaluator;
	readonly #resolution: Attrs;
	readonly #all: Attrs;
	readonly #nodes = new Map<string, Node>();

	constructor(evaluator: Evaluator, root: Attrs) {
		this.#evaluator = evaluator;
		this.#resolution = this.#set(root, "resolution");
		this.#all = this.#set(this.#resolution, "nodes");
	}

	has(name: string): boolean {
		return this.#all.has(bytesFromText(name));
	}

	starts(kind: "essential" | "shell" | "locales"): string[] {
		return this.#list(this.#resolution, kind).map((each) => this.#keyOf(each));
	}

	version(name: string): string {
		return this.has(name) ? this.#node(name).version : "";
	}

	/** The shortest way from one package to another, breadth first; empty from a package to itself. */
	way(from: string, to: string): PackageStep[] | undefined {
		if (!this.has(from)) return undefined;
		const before = new Map<string, string | undefined>([[from, undefined]]);
		for (const current of before.keys()) {
			if (current === to) break;
			for (const next of this.#node(current).edges.keys()) if (!before.has(next)) before.set(next, current);
		}
		if (!before.has(to)) return undefined;
		const steps: PackageStep[] = [];
		for (let at = to, last = before.get(at); last !== undefined; at = last, last = before.get(at)) {
			const edge = this.#node(last).edges.get(at);
			if (edge !== undefined) steps.unshift({ name: at, version: this.version(at), ...edge });
		}
		return steps;
	}

	#node(name: string): Node {
		const known = this.#nodes.get(name);
		if (known !== undefined) return known;
		const node = this.#set(this.#all, name);
		const value = this.#set(node, "package");
		const [before, depends] = [this.#list(value, "preDepends"), this.#list(value, "depends")];
		const texts = [...before, ...depends];
		const edges = new Map<string, Pick<PackageStep, "relation" | "kind">>();
		for (const [index, group] of this.#list(node, "groups").entries()) {
			const text = texts[index];
			const kind = text === undefined ? "recommends" : index < before.length ? "pre-depends" : "depends";
			const relation = text === undefined ? null : this.#keyOf(text);
			const candidates = this.#evaluator.force(group);
			for (const each of isList(candidates) ? candidates : [candidates]) {
				const key = this.#keyOf(each);
				if (this.has(key) && !edges.has(key)) edges.set(key, { relation, kind });
			}
		}
		const made: Node = { version: this.#text(value.get("version") ?? ""), edges };
		this.#nodes.set(name, made);
		return made;
	}

	/** A name, or that of a package value. */
	#keyOf(lazy: Lazy): string {
		const value = this.#evaluator.force(lazy);
		return value instanceof Attrs ? this.#text(value.get("pname") ?? "") : this.#text(value);
	}

	#text(lazy: Lazy): string {
		const value = this.#evaluator.force(lazy);
		if (!isString(value)) throw new Error("the package set gives another type than a string");
		return textFromBytes(stringText(value));
	}

	#set(attrs: Attrs, name: string): Attrs {
		const value = this.#evaluator.force(attrs.get(bytesFromText(name)) ?? null);
		if (!(value instanceof Attrs)) throw new Error(`the package set gives no set '${name}'`);
		return value;
	}

	#list(attrs: Attrs, name: string): readonly Lazy[] {
		const value = this.#evaluator.force(attrs.get(name) ?? null);
		if (!isList(value)) throw new Error(`the package set gives no list '${name}'`);
		return value;
	}
}
