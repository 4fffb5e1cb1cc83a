/**
 * One package set kept evaluated: the runtime with all that it has read and forced, the set, and the roots asked for.
 * A further environment of the same packages then costs one small derivation. Layer 3; lives in an evaluator thread.
 */

import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import {
	Attrs,
	attrsFromEntries,
	EvalError,
	type Evaluator,
	isList,
	isString,
	type Lazy,
	NixPath,
	mergeContexts,
	NO_CONTEXT,
	type NixString,
	type StringContext,
	stringText,
	stringWithContext,
	type Value,
} from "@devenv/evaluator";
import { type EnvVariable, isVersion, valueParts, versionedNames, writtenPackage } from "@devenv/env-file";
import { bytesFromText, parseStorePath, textFromBytes } from "@devenv/nix-formats";
import { packageSetEntry } from "@devenv/package-set";
import type { Store } from "@devenv/store";
import { PackageCatalog } from "../debian/package-catalog.ts";
import type { NodeEvalIO } from "../eval-io/index.ts";
import type {
	EnvironmentReply,
	EnvironmentTask,
	ModuleReply,
	ModuleRequest,
	ModuleTask,
	OverrideRequest,
	PackageSetRequest,
	RequestedPackage,
} from "./messages.ts";
import type { PackageReasons } from "../engine-interface.ts";
import { TreeSets } from "./tree-sets.ts";
import { type NamedRequest, packageReasons } from "./package-reasons.ts";
import { type ReadModule, readModule } from "./module-reader.ts";
import { ReadFingerprints } from "./read-fingerprints.ts";

/** Roots remembered, the last used. */
const MOST_ROOTS = 4;

export interface SessionOptions {
	readonly request: PackageSetRequest;
	readonly evaluator: Evaluator;
	readonly io: NodeEvalIO;
	readonly store: Store;
	/** Messages of `warn` so far; emptied by each task. */
	readonly warnings: string[];
}

export class PackageSetSession {
	readonly evaluator: Evaluator;
	readonly io: NodeEvalIO;
	readonly #options: SessionOptions;
	readonly #roots = new Map<string, Attrs>();
	readonly #reads = new ReadFingerprints();
	/** The last module that was read, and what it was asked with. */
	#module: { readonly key: string; readonly module: ReadModule } | undefined;
	#set: Attrs | undefined;

	readonly #trees: TreeSets;

	constructor(options: SessionOptions) {
		this.#options = options;
		const { trees, system } = options.request;
		this.#trees = new TreeSets({ evaluator: options.evaluator, trees, system, packages: () => this.set });
		this.evaluator = options.evaluator;
		this.io = options.io;
	}

	/** Whether everything that it has read is unchanged, so that it may be used again. */
	get fresh(): boolean {
		return this.#reads.hold();
	}

	/** Runs a task of this session, recording what it reads. */
	run<T>(work: () => T): T {
		const since = BigInt(Date.now()) * 1_000_000n;
		try {
			return work();
		} finally {
			this.#reads.add(this.io.reads.reads(), since);
		}
	}

