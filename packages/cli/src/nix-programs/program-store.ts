/**
 * The store that a drop-in works on: that of `--store` or NIX_REMOTE, of NIX_STORE_DIR and NIX_STATE_DIR, else the user's. It is
 * opened when it is first needed, for reading where that suffices; an engine is made where something is to be built or
 * fetched. Layer 5.
 */

import { dirname, join, resolve } from "node:path";
import { lstatSync, readlinkSync } from "node:fs";
import { userLayout } from "@devenv/client";
import type { Engine } from "@devenv/engine";
import { DEFAULT_STORE_DIR, splitStorePath, type StorePath } from "@devenv/nix-formats";
import type { HomeLayout } from "@devenv/protocol";
import { openStore, type PathInfo, type Store, type StorePlace } from "@devenv/store";
import { callerEnvironment } from "../caller.ts";
import { EvaluationHost } from "../evaluation/evaluation-host.ts";
import type { CommonArguments } from "./nix-arguments.ts";
import { failAsNix } from "./nix-error.ts";

/** How many links are followed to a store path. */
const MAX_LINKS = 1024;

export class ProgramStore {
	readonly layout: HomeLayout;
	readonly place: StorePlace;
	#reading: Store | undefined;
	#writing: Store | undefined;
	#host: EvaluationHost | undefined;

	constructor(
		{ store, settings }: Partial<CommonArguments> = {},
		environment: Readonly<NodeJS.ProcessEnv> = process.env,
	) {
		const caller = callerEnvironment(environment);
		this.layout = userLayout(caller);
		const place = placeOf(store ?? caller["NIX_REMOTE"] ?? "", caller, this.layout);
		const optimise = settings?.get("auto-optimise-store");
		this.place = optimise === undefined ? place : { ...place, autoOptimise: optimise === "true" };
	}

	/** For queries: nothing is written. */
	get reading(): Store {
		return this.#writing ?? (this.#reading ??= openStore({ ...this.place, readOnly: true }));
	}

	get writing(): Store {
		return (this.#writing ??= openStore(this.place));
	}

	/** Makes the store where there is none. */
	make(): void {
		this.#writing ??= openStore(this.place);
	}

	engine(): Promise<Engine> {
		this.#host ??= new EvaluationHost(this.layout, this.place);
		return this.#host.engine();
	}

	async close(): Promise<void> {
		this.#reading?.close();
		this.#writing?.close();
		await this.#host?.close();
	}

	/** The store object that a word on the command line means: itself, a path in it, or what links lead to. Fails as Nix does. */
	find(word: string): StorePath {
		let path = resolve(word);
		for (let steps = 0; steps < MAX_LINKS; steps += 1) {
			const found = this.#inStore(path);
			if (found !== undefined) return found;
			const target = linkTarget(path);
			if (target === undefined) break;
			path = resolve(dirname(path), target);
		}
		return failAsNix("STORE_PATH", `path '${path}' is not in the Nix store`);
	}

	/** Fails as Nix does. */
	info(path: StorePath): PathInfo {
		return this.reading.queryPathInfo(path) ?? failInvalid(path);
	}

	/** A path may be given as it lies in this machine's file system. */
	#inStore(path: string): StorePath | undefined {
		const { storeDir = DEFAULT_STORE_DIR, root } = this.place;
		const physical = `${root === "/" ? "" : root}${storeDir}`;
		const logical = path.startsWith(`${physical}/`) ? storeDir + path.slice(physical.length) : path;
		return splitStorePath(logical, storeDir)?.storePath;
	}
}

export function failInvalid(path: string): never {
	return failAsNix("STORE_PATH_NOT_VALID", `path '${path}' is not valid`);
}

function linkTarget(path: string): string | undefined {
	return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}

/** Where the store of an address lies; `""`, `auto`, `local` and `daemon` are the user's own. Fails as Nix does. */
function placeOf(
	address: string,
	environment: Readonly<Record<string, string | undefined>>,
	layout: HomeLayout,
): StorePlace {
	const folder = (variable: string): string | undefined =>
		environment[variable] ? resolve(environment[variable]) : undefined;
	const storeDir = folder("NIX_STORE_DIR");
	const stateDir = folder("NIX_STATE_DIR");
	const logDir = folder("NIX_LOG_DIR");
	const named = rootOf(address);
	if (named !== undefined) return { root: resolve(named), ...(storeDir === undefined ? {} : { storeDir }) };
	return {
		root: storeDir === undefined && stateDir === undefined ? layout.storeRoot : "/",
		...(storeDir === undefined ? {} : { storeDir }),
		...(stateDir === undefined ? {} : { stateDir }),
		...(logDir === undefined ? {} : { logDir }),
	};
}

function rootOf(address: string): string | undefined {
	const [, scheme = "", rest = "", query = ""] = /^(?:([a-z]+):\/\/)?([^?]*)(?:\?(.*))?$/s.exec(address) ?? [];
	const root = new URLSearchParams(query).get("root") ?? undefined;
	if (scheme === "" && rest.startsWith("/")) return root ?? rest;
	if (scheme === "" && ["", "auto", "local", "daemon"].includes(rest)) return root;
	if (scheme === "local" || scheme === "unix") return root ?? (scheme === "local" && rest !== "" ? rest : undefined);
	return failAsNix("STORE_KIND", `don't know how to open Nix store '${address}'`);
}

/** Where older versions of this program kept logs of builds. */
export function formerLogs(layout: HomeLayout): string {
	return join(layout.state, "log", "drvs");
}
