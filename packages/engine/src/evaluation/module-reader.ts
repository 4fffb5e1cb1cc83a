/** A project's env.nix as plain data, with the packages and store paths that it names. Layer 3; lives in an evaluator thread. */

import { type Diagnostic, DiagnosticError, diagnose, type Location } from "@devenv/diagnostics";
import { modulePackage, type ModuleValue } from "@devenv/env-file";
import {
	Attrs,
	attrsFromEntries,
	ContextString,
	describeType,
	type Evaluator,
	isInt,
	isList,
	isString,
	type Lazy,
	mergeContexts,
	NixFloat,
	NixPath,
	type NixString,
	type Position,
	type StringContext,
	stringWithContext,
} from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { packageSetFolder } from "@devenv/package-set";
import type { ModuleRequest } from "./messages.ts";

/** An evaluated env.nix. */
export interface ReadModule {
	readonly value: ModuleValue;
	/** Packages that are in no attribute of the set of their own, by the names that `value` has for them. */
	readonly packages: ReadonlyMap<string, Attrs>;
	/** The store paths that its texts name, with their context. */
	readonly storePaths: readonly NixString[];
}

/** Values that a module has, at most, and how deep they lie. */
const MOST_VALUES = 20_000;
const MOST_DEPTH = 16;

/** Evaluates a module with a package set. Throws EvalErrors and `ENV_MODULE`. */
export function readModule(request: ModuleRequest, evaluator: Evaluator, set: Attrs): ReadModule {
	return new ModuleReader(request, evaluator, set).read();
}

class ModuleReader {
	readonly #request: ModuleRequest;
	readonly #evaluator: Evaluator;
	readonly #set: Attrs;
	readonly #packages = new Map<string, Attrs>();
	readonly #storePaths = new Map<string, StringContext>();
	#count = 0;

	constructor(request: ModuleRequest, evaluator: Evaluator, set: Attrs) {
		this.#request = request;
		this.#evaluator = evaluator;
		this.#set = set;
	}

	read(): ReadModule {
		const { file, profile, declared } = this.#request;
		const call = this.#evaluator.evalFile(bytesFromText(`${packageSetFolder}/lib/module.nix`));
		const fromJson = this.#evaluator.evalString("builtins.fromJSON", "/");
		const whole = this.#evaluator.call(
			call,
			attrsFromEntries([
				["file", new NixPath(bytesFromText(file))],
				["pkgs", this.#set],
				["profile", bytesFromText(profile)],
				["declared", this.#evaluator.call(fromJson, bytesFromText(declared))],
			]),
		);
		const value = this.#plain(whole, { path: "", location: undefined, depth: 0 });
		return {
			value,
			packages: this.#packages,
			storePaths: [...this.#storePaths].map(([path, context]) => stringWithContext(path, context)),
		};
	}

	#plain(lazy: Lazy, at: Place): ModuleValue {
		if (++this.#count > MOST_VALUES) throw refusal(at, `it has more than ${MOST_VALUES.toLocaleString("en")} values`);
		if (at.depth > MOST_DEPTH) throw refusal(at, "it nests too deep");
		const place = at.location === undefined ? {} : { location: at.location };
		const value = this.#evaluator.force(lazy);
		if (value === null || typeof value === "boolean" || isInt(value)) return { kind: "scalar", value, ...place };
		if (value instanceof NixFloat) return { kind: "scalar", value: value.value, ...place };
		if (isString(value)) return { kind: "scalar", value: this.#text(value), ...place };
		if (value instanceof NixPath) {
			return { kind: "scalar", value: this.#text(this.#evaluator.runtime.copyPathToStore(value)), ...place };
		}
		if (isList(value)) {
			const items = value.map((each, index) =>
				this.#plain(each, { ...at, path: `${at.path}[${index}]`, depth: at.depth + 1 }),
			);
			return { kind: "list", items, ...place };
		}
		if (!(value instanceof Attrs)) throw refusal(at, `it cannot be ${textFromBytes(describeType(value))}`);
		if (this.#isPackage(value)) return { kind: "scalar", value: this.#package(value, at), ...place };
		const entries = value.names.map((name): readonly [string, ModuleValue] => {
			const key = textFromBytes(name);
			const location = this.#locate(value.positionOf(name)) ?? at.location;
			const path = at.path === "" ? key : `${at.path}.${key}`;
			return [key, this.#plain(value.get(name) ?? null, { path, location, depth: at.depth + 1 })];
		});
		return { kind: "table", entries, ...place };
	}

	#isPackage(value: Attrs): boolean {
		return value.has("isPackageGroup") || this.#evaluator.runtime.isDerivation(value);
	}

	/** In a list of packages its name; in a text the path of its output. */
	#package(value: Attrs, { path }: Place): string {
		if (!/(?:^|\.)packages\[\d+\](?:\.from)?$/.test(path)) {
			return this.#text(this.#evaluator.runtime.coerceToString(value, 0, "while evaluating env.nix"));
		}
		const name = this.#name(value);
		const known = name === undefined ? undefined : this.#set.get(bytesFromText(name));
		if (name !== undefined && known !== undefined && this.#evaluator.force(known) === value) return name;
		const made = modulePackage(this.#packages.size, name ?? "package");
		this.#packages.set(made, value);
		return made;
	}

	#name(value: Attrs): string | undefined {
		const lazy = value.get("pname") ?? value.get("name");
		const name = lazy === undefined ? undefined : this.#evaluator.force(lazy);
		return name !== undefined && isString(name) ? this.#text(name) : undefined;
	}

	#text(value: NixString): string {
		if (!(value instanceof ContextString)) return textFromBytes(value);
		for (const [path] of value.text.matchAll(/\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+_-]+(?:[.?=][A-Za-z0-9+_-]+)*/g)) {
			this.#storePaths.set(path, mergeContexts(this.#storePaths.get(path) ?? value.context, value.context));
		}
		return textFromBytes(value.text);
	}

	/** Named as the user would, where it is the project's. */
	#locate(position: Position): Location | undefined {
		const location = this.#evaluator.locate(position);
		return location?.file === this.#request.file ? { ...location, file: "env.nix" } : location;
	}
}

/** Where a value stands. */
interface Place {
	readonly path: string;
	readonly location: Location | undefined;
	readonly depth: number;
}

function refusal({ path, location }: Place, why: string): DiagnosticError {
	const diagnostic: Diagnostic = diagnose(
		"ENV_MODULE",
		path === "" ? `env.nix cannot be read: ${why}` : `'${path}' of env.nix cannot be read: ${why}`,
		{
			...(location === undefined ? {} : { location }),
			hint: "env.nix is a set of the options of env.yaml, or a function `{ pkgs, lib, config, ... }: { … }` that gives one",
		},
	);
	return new DiagnosticError(diagnostic);
}
