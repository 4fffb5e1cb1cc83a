/** env.nix: a module of the Nix language with the options of env.yaml, evaluated elsewhere, decoded here. Layer 1 (pure). */

import { type Diagnostic, type Location, Source } from "@devenv/diagnostics";
import { Document, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { type EnvDeclaration, moduleOptions } from "./environment-options.ts";
import { DecodeContext } from "./option-type.ts";

/** A value of the module, evaluated completely; packages are the names that the package set knows them by. */
export type ModuleValue =
	| {
			readonly kind: "scalar";
			readonly value: string | number | bigint | boolean | null;
			readonly location?: Location;
	  }
	| { readonly kind: "list"; readonly items: readonly ModuleValue[]; readonly location?: Location }
	| {
			readonly kind: "table";
			readonly entries: readonly (readonly [key: string, value: ModuleValue])[];
			readonly location?: Location;
	  };

/** An evaluated env.nix. */
export interface EnvModule {
	/** For messages. */
	readonly file: string;
	readonly value: ModuleValue;
}

/** Stands in `packages` for a package value of the module that no attribute of the package set has. */
export function modulePackage(index: number, name: string): string {
	return `__module-${index}-${name}`;
}

/** The name in what {@link modulePackage} made; any other request is as it was. */
export function writtenPackage(request: string): string {
	return request.replace(/^__module-\d+-/, "");
}

/** What a module declares; what is wrong with it is said at its places in env.nix. */
export function decodeModule({ file, value }: EnvModule, diagnostics: Diagnostic[]): EnvDeclaration {
	const places = new Map<Node, Location>();
	const root = nodeOf(value, places);
	const context = new ModuleContext(new Source(file, ""), root, places);
	const declaration = moduleOptions.decode(context.root, context);
	diagnostics.push(...context.diagnostics);
	return declaration ?? {};
}

/** Places are those of the evaluator, not of a YAML text. */
class ModuleContext extends DecodeContext {
	readonly #places: ReadonlyMap<Node, Location>;

	constructor(source: Source, root: Node, places: ReadonlyMap<Node, Location>) {
		super(source, new Document(root) as unknown as Document.Parsed, "ENV");
		this.#places = places;
	}

	override locate(node: Node | null): Location | undefined {
		return node === null ? undefined : this.#places.get(node);
	}

	override locateBefore(): undefined {
		return undefined;
	}
}

function nodeOf(value: ModuleValue, places: Map<Node, Location>): Node {
	const node = plainNode(value, places);
	if (value.location !== undefined) places.set(node, value.location);
	return node;
}

function plainNode(value: ModuleValue, places: Map<Node, Location>): Node {
	switch (value.kind) {
		case "scalar": {
			const scalar = new Scalar(value.value);
			// As YAML would have it written.
			if (typeof value.value === "bigint" || typeof value.value === "number") scalar.source = String(value.value);
			return scalar;
		}
		case "list": {
			const list = new YAMLSeq();
			list.items = value.items.map((each) => nodeOf(each, places));
			return list;
		}
		case "table": {
			const map = new YAMLMap();
			map.items = value.entries.map(([key, each]) => {
				const name = new Scalar(key);
				if (each.location !== undefined) places.set(name, each.location);
				return new Pair(name, nodeOf(each, places));
			});
			return map;
		}
	}
}
