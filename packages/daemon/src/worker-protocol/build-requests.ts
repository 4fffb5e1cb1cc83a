/** Requests of the worker protocol to build, and what would be built. Layer 4. */

import { DiagnosticError, fail } from "@devenv/diagnostics";
import {
	type BuildResult,
	buildResultOf,
	buildStatus,
	type BuildWishes,
	type Engine,
	type GarbageRequest,
	type Realisation,
	realisationsOf,
	type WorkOptions,
} from "@devenv/engine";
import type { ByteSink } from "./byte-sink.ts";
import {
	type DrvPath,
	parseDrvPath,
	equalHashes,
	readBasicDerivation,
	type StorePath,
	type ByteSource,
	ProtocolError,
} from "@devenv/nix-formats";
import { hashPaths, type Store } from "@devenv/store";
import { buildModes } from "./operations.ts";
import { bytesOf, type DerivedPath, parseDerivedPath } from "./store-objects.ts";
import type { WorkerRequest } from "./worker-session.ts";

/** What a client has chosen; it may choose again. */
export interface ClientChoice {
	/** Whether to go on with what does not depend on a failure. */
	keepGoing: boolean;
	/** How things are to be built. */
	wishes: BuildWishes;
	/** What garbage collection keeps. */
	keeping: Pick<GarbageRequest, "keepDerivations" | "keepOutputs">;
}

export class BuildRequests {
	readonly #options: { readonly store: Store; readonly engine: Engine };
	readonly #choice: ClientChoice;

	constructor(options: { readonly store: Store; readonly engine: Engine }, choice: ClientChoice) {
		this.#options = options;
		this.#choice = choice;
	}

