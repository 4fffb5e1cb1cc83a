/** Which operation of the worker protocol is answered by what. Layer 4. */

import { DiagnosticError, fail } from "@devenv/diagnostics";
import { type Engine, keepingOfSettings, type SubstitutablePath, wishesOfSettings } from "@devenv/engine";
import { parseDrvPath, parseStorePath, type StorePath, ProtocolError } from "@devenv/nix-formats";
import type { Store, VerifyFault } from "@devenv/store";
import { type AddRequestOptions, AddRequests } from "./add-requests.ts";
import { BuildRequests, type ClientChoice } from "./build-requests.ts";
import type { ByteSink } from "./byte-sink.ts";
import { garbageActions, operations } from "./operations.ts";
import { bytesOf, readPaths, requireValid, textOf, writePathInfo } from "./store-objects.ts";
import type { WorkerHandler, WorkerRequest } from "./worker-session.ts";

export interface StoreRequestOptions extends AddRequestOptions {
	readonly engine: Engine;
}

/** The handlers for one client. */
export function storeRequests(options: StoreRequestOptions): Map<number, WorkerHandler> {
	const { engine, store } = options;
	const adds = new AddRequests(options);
	const choice: ClientChoice = { keepGoing: false, wishes: {}, keeping: {} };
	const builds = new BuildRequests(options, choice);
	const path = async ({ source }: WorkerRequest): Promise<StorePath> =>
		parseStorePath(await source.string(), store.storeDir);
	const done = (sink: ByteSink): unknown => sink.number(1);
	/** A request of one path. */
	const ofPath =
		<T>(work: (path: StorePath) => T | Promise<T>, write: (sink: ByteSink, result: T) => unknown): WorkerHandler =>
		async (request) => {
			const asked = await path(request);
			await request.answer(() => work(asked), write);
		};
	return new Map<number, WorkerHandler>([
		[
			operations.isValidPath,
			ofPath(
				(asked) => store.isValid(asked),
				(sink, valid) => sink.boolean(valid),
			),
		],
		[
			operations.hasSubstitutes,
			ofPath(
				async (asked) => (await engine.substitutable([asked])).length > 0,
				(sink, found) => sink.boolean(found),
			),
		],
		[
			operations.queryReferrers,
			ofPath(
				(asked) => store.queryReferrers(asked),
				(sink, found) => sink.strings(found),
			),
		],
		[
			operations.queryValidDerivers,
			ofPath(
				(asked) => store.queryDerivers(asked),
				(sink, found) => sink.strings(found),
			),
		],
		[
			operations.queryPathInfo,
			ofPath(
				(asked) => store.queryPathInfo(asked),
				(sink, info) => {
					sink.boolean(info !== undefined);
					if (info !== undefined) writePathInfo(sink, info);
				},
			),
		],
		[
			operations.ensurePath,
			ofPath(async (asked) => {
				store.addTempRoot(asked);
				await engine.substitute([asked]);
				requireValid(store, asked);
			}, done),
		],
		[
			operations.addTempRoot,
			ofPath((asked) => {
				store.addTempRoot(asked);
			}, done),
		],
		[
			operations.queryDerivationOutputMap,
			ofPath(
				(asked) => [...outputsOf(store, asked)],
				(sink, outputs) => sink.list(outputs, ([name, output]) => sink.string(name).string(output)),
			),
		],
		[
			operations.queryDerivationOutputs,
			ofPath(
				(asked) => [...outputsOf(store, asked).values()],
				(sink, found) => sink.strings(found),
			),
		],
		[
			operations.queryDerivationOutputNames,
			ofPath(
				(asked) => [...outputsOf(store, asked).keys()],
				(sink, found) => sink.strings(found),
			),
		],
		[
			operations.querySubstitutablePathInfo,
			ofPath(
				(asked) => engine.substitutable([asked]),
				(sink, [found]) => {
					sink.boolean(found !== undefined);
					if (found !== undefined) writeSubstitutable(sink, found);
				},
			),
		],
		[operations.narFromPath, async (request) => adds.narFromPath(request, await path(request))],
		[operations.syncWithGc, async ({ answer }) => answer(() => undefined, done)],
		[operations.optimiseStore, async ({ answer }) => answer(() => options.nars.optimise(), done)],
		[
			operations.queryAllValidPaths,
			async ({ answer }) =>
				answer(
					() => store.queryAllValidPaths(),
					(sink, found) => sink.strings(found),
				),
		],
		[
			operations.queryValidPaths,
			async (request) => {
				const asked = await readPaths(request.source, store.storeDir);
				const substitute = await request.source.boolean();
				await request.answer(
					async () => {
						if (substitute) await engine.substitute(asked, { signal: request.signal });
						return store.queryValidPaths(asked);
					},
					(sink, found) => sink.strings(found),
				);
			},
		],
		[
			operations.querySubstitutablePaths,
			async (request) => {
				const asked = await readPaths(request.source, store.storeDir);
				await request.answer(
					() => engine.substitutable(asked, { signal: request.signal }),
					(sink, found) => sink.strings(found.map((each) => each.path)),
				);
			},
		],
		[
			operations.querySubstitutablePathInfos,
			async (request) => {
				const asked = await request.source.list(async () => {
					const wanted = parseStorePath(await request.source.string(), store.storeDir);
					await request.source.string(); // its content address
					return wanted;
				});
				await request.answer(
					() => engine.substitutable(asked, { signal: request.signal }),
					(sink, found) =>
						sink.list(found, (each) => {
							sink.string(each.path);
							writeSubstitutable(sink, each);
						}),
				);
			},
		],
		[
			operations.queryPathFromHashPart,
			async (request) => {
				const hashPart = await request.source.string();
				await request.answer(
					() => store.queryPathFromHashPart(hashPart),
					(sink, found) => sink.string(found ?? ""),
				);
			},
		],
		[
			operations.addTextToStore,
			async (request) => {
				const [name, contents] = [await request.source.string(), await request.source.string()];
				const references = await readPaths(request.source, store.storeDir);
				await request.answer(
					() => store.addText({ name, contents, references }),
					(sink, added) => sink.string(added),
				);
			},
		],
		[operations.addToStore, (request) => adds.addToStore(request)],
		[operations.addToStoreNar, (request) => adds.addToStoreNar(request)],
		[operations.addMultipleToStore, (request) => adds.addMultipleToStore(request)],
		[operations.addBuildLog, (request) => adds.addBuildLog(request)],
		[
			operations.addSignatures,
			async (request) => {
				const asked = await path(request);
				const signatures = await request.source.strings();
				await request.answer(() => {
					store.addSignatures(asked, signatures);
				}, done);
			},
		],
		[
			operations.addIndirectRoot,
			async (request) => {
				const link = textOf(await request.source.string());
				await request.answer(() => {
					store.addIndirectRoot(link);
				}, done);
			},
		],
		[
			operations.addPermRoot,
			async (request) => {
				const asked = await path(request);
				const link = textOf(await request.source.string());
				await request.answer(
					() => {
						store.addRoot(link, asked);
					},
					(sink) => sink.string(bytesOf(link)),
				);
			},
		],
		[
			operations.findRoots,
			async ({ answer }) =>
				answer(
					() => store.roots(),
					(sink, roots) => sink.list(roots, (root) => sink.string(bytesOf(root.link)).string(root.path)),
				),
		],
		[
			operations.verifyStore,
			async (request) => {
				const checkContents = await request.source.boolean();
				const repair = await request.source.boolean();
				await request.answer(
					async () => {
						const faults = await store.verify({ checkContents });
						return repair ? await repairAll(engine, faults) : faults.length > 0;
					},
					(sink, wrong) => sink.boolean(wrong),
				);
			},
		],
		[operations.setOptions, (request) => setOptions(request, choice)],
		[operations.collectGarbage, (request) => collectGarbage(request, { engine, store, choice })],
		[operations.queryMissing, (request) => builds.queryMissing(request)],
		[operations.buildPaths, (request) => builds.buildPaths(request)],
		[operations.buildPathsWithResults, (request) => builds.buildPathsWithResults(request)],
		[operations.buildDerivation, (request) => builds.buildDerivation(request)],
		[
			operations.registerDrvOutput,
			async (request) => {
				await request.source.string();
				await request.answer(
					() => unsupported("derivations whose outputs are addressed by their contents"),
					() => undefined,
				);
			},
		],
		[
			// Of derivations whose outputs are addressed by their contents, of which there are none here.
			operations.queryRealisation,
			async (request) => {
				await request.source.string();
				await request.answer(
					() => undefined,
					(sink) => sink.number(0),
				);
			},
		],
	]);
}

