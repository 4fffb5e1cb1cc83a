/** Packages of inputs that are folders of Nix files, beside the package set. Layer 3; lives in an evaluator thread. */

import { type Diagnostic, DiagnosticError, diagnose, type Location, nearestNames } from "@devenv/diagnostics";
import { isVersion, versionedNames } from "@devenv/env-file";
import {
	Attrs,
	attrsFromEntries,
	describeType,
	type Evaluator,
	isString,
	NixPath,
	stringText,
} from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { packageSetFolder } from "@devenv/package-set";
import type { RequestedPackage, TreeSetRequest } from "./messages.ts";

export interface TreeSetsOptions {
	readonly evaluator: Evaluator;
	readonly trees: readonly TreeSetRequest[];
	readonly system: string;
	/** The package set that trees may take packages from. */
	readonly packages: () => Attrs;
}

export class TreeSets {
	readonly #options: TreeSetsOptions;
	readonly #sets = new Map<string, Attrs>();

	constructor(options: TreeSetsOptions) {
		this.#options = options;
	}

	/** A package of a tree. Throws `ENV_UNKNOWN_PACKAGE`, `ENV_VERSION_UNAVAILABLE`, `ENV_INPUT_NO_PACKAGES` and EvalErrors. */
	package(tree: string, { attr, version, location }: RequestedPackage): Attrs {
		const set = this.#set(tree, location);
		const cut = attr.lastIndexOf(".") + 1;
		const [prefix, last] = [attr.slice(0, cut), attr.slice(cut)];
		const names = version === undefined ? [attr] : versionedNames(last, version).map((each) => prefix + each);
		const found: string[] = [];
		for (const name of names) {
			const value = this.#find(set, name);
			if (value === undefined || !this.#options.evaluator.runtime.isDerivation(value)) continue;
			if (version === undefined) return value;
			const actual = this.#versionOf(value);
			if (isVersion(actual, version)) return value;
			found.push(`${name} ${actual}`);
		}
		if (found.length === 0) throw this.#unknown(set, { tree, attr, location });
		throw refusal("ENV_VERSION_UNAVAILABLE", `the input '${tree}' has no ${attr} of version ${version ?? ""}`, {
			location,
			hint: `it has ${found.join(", ")}`,
		});
	}

	#set(tree: string, location: Location | undefined): Attrs {
		const known = this.#sets.get(tree);
		if (known !== undefined) return known;
		const { evaluator, trees, system, packages } = this.#options;
		const request = trees.find(({ name }) => name === tree);
		if (request === undefined) throw new Error(`there is no tree '${tree}'`);
		const call = evaluator.evalFile(bytesFromText(`${packageSetFolder}/lib/tree-set.nix`));
		const made = evaluator.call(
			call,
			attrsFromEntries([
				["source", new NixPath(bytesFromText(request.source))],
				["system", system],
				["pkgs", packages()],
				["overlays", request.overlays.map((path) => new NixPath(bytesFromText(path)))],
			]),
		);
		if (!(made instanceof Attrs)) {
			const given = textFromBytes(describeType(made));
			throw refusal(
				"ENV_INPUT_NO_PACKAGES",
				`default.nix of the input '${tree}' gives ${given}, and not a set of packages`,
				{
					location,
					hint: "it has to be a set, or a function of some of pkgs, lib, system, config and overlays that gives one",
				},
			);
		}
		this.#sets.set(tree, made);
		return made;
	}

	/** What stands under a name, or under a path of them. */
	#find(set: Attrs, path: string): Attrs | undefined {
		const { evaluator } = this.#options;
		const whole = set.get(bytesFromText(path));
		if (whole !== undefined) {
			const value = evaluator.force(whole);
			return value instanceof Attrs ? value : undefined;
		}
		const dot = path.indexOf(".");
		if (dot < 0) return undefined;
		const below = set.get(bytesFromText(path.slice(0, dot)));
		const inner = below === undefined ? undefined : evaluator.force(below);
		return inner instanceof Attrs ? this.#find(inner, path.slice(dot + 1)) : undefined;
	}

	/** As the package says it, or as its name does. */
	#versionOf(value: Attrs): string {
		const { evaluator } = this.#options;
		const text = (name: string): string | undefined => {
			const lazy = value.get(name);
			const forced = lazy === undefined ? undefined : evaluator.force(lazy);
			if (forced === undefined || !isString(forced)) return undefined;
			return textFromBytes(stringText(forced));
		};
		return text("version") ?? /-(\d.*)$/.exec(text("name") ?? "")?.[1] ?? "";
	}

	#unknown(
		set: Attrs,
		{ tree, attr, location }: { readonly tree: string; readonly attr: string; readonly location: Location | undefined },
	): DiagnosticError {
		const near = nearestNames(attr, set.names.map(textFromBytes), { most: 3 });
		return refusal("ENV_UNKNOWN_PACKAGE", `the input '${tree}' has no package '${attr}'`, {
			location,
			hint: near.length > 0 ? `did you mean: ${near.join(", ")}?` : "its packages are what its default.nix gives",
		});
	}
}

function refusal(
	code: string,
	message: string,
	{ location, hint }: { readonly location: Location | undefined; readonly hint: string },
): DiagnosticError {
	const diagnostic: Diagnostic = diagnose(code, message, { ...(location === undefined ? {} : { location }), hint });
	return new DiagnosticError(diagnostic);
}