	/** The package set. */
	get set(): Attrs {
		if (this.#set !== undefined) return this.#set;
		const { index, system, overlays, overrides } = this.#options.request;
		const args = attrsFromEntries([
			["index", new NixPath(index)],
			["system", system],
			["overlays", overlays.map((path) => new NixPath(bytesFromText(path)))],
			["overrides", attrsFromEntries(overrides.map(({ attr, changes }) => [bytesFromText(attr), changesOf(changes)]))],
		]);
		const make = this.evaluator.evalFile(bytesFromText(packageSetEntry));
		this.#set = expectAttrs(this.evaluator.call(make, args));
		return this.#set;
	}

	/** What env.nix says. */
	module({ module }: ModuleTask): ModuleReply {
		const { value } = this.#read(module);
		return { kind: "module", value, tracked: this.io.reads.reads() };
	}

	#read(request: ModuleRequest): ReadModule {
		const key = JSON.stringify(request);
		if (this.#module?.key !== key) this.#module = { key, module: readModule(request, this.evaluator, this.set) };
		return this.#module.module;
	}

	/** Instantiates an environment and writes its derivations to the store. */
	environment(task: EnvironmentTask): EnvironmentReply {
		this.#requireOverrides(task);
		const module = task.module === undefined ? undefined : this.#read(task.module);
		this.#requirePackages(
			task.packages.filter(({ attr, tree }) => tree === undefined && module?.packages.has(attr) !== true),
		);
		try {
			const requests = task.packages.map((request) => this.#request(request, module));
			const variables = task.variables.map((each): readonly [string, NixString] => [
				bytesFromText(each.name),
				this.#value(each),
			]);
			const storePaths = module === undefined ? [] : [...module.storePaths];
			// Without a root there is no view, and only a view shows the store.
			const isPlain = storePaths.length === 0 && variables.every(([, value]) => typeof value === "string");
			const root = requests.length === 0 && isPlain ? null : this.#root(task, requests);
			const environment = this.#call("mkEnvironment", [
				["name", bytesFromText(task.name)],
				["packages", requests.flatMap(({ values }) => values)],
				["env", attrsFromEntries(variables)],
				["enterShell", bytesFromText(task.enterShell)],
				["shell", task.shell],
				["root", root],
				["storePaths", storePaths],
			]);
			const drvPath = this.#text(environment, "drvPath");
			this.io.write([drvPath]);
			return {
				kind: "environment",
				drvPath,
				outPath: this.#text(environment, "outPath"),
				root: root === null ? null : { drvPath: this.#text(root, "drvPath"), outPath: this.#text(root, "outPath") },
				packages: this.#packages(environment),
				tracked: this.io.reads.reads(),
				warnings: this.#options.warnings.splice(0),
				...(task.explain === undefined ? {} : { reasons: this.#reasons(task, requests, { root, name: task.explain }) }),
			};
		} catch (error) {
			throw this.#atPackage(error, task);
		}
	}

	#root({ shell, locales }: EnvironmentTask, requests: readonly Request[]): Attrs {
		const key = JSON.stringify([requests.map((each) => each.key), shell, locales]);
		let root = this.#roots.get(key);
		this.#roots.delete(key);
		root ??= this.#call("mkRoot", [
			["packages", requests.flatMap(({ values }) => values)],
			["shell", shell],
			["locales", locales.map(bytesFromText)],
		]);
		this.#roots.set(key, root);
		const [oldest] = this.#roots.keys();
		if (this.#roots.size > MOST_ROOTS && oldest !== undefined) this.#roots.delete(oldest);
		return root;
	}