/** Whether something is still wrong afterwards. */
async function repairAll(engine: Engine, faults: readonly VerifyFault[]): Promise<boolean> {
	let left = 0;
	for (const fault of faults) {
		if (!("path" in fault)) {
			left += 1;
			continue;
		}
		try {
			await engine.repair(fault.path);
		} catch (error) {
			if (!(error instanceof DiagnosticError)) throw error;
			left += 1;
		}
	}
	return left > 0;
}

function unsupported(what: string): never {
	return fail("WORKER_UNSUPPORTED", `this daemon does not support ${what}`);
}

function writeSubstitutable(sink: ByteSink, found: SubstitutablePath): void {
	const { deriver = "", references, downloadSize = 0, narSize } = found;
	sink.string(deriver).strings(references).number(downloadSize).number(narSize);
}

function outputsOf(store: Store, path: StorePath): Map<string, StorePath> {
	return store.queryDerivationOutputs(parseDrvPath(path, store.storeDir));
}

/** What clients want of their builds and of garbage collection; the rest of what they say is this user's configuration. */
async function setOptions({ answer, source }: WorkerRequest, choice: ClientChoice): Promise<void> {
	const keepFailed = await source.boolean();
	const keepGoing = await source.boolean();
	for (let index = 0; index < 3; index++) await source.amount(); // falling back, verbosity, jobs
	const silence = await source.amount();
	for (let index = 0; index < 4; index++) await source.amount(); // build hook, verbose builds, kind of log, traces
	const cores = await source.amount();
	await source.amount(); // substitutes
	const others = await source.list(
		async (): Promise<[string, string]> => [textOf(await source.string()), textOf(await source.string())],
	);
	await answer(
		() => {
			choice.keepGoing = keepGoing;
			choice.keeping = keepingOfSettings(others);
			choice.wishes = {
				// Zero is what a client sends whose user wants nothing.
				...(cores > 0 && Number.isSafeInteger(cores) ? { cores } : {}),
				...(silence > 0 && Number.isSafeInteger(silence) ? { limits: { silentMs: silence * 1000 } } : {}),
				...wishesOfSettings(others),
				keepFailed,
			};
		},
		() => undefined,
	);
}