	async queryMissing({ answer, source, signal }: WorkerRequest): Promise<void> {
		const { store, engine } = this.#options;
		const wanted = await readDerived(source, store.storeDir);
		await answer(
			async () => {
				const opaque = wanted.flatMap((each) => (each.kind === "opaque" ? [each.path] : []));
				const lost = wanted.flatMap((each) => {
					return each.kind === "built" && !store.isValid(each.drvPath) ? [each.drvPath] : [];
				});
				const there = wanted.filter((each) => each.kind === "opaque" || store.isValid(each.drvPath));
				const plan = await engine.plan(this.#wantedOf(there), opaque, { signal });
				return { ...plan, unknown: [...plan.unknown, ...lost] };
			},
			(sink, { builds, substitutes, unknown }) => {
				const sum = (sizes: readonly (number | undefined)[]): number =>
					sizes.reduce<number>((all, size) => all + (size ?? 0), 0);
				sink
					.strings(builds)
					.strings(substitutes.map(({ path }) => path))
					.strings(unknown);
				sink.number(sum(substitutes.map(({ downloadSize }) => downloadSize)));
				sink.number(sum(substitutes.map(({ narSize }) => narSize)));
			},
		);
	}

	async buildPaths(request: WorkerRequest): Promise<void> {
		const wanted = await readDerived(request.source, this.#options.store.storeDir);
		const mode = await readMode(request);
		await request.answer(
			() => this.#build(wanted, mode, request),
			(sink) => sink.number(1),
		);
	}

	/** Each gets a result of its own, so that one failure does not hide what succeeded. */
	async buildPathsWithResults(request: WorkerRequest): Promise<void> {
		const { minor, source } = request;
		const wanted = await readDerived(source, this.#options.store.storeDir);
		const mode = await readMode(request);
		await request.answer(
			async () => {
				const result = await buildResultOf(() => this.#build(wanted, mode, request));
				return wanted.map((each) => ({ each, ...this.#resultOf(each, result) }));
			},
			(sink, all) =>
				sink.list(all, ({ each, result, outputs }) => {
					sink.string(each.text);
					writeResult(sink, { result, outputs, minor });
				}),
		);
	}

	/** Of a derivation that need not lie in the store: what a build machine is asked for. */
	async buildDerivation(request: WorkerRequest): Promise<void> {
		const { store, engine } = this.#options;
		const { minor, source, signal, report } = request;
		const drvPath = parseDrvPath(await source.string(), store.storeDir);
		const derivation = await readBasicDerivation(source, drvPath, store.storeDir);
		const mode = await readMode(request);
		await request.answer(
			async () => {
				const { keepGoing, wishes } = this.#choice;
				const names = [...derivation.outputs.keys()];
				for (const { path } of derivation.outputs.values()) if (path !== "") store.addTempRoot(path);
				const options = { signal, onEvent: report.receive, keepGoing, wishes: { ...wishes, check: mode === "check" } };
				const result = await buildResultOf(async () => {
					// What there is to mend it by lies in the store of who asks.
					if (mode === "repair")
						fail("WORKER_UNSUPPORTED", "this daemon repairs only what was built of a derivation in its store");
					await engine.buildDerivation(drvPath, derivation, options);
				});
				return { result, outputs: result.message === "" ? realisationsOf(store, derivation, names) : [] };
			},
			(sink, built) => writeResult(sink, { ...built, minor }),
		);
	}

	#resultOf(
		each: DerivedPath,
		result: BuildResult,
	): { readonly result: BuildResult; readonly outputs: readonly Realisation[] } {
		const { store } = this.#options;
		const whole = { ...result, status: buildStatus.built, message: "" };
		if (each.kind === "opaque") {
			return {
				result: store.isValid(each.path) ? { ...whole, status: buildStatus.alreadyValid } : result,
				outputs: [],
			};
		}
		const outputs = this.#outputs(each);
		if ([...outputs.values()].some((path) => !store.isValid(path))) return { result, outputs: [] };
		const realisations = realisationsOf(store, store.readDerivation(each.drvPath), [...outputs.keys()]);
		return { result: whole, outputs: realisations };
	}

	async #build(wanted: readonly DerivedPath[], mode: BuildMode, { report, signal }: WorkerRequest): Promise<void> {
		const { engine, store } = this.#options;
		const opaque = wanted.flatMap((each) => (each.kind === "opaque" ? [each.path] : []));
		for (const path of opaque) store.addTempRoot(path);
		await engine.substitute(opaque, { signal, onEvent: report.receive });
		const outputs = this.#wantedOf(wanted);
		for (const [drvPath, names] of outputs) {
			const all = store.queryDerivationOutputs(drvPath);
			for (const name of names) {
				const path = all.get(name);
				if (path === undefined)
					fail("BUILD_OUTPUT_UNKNOWN", `derivation '${drvPath}' does not have an output '${name}'`);
				store.addTempRoot(path);
			}
		}
		const { keepGoing, wishes } = this.#choice;
		const options = { signal, onEvent: report.receive, keepGoing, wishes: { ...wishes, check: mode === "check" } };
		await engine.realiseOutputs(outputs, options);
		if (mode === "repair") await this.#repairDamaged(wanted, options);
		const first = opaque.find((path) => !store.isValid(path));
		if (first !== undefined) fail("STORE_PATH_NOT_VALID", `path '${first}' does not exist and cannot be created`);
	}

	/** As with Nix: all that is wanted, and all that it refers to, whose contents are not what was registered. */
	async #repairDamaged(wanted: readonly DerivedPath[], options: WorkOptions): Promise<void> {
		const { engine, store } = this.#options;
		const paths = wanted.flatMap((each) => (each.kind === "opaque" ? [each.path] : [...this.#outputs(each).values()]));
		for (const path of store.computeClosure(paths)) {
			if (await isDamaged(store, path)) await engine.repair(path, options);
		}
	}

	#outputs(each: Extract<DerivedPath, { kind: "built" }>): Map<string, StorePath> {
		const all = this.#options.store.queryDerivationOutputs(each.drvPath);
		return new Map([...all].filter(([name]) => each.outputs === undefined || each.outputs.includes(name)));
	}

	/** Of all outputs where none are named. */
	#wantedOf(wanted: readonly DerivedPath[]): Map<DrvPath, readonly string[]> {
		const { store } = this.#options;
		const outputs = new Map<DrvPath, readonly string[]>();
		for (const each of wanted) {
			if (each.kind !== "built") continue;
			store.addTempRoot(each.drvPath);
			const names = each.outputs ?? [...store.queryDerivationOutputs(each.drvPath).keys()];
			outputs.set(each.drvPath, [...new Set([...(outputs.get(each.drvPath) ?? []), ...names])]);
		}
		return outputs;
	}
}

function readDerived(source: ByteSource, storeDir: string): Promise<DerivedPath[]> {
	return source.list(async () => parseDerivedPath(await source.string(), storeDir));
}

type BuildMode = keyof typeof buildModes;

async function readMode({ source }: WorkerRequest): Promise<BuildMode> {
	const number = await source.number();
	const mode = (Object.keys(buildModes) as BuildMode[]).find((each) => buildModes[each] === number);
	return mode ?? failMode(number);
}

function failMode(number: number): never {
	throw new ProtocolError(`${number} is no way to build`);
}

/** A result without the path that it is of. */
function writeResult(
	sink: ByteSink,
	built: { readonly result: BuildResult; readonly outputs: readonly Realisation[]; readonly minor: number },
): void {
	const { status, message, started, stopped } = built.result;
	sink.number(status).string(bytesOf(message));
	sink.number(status === buildStatus.built ? 1 : 0).boolean(status === buildStatus.notDeterministic);
	sink.number(started).number(stopped);
	if (built.minor >= 37) sink.number(0).number(0); // processor time is not known
	sink.list(built.outputs, ([id, json]) => sink.string(id).string(json));
}

/** Whether an object's contents are not those that were registered, or cannot be read. */
async function isDamaged(store: Store, path: StorePath): Promise<boolean> {
	try {
		const [digest] = await hashPaths([{ path: store.physical(path) }]);
		return digest === undefined || !equalHashes(digest.narHash, store.pathInfo(path).narHash);
	} catch (error) {
		if (error instanceof DiagnosticError) return true;
		throw error;
	}
}