	#call(name: string, args: readonly (readonly [string, Lazy])[]): Attrs {
		return expectAttrs(this.evaluator.call(attribute(this.set, name), attrsFromEntries(args)));
	}

	#packages(environment: Attrs): EnvironmentReply["packages"] {
		const list = this.evaluator.force(attribute(environment, "packages"));
		if (!isList(list)) throw new Error("the packages of an environment are not a list");
		return list.map((each) => {
			const entry = expectAttrs(this.evaluator.force(each));
			return {
				attr: this.#text(entry, "attr"),
				name: this.#text(entry, "name"),
				version: this.#text(entry, "version"),
			};
		});
	}

	/** The text of a string attribute, its context dropped. */
	#text(attrs: Attrs, name: string): string {
		const value = this.evaluator.force(attribute(attrs, name));
		if (!isString(value)) throw new Error(`the attribute '${name}' is not a string`);
		return textFromBytes(stringText(value));
	}

	/** A variable's value, with the places of packages that it names. */
	#value({ name, value, location }: EnvVariable): NixString {
		let context: StringContext = NO_CONTEXT;
		const texts = valueParts(value).map((part) => {
			if ("text" in part) return bytesFromText(part.text);
			const lazy = this.set.get(bytesFromText(part.attr));
			const found = lazy === undefined ? undefined : this.evaluator.force(lazy);
			if (found === undefined || !this.evaluator.runtime.isDerivation(found)) {
				const unknown = this.#unknownPackage({ attr: part.attr, ...(location === undefined ? {} : { location }) });
				throw new DiagnosticError({ ...unknown, message: `'env.${name}' names '${part.attr}', which is no package` });
			}
			const path = this.evaluator.runtime.coerceToString(found, 0, "while evaluating a variable");
			if (typeof path === "string") return path;
			context = mergeContexts(context, path.context);
			return path.text;
		});
		return stringWithContext(texts.join(""), context);
	}

	#reasons(
		{ packages }: EnvironmentTask,
		requests: readonly Request[],
		{ root, name }: { readonly root: Attrs | null; readonly name: string },
	): PackageReasons | null {
		if (root === null) return null;
		const named = requests.flatMap(({ values: [first] }, index): NamedRequest[] => {
			const { attr = "", tree, location } = packages[index] ?? {};
			const own = first === undefined ? undefined : this.#ownName(first);
			const place = location === undefined ? null : `${location.file}:${location.line}`;
			return own === undefined
				? []
				: [{ name: own, text: tree === undefined ? writtenPackage(attr) : `${tree}#${attr}`, place }];
		});
		const asked = { name, requests: named };
		const own = this.set.has(bytesFromText(name)) ? this.#ownName(bytesFromText(name)) : undefined;
		return (
			packageReasons(this.evaluator, root, asked) ??
			(own === undefined ? undefined : packageReasons(this.evaluator, root, { ...asked, name: own })) ??
			null
		);
	}

	/** The name of a package in a closure, from a request; undefined for what is no package. */
	#ownName(request: Lazy): string | undefined {
		const forced = this.evaluator.force(request);
		const value = isString(forced) ? this.evaluator.force(this.set.get(stringText(forced)) ?? null) : forced;
		return value instanceof Attrs && value.has("pname") ? this.#text(value, "pname") : undefined;
	}

	/** A request as the set takes it: a name, or values where it is for outputs. */
	#request(request: RequestedPackage, module: ReadModule | undefined): Request {
		const { outputs, tree } = request;
		if (tree !== undefined) return this.#treeRequest(tree, request);
		const made = module?.packages.get(request.attr);
		const attr = made === undefined ? this.#versioned(request) : request.attr;
		if (outputs === undefined && made === undefined) return { key: attr, values: [bytesFromText(attr)] };
		const value = made ?? expectAttrs(this.evaluator.force(attribute(this.set, attr)));
		const values = outputs === undefined ? [value] : this.#outputs(value, { ...request, attr, outputs });
		// Another module may have another package of this name.
		const key = made === undefined ? "" : `${this.#module?.key ?? ""} `;
		return { key: `${key}${attr} ${outputs?.join(" ") ?? ""}`, values };
	}

	#treeRequest(tree: string, request: RequestedPackage): Request {
		const { attr, version = "", outputs } = request;
		const value = this.#trees.package(tree, request);
		const values = outputs === undefined ? [value] : this.#outputs(value, { ...request, outputs });
		return { key: `${tree}#${attr}@${version} ${outputs?.join(" ") ?? ""}`, values };
	}

	#outputs(value: Attrs, request: RequestedPackage & { readonly outputs: readonly string[] }): Lazy[] {
		const { attr, location, outputs } = request;
		const names = value.has("isDebianPackage") || !value.has("outputs") ? ["out"] : this.#texts(value, "outputs");
		const unknown = outputs.find((each) => !names.includes(each));
		if (unknown === undefined) return outputs.map((each) => value.get(each) ?? value);
		throw new DiagnosticError(
			diagnose("ENV_UNKNOWN_OUTPUT", `the package '${attr}' has no output '${unknown}'`, {
				...(location === undefined ? {} : { location }),
				hint: value.has("isDebianPackage")
					? "packages of Debian have one output: development files are in a package of their own, such as zlib1g-dev"
					: `it has: ${names.join(", ")}`,
			}),
		);
	}

	/** The attribute that has the requested version: the one that is named, or the one that the set has for it. */
	#versioned({ attr, version, location }: RequestedPackage): string {
		if (version === undefined) return attr;
		const found: string[] = [];
		for (const name of versionedNames(attr, version).filter((each) => this.set.has(bytesFromText(each)))) {
			const actual = this.#versionOf(name);
			if (actual === undefined) continue;
			if (isVersion(actual, version)) return name;
			found.push(`${name} ${actual}`);
		}
		throw new DiagnosticError(
			diagnose("ENV_VERSION_UNAVAILABLE", `the pinned package set has no ${attr} of version ${version}`, {
				...(location === undefined ? {} : { location }),
				hint: `it has ${found.join(", ")}; \`devenv update --to DATE\` pins the set of another day`,
			}),
		);
	}

	/** A package's version; of several under one name, that of the first. Undefined for what is no package. */
	#versionOf(name: string): string | undefined {
		const value = this.evaluator.force(attribute(this.set, name));
		if (!(value instanceof Attrs)) return undefined;
		const [first] = value.has("isPackageGroup") ? this.#texts(value, "depends") : [];
		if (first !== undefined) return this.set.has(bytesFromText(first)) ? this.#versionOf(first) : undefined;
		return value.has("version") ? this.#text(value, "version") : undefined;
	}

	/** The strings of a list attribute; what else is in it is left out. */
	#texts(attrs: Attrs, name: string): string[] {
		const list = this.evaluator.force(attribute(attrs, name));
		if (!isList(list)) throw new Error(`the attribute '${name}' is not a list`);
		return list.flatMap((each) => {
			const value = this.evaluator.force(each);
			return isString(value) ? [textFromBytes(stringText(value))] : [];
		});
	}

	/** Refuses overrides of what the set does not have, also where nothing asks for it. */
	#requireOverrides({ set, overridePlaces }: EnvironmentTask): void {
		const faults = set.overrides.flatMap(({ attr }, index) => {
			try {
				this.evaluator.force(attribute(this.set, attr));
				return [];
			} catch (error) {
				if (!(error instanceof EvalError) || !textFromBytes(error.message).includes("in overrides")) throw error;
				const location = overridePlaces[index];
				return [this.#unknownPackage({ attr, ...(location === undefined ? {} : { location }) })];
			}
		});
		if (faults.length > 0) throw new DiagnosticError(faults);
	}

	/** Refuses names that the set does not have, all at once, with what they may have meant. */
	#requirePackages(packages: EnvironmentTask["packages"]): void {
		const unknown = packages.filter(({ attr, version }) => {
			const names = version === undefined ? [attr] : versionedNames(attr, version);
			return !names.some((name) => this.set.has(bytesFromText(name)));
		});
		if (unknown.length === 0) return;
		throw new DiagnosticError(unknown.map((request) => this.#unknownPackage(request)));
	}

	#unknownPackage({ attr, location }: EnvironmentTask["packages"][number]): ReturnType<typeof diagnose> {
		const { store, request } = this.#options;
		const near = new PackageCatalog(store.physical(parseStorePath(request.index))).suggest(attr);
		return diagnose("ENV_UNKNOWN_PACKAGE", `there is no package '${attr}'`, {
			...(location === undefined ? {} : { location }),
			hint: near.length > 0 ? `did you mean: ${near.join(", ")}?` : "`devenv search WORD` finds packages",
		});
	}

	/** The set's own refusal of a name (a virtual package, a function) becomes a diagnostic at that name. */
	#atPackage(error: unknown, task: EnvironmentTask): unknown {
		if (!(error instanceof EvalError)) return error;
		const name = /^unknown package '([^']+)'/.exec(textFromBytes(error.message))?.[1];
		const request = task.packages.find(({ attr, tree }) => attr === name && tree === undefined);
		return request === undefined ? error : new DiagnosticError(this.#unknownPackage(request));
	}
}

/** A request with what stands for it in `mkRoot` and `mkEnvironment`. */
interface Request {
	/** Tells it from others. */
	readonly key: string;
	readonly values: readonly Lazy[];
}

/** Changes as `override` takes them. */
function changesOf(changes: OverrideRequest["changes"]): Attrs {
	return attrsFromEntries(
		changes.map(([field, value]): [string, Lazy] => {
			if (typeof value !== "string") return [field, value.map(bytesFromText)];
			return [field, field === "src" ? new NixPath(bytesFromText(value)) : bytesFromText(value)];
		}),
	);
}

/** What the package set itself promises; anything else is its bug. */
function expectAttrs(value: Value): Attrs {
	if (value instanceof Attrs) return value;
	throw new Error("the package set gives another type than a set");
}

function attribute(attrs: Attrs, name: string): Lazy {
	const value = attrs.get(name);
	if (value === undefined) throw new Error(`the package set gives no attribute '${name}'`);
	return value;
}
