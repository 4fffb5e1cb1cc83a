/**
 * What a derivation allows its outputs to refer to, and how large they may be. Layer 3.
 *
 * Source: Nix manual, "Advanced attributes": `allowedReferences`, `allowedRequisites`, `disallowedReferences`,
 * `disallowedRequisites`, and with structured attributes `outputChecks`.
 */

import { DiagnosticError } from "@devenv/diagnostics";
import { type Derivation, isStorePath, type StorePath, textFromBytes } from "@devenv/nix-formats";
import type { PathInfo, Store } from "@devenv/store";
import { buildFailed } from "./build-error.ts";

interface Checks {
	/** Of what is reached over others, the output itself does not count. */
	readonly ignoreSelf: boolean;
	readonly maxSize?: number;
	readonly maxClosureSize?: number;
	readonly allowedReferences?: readonly string[];
	readonly allowedRequisites?: readonly string[];
	readonly disallowedReferences?: readonly string[];
	readonly disallowedRequisites?: readonly string[];
}

const lists = ["allowedReferences", "allowedRequisites", "disallowedReferences", "disallowedRequisites"] as const;

/** Fails with `BUILD_FAILED` where an output, which is not registered yet, is not as its derivation wants it. */
export function checkOutputs(drv: Derivation, store: Store, infos: readonly PathInfo[]): void {
	const fresh = new Map(infos.map((info) => [info.path, info]));
	for (const [name, { path }] of drv.outputs) {
		const info = path === "" ? undefined : fresh.get(path);
		const checks = checksOf(drv, name);
		if (info !== undefined && checks !== undefined) new OutputCheck(drv, store, fresh).apply(info, checks);
	}
}

function checksOf(drv: Derivation, output: string): Checks | undefined {
	const json = drv.env.get("__json");
	if (json !== undefined) {
		const { outputChecks } = JSON.parse(textFromBytes(json)) as { outputChecks?: Record<string, object | undefined> };
		const found = outputChecks?.[output];
		return found === undefined ? undefined : { ignoreSelf: false, ...found };
	}
	const given = lists.filter((name) => drv.env.has(name));
	if (given.length === 0) return undefined;
	const words = (name: string): string[] => (drv.env.get(name) ?? "").split(/[ \t\n\r]+/).filter((word) => word !== "");
	return { ignoreSelf: true, ...Object.fromEntries(given.map((name) => [name, words(name)])) };
}

class OutputCheck {
	readonly #drv: Derivation;
	readonly #store: Store;
	readonly #fresh: ReadonlyMap<StorePath, PathInfo>;

	constructor(drv: Derivation, store: Store, fresh: ReadonlyMap<StorePath, PathInfo>) {
		this.#drv = drv;
		this.#store = store;
		this.#fresh = fresh;
	}

	apply(info: PathInfo, checks: Checks): void {
		if (checks.maxSize !== undefined && info.narSize > checks.maxSize) {
			this.#fail(`its output ${info.path} has ${info.narSize} bytes, and maxSize is ${checks.maxSize}`);
		}
		const closure = this.#closure(info);
		if (checks.maxClosureSize !== undefined) {
			const size = closure.reduce((sum, each) => sum + each.narSize, 0);
			if (size > checks.maxClosureSize) {
				this.#fail(`the closure of ${info.path} has ${size} bytes, and maxClosureSize is ${checks.maxClosureSize}`);
			}
		}
		const reached = closure.map(({ path }) => path).filter((path) => !checks.ignoreSelf || path !== info.path);
		this.#check(info, { names: checks.allowedReferences, allowed: true, used: info.references });
		this.#check(info, { names: checks.allowedRequisites, allowed: true, used: reached });
		this.#check(info, { names: checks.disallowedReferences, allowed: false, used: info.references });
		this.#check(info, { names: checks.disallowedRequisites, allowed: false, used: reached });
	}

	#check(
		info: PathInfo,
		rule: {
			readonly names: readonly string[] | undefined;
			readonly allowed: boolean;
			readonly used: readonly StorePath[];
		},
	): void {
		const { names, allowed, used } = rule;
		if (names === undefined) return;
		const listed = new Set<string>(names.map((name) => this.#pathOf(name)));
		const bad = used.filter((path) => listed.has(path) !== allowed);
		if (bad.length === 0) return;
		this.#fail(`its output ${info.path} is not allowed to refer to these paths:`, bad);
	}

	/** A store path, or the name of an output of the same derivation. */
	#pathOf(name: string): string {
		if (isStorePath(name, this.#store.storeDir)) return name;
		const path = this.#drv.outputs.get(name)?.path ?? "";
		if (path === "") this.#fail(`'${textFromBytes(name)}' in its attributes is neither a store path nor an output`);
		return path;
	}

	/** All that an output reaches, itself included; what was built with it is not in the store yet. */
	#closure(info: PathInfo): PathInfo[] {
		const seen = new Map<StorePath, PathInfo>();
		const open = [info];
		for (let next = open.pop(); next !== undefined; next = open.pop()) {
			if (seen.has(next.path)) continue;
			seen.set(next.path, next);
			for (const path of next.references) open.push(this.#fresh.get(path) ?? this.#store.pathInfo(path));
		}
		return [...seen.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
	}

	#fail(why: string, paths: readonly string[] = []): never {
		throw new DiagnosticError(buildFailed({ name: this.#drv.name, tail: [] }, [why, ...paths].join("\n  ")));
	}
}
