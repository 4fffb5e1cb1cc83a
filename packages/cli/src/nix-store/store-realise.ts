/** `nix-store --realise`: derivations are built, and other paths fetched, where they are not valid. Layer 5. */

import { resolve } from "node:path";
import type { EngineEvent } from "@devenv/engine";
import { type DrvPath, isDrvPath, parseDrvPath, type StorePath } from "@devenv/nix-formats";
import { writeText } from "../nix-programs/byte-output.ts";
import { failAsNix } from "../nix-programs/nix-error.ts";
import type { ProgramStore } from "../nix-programs/program-store.ts";
import { tellPlan } from "../nix-programs/tell-plan.ts";
import { writeError } from "../standard-error.ts";
import { refuseFlags } from "./store-archives.ts";
import type { StoreArguments } from "./store-arguments.ts";

/** What a word on the command line means. */
interface Wanted {
	readonly path: StorePath;
	/** Of a derivation; undefined for all. */
	readonly outputs: readonly string[] | undefined;
}

const known: ReadonlySet<string> = new Set(["--check", "--dry-run", "--ignore-unknown", "--repair"]);

export async function realise(world: ProgramStore, given: StoreArguments): Promise<void> {
	const { flags, args, noOutput } = given;
	refuseFlags(flags.filter((flag) => !known.has(flag)));
	const named = args.map((word) => wantedOf(world, word));
	const ignoreUnknown = flags.includes("--ignore-unknown");
	const unknown = named.filter(({ path }) => isUnknown(world, path)).map(({ path }) => path);
	const wanted = ignoreUnknown ? named.filter(({ path }) => !unknown.includes(path)) : named;
	const dryRun = flags.includes("--dry-run");
	const missing = wanted.find(({ path }) => isDrvPath(path, world.reading.storeDir) && unknown.includes(path));
	if (missing !== undefined && !dryRun) {
		if (given.common.verbosity > 0) tellPlan({ builds: [], substitutes: [], unknown });
		failAsNix("STORE_NOWHERE", `cannot build missing derivation '${missing.path}'`);
	}
	const outputs = outputsOf(world, wanted);
	const absent = wanted
		.map(({ path }) => path)
		.filter((path) => !isDrvPath(path, world.reading.storeDir) && !world.reading.isValid(path));
	// Where all is there already, no engine is needed.
	const complete = unknown.length === 0 && absent.length === 0 && [...outputs].every((each) => allValid(world, each));
	if (!complete || flags.includes("--repair") || flags.includes("--check")) {
		const engine = await world.engine();
		const plan = await engine.plan(outputs, absent);
		const lost = unknown.filter((path) => isDrvPath(path, world.reading.storeDir) || plan.unknown.includes(path));
		if (given.common.verbosity > 0) tellPlan({ ...plan, unknown: ignoreUnknown ? [] : lost });
		if (dryRun) return;
		const { settings } = given.common;
		const { wishesOfSettings } = await import("@devenv/engine");
		const options = {
			keepGoing: settings.get("keep-going") === "true",
			wishes: { ...wishesOfSettings(settings), check: flags.includes("--check") },
		};
		const onEvent = tellEvents(given.common.noBuildOutput || given.common.verbosity === 0);
		if (absent.length > 0) await engine.substitute(absent, { onEvent });
		const lacking = absent.find((path) => !world.writing.isValid(path));
		if (lacking !== undefined) failAsNix("STORE_NOWHERE", `build of '${lacking}' failed`);
		await engine.realiseOutputs(outputs, { ...options, onEvent });
		if (flags.includes("--repair")) for (const path of validOf(world, wanted)) await engine.repair(path, { onEvent });
	}
	if (ignoreUnknown || dryRun) return;
	const links = new RootLinks(world, given);
	for (const each of wanted) {
		const results = links.keep(each.path, outputs.get(each.path as DrvPath));
		if (!noOutput) writeText(results.map((line) => `${line}\n`).join(""));
	}
}