async function collectGarbage(
	{ answer, source }: WorkerRequest,
	{ engine, store, choice }: { readonly engine: Engine; readonly store: Store; readonly choice: ClientChoice },
): Promise<void> {
	const action = await source.number();
	const paths = await readPaths(source, store.storeDir);
	const ignoreLiveness = await source.boolean();
	const maxFreed = await source.amount();
	for (let index = 0; index < 3; index++) await source.number(); // obsolete
	await answer(
		async () => {
			if (ignoreLiveness) unsupported("deleting what is alive");
			if (action === garbageActions.deleteSpecific) {
				const report = store.collectGarbage({ ...choice.keeping, paths });
				return { paths: report.deleted.map(({ path }) => path), bytes: report.bytesFreed };
			}
			const { returnLive, returnDead, deleteDead } = garbageActions;
			if (action !== returnLive && action !== returnDead && action !== deleteDead) {
				throw new ProtocolError(`${action} is nothing to do with garbage`);
			}
			const report = await engine.collectGarbage({
				...choice.keeping,
				dryRun: action !== deleteDead,
				dropped: [],
				groups: [],
				...(Number.isFinite(maxFreed) ? { maxFreed } : {}),
			});
			const dead = report.deleted.map(({ path }) => path);
			if (action !== returnLive) return { paths: dead, bytes: action === deleteDead ? report.bytesFreed : 0 };
			const gone = new Set(dead);
			return { paths: store.queryAllValidPaths().filter((path) => !gone.has(path)), bytes: 0 };
		},
		(sink, { paths: found, bytes }) => sink.strings(found).number(bytes).number(0),
	);
}