/** `path`, or `path!out,dev`. */
function wantedOf(world: ProgramStore, word: string): Wanted {
	const at = word.lastIndexOf("!");
	if (at < 0) return { path: world.find(word), outputs: undefined };
	const names = word.slice(at + 1).split(",");
	return { path: world.find(word.slice(0, at)), outputs: names.filter((name) => name !== "" && name !== "*") };
}

/** Neither valid nor a derivation that says how to make it. */
function isUnknown(world: ProgramStore, path: StorePath): boolean {
	return !world.reading.isValid(path);
}

/** The outputs wanted of each derivation. Fails as Nix does where one has them not. */
function outputsOf(world: ProgramStore, wanted: readonly Wanted[]): Map<DrvPath, readonly string[]> {
	const { reading } = world;
	const found = new Map<DrvPath, readonly string[]>();
	for (const { path, outputs } of wanted) {
		if (!isDrvPath(path, reading.storeDir)) continue;
		if (!reading.isValid(path)) continue;
		const all = [...reading.readDerivation(path).outputs.keys()];
		const unknown = outputs?.find((name) => !all.includes(name));
		if (unknown !== undefined) {
			failAsNix("STORE_OUTPUT_UNKNOWN", `derivation '${path}' does not have wanted outputs '${unknown}'`);
		}
		const names = outputs === undefined || outputs.length === 0 ? all : outputs;
		found.set(path, [...new Set([...(found.get(path) ?? []), ...names])]);
	}
	return found;
}

function allValid(world: ProgramStore, [drvPath, names]: readonly [DrvPath, readonly string[]]): boolean {
	const { outputs } = world.reading.readDerivation(drvPath);
	return names.every((name) => {
		const path = outputs.get(name)?.path ?? "";
		return path !== "" && world.reading.isValid(path);
	});
}

function validOf(world: ProgramStore, wanted: readonly Wanted[]): StorePath[] {
	const outputs = [...outputsOf(world, wanted)].flatMap(([drvPath, names]) =>
		names.flatMap((name) => world.writing.readDerivation(drvPath).outputs.get(name)?.path ?? []),
	);
	const others = wanted.map(({ path }) => path).filter((path) => !isDrvPath(path, world.reading.storeDir));
	return [...outputs, ...others].filter((path): path is StorePath => path !== "");
}

/** Shows builds as they begin, and with what they say. */
export function tellEvents(quiet: boolean): (event: EngineEvent) => void {
	return (event) => {
		if (event.kind === "building") writeError(`building '${event.drvPath}'...\n`);
		else if (event.kind === "log" && !quiet) writeError(`${event.line}\n`);
		else if (event.kind === "fetched") writeError(`fetched ${event.name}\n`);
	};
}

/** The links that keep what was realised: `ROOT`, `ROOT-2`, with `-dev` for another output than `out`. */
class RootLinks {
	readonly #world: ProgramStore;
	readonly #given: StoreArguments;
	#number = 0;
	#warned = false;

	constructor(world: ProgramStore, given: StoreArguments) {
		this.#world = world;
		this.#given = given;
	}

	/** What is to be printed: the paths, or the links to them. */
	keep(path: StorePath, outputs: readonly string[] | undefined): string[] {
		this.#number += 1;
		if (outputs === undefined) return [this.#link(path, "out")];
		const { storeDir } = this.#world.reading;
		const all = this.#world.reading.readDerivation(parseDrvPath(path, storeDir)).outputs;
		const kept = outputs.map((name) => this.#link((all.get(name)?.path ?? "") as StorePath, name));
		return [...new Set(kept)].sort();
	}

	#link(path: StorePath, output: string): string {
		const { addRoot, common } = this.#given;
		if (addRoot === undefined) {
			if (!this.#warned && common.settings.get("no-gc-warning") !== "true") {
				writeError("warning: you did not specify '--add-root'; the result might be removed by the garbage collector\n");
			}
			this.#warned = true;
			return path;
		}
		const suffix = `${this.#number === 1 ? "" : `-${this.#number}`}${output === "out" ? "" : `-${output}`}`;
		const link = resolve(`${addRoot}${suffix}`);
		this.#world.writing.addRoot(link, path);
		return link;
	}
}
