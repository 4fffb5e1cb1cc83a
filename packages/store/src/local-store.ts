/**
 * The store on this machine's disk: the public face of this package's parts. Layer 2. Each thread and process opens
 * its own; they meet in the database.
 */

import { createHash } from "node:crypto";
import { chmodSync, lutimesSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fail } from "@devenv/diagnostics";
import {
	bufferFromBytes,
	bytesFromText,
	derivationReferences,
	drvPathName,
	expectedOutputPaths,
	formatDerivation,
	HashesModulo,
	isDrvPath,
	makeFixedOutputPath,
	makeTextPath,
	parseDerivation,
	storePathName,
	type Derivation,
	type DrvPath,
	type StorePath,
	type ValidityRegistration,
} from "@devenv/nix-formats";
import { addPath, computePath, narOfFile, type AddContext } from "./add-path.ts";
import { closureOf } from "./closure.ts";
import { formatContentAddress } from "./content-address.ts";
import { Database } from "./database.ts";
import { exportPaths } from "./export-paths.ts";
import { CANONICAL_TIME, deleteTree } from "./file-tree.ts";
import { collectGarbage, collectorRuns, readAllRoots, removeStaleMark } from "./garbage-collector.ts";
import { writeIndirectRoot, writeRootLink } from "./gc-roots.ts";
import { importNar } from "./import-nar.ts";
import { importPaths } from "./import-paths.ts";
import { dumpTree } from "./nar-dump.ts";
import { optimiseStore, optimiseTree } from "./optimise.ts";
import { PathLocks } from "./path-locks.ts";
import { PathTable } from "./path-table.ts";
import { type PlacedObject, PlacedObjects } from "./placed-objects.ts";
import { registerOutputs } from "./register-outputs.ts";
import { registerValidity } from "./register-validity.ts";
import {
	type ObjectToPlace,
	placeObjects,
	register,
	type ReadyObject,
	type RegistrationContext,
	withdrawObjects,
} from "./registration.ts";
import { removeDeadSessions, Session } from "./session.ts";
import type {
	AddPathOptions,
	AddTextOptions,
	BuiltOutput,
	ClosureOptions,
	GarbageOptions,
	GarbageReport,
	GcRoot,
	NarImport,
	OptimiseOptions,
	OptimiseReport,
	PathInfo,
	PathLock,
	RegisterOptions,
	Scratch,
	Store,
	VerifyFault,
} from "./store.ts";
import { hasCode, translateFailure, translateFailures } from "./store-failure.ts";
import { keepReserve, releaseReserve } from "./space-reserve.ts";
import { storeLayout, type StorePlace, type StoreLayout } from "./store-layout.ts";
import { TempRoots } from "./temp-roots.ts";
import { forgetMissing, verifyStore } from "./verify.ts";

export interface OpenStoreOptions extends StorePlace {
	/** Writes nothing; a store that does not exist is empty. Methods that would write fail with `STORE_READ_ONLY`. */
	readonly readOnly?: boolean;
	/** It is opened to collect garbage: space that was kept for that is given back first. */
	readonly collecting?: boolean;
}

/** Opens a store, makes it where there is none, and removes what killed processes left in it. */
export function openStore(options: OpenStoreOptions): Store {
	return translateFailures(`open the store at ${options.root}`, () => new LocalStore(options));
}

class LocalStore implements Store {
	readonly place: StorePlace;
	readonly root: string;
	readonly storeDir: string;
	readonly builderCache: string;
	readonly readOnly: boolean;
	readonly buildLogs: string;
	readonly #layout: StoreLayout;
	readonly #database: Database;
	readonly #paths: PathTable;
	readonly #tempRoots: TempRoots;
	readonly #placed: PlacedObjects;
	#session: Session | undefined;
	#locks: PathLocks | undefined;
	#hashes: HashesModulo | undefined;
	#closed = false;

	constructor(options: OpenStoreOptions) {
		const { readOnly: _, collecting = false, ...place } = options;
		this.place = { ...place, root: resolve(options.root) };
		const layout = storeLayout(this.place);
		this.#layout = layout;
		this.root = layout.root;
		this.storeDir = layout.storeDir;
		this.builderCache = layout.builderCache;
		this.buildLogs = layout.buildLogs;
		this.readOnly = options.readOnly ?? false;
		if (collecting) releaseReserve(layout);
		if (!this.readOnly) makeFolders(layout);
		this.#database = new Database(layout, this.readOnly);
		this.#paths = new PathTable(this.#database, layout.storeDir);
		this.#tempRoots = new TempRoots(layout, () => this.#openSession());
		this.#placed = new PlacedObjects(layout);
		if (!this.readOnly) {
			this.#placed.removeStale(this.#database, this.#paths);
			removeDeadSessions(layout, this.#database, this.#paths);
			removeStaleMark(layout);
			if (!collecting) this.#keepReserve();
		}
	}

	physical(path: string): string {
		if (path === this.storeDir || path.startsWith(`${this.storeDir}/`)) {
			return this.#layout.storeFolder + path.slice(this.storeDir.length);
		}
		return fail("STORE_PATH", `"${path}" does not lie in ${this.storeDir}`);
	}

	isValid(path: StorePath): boolean {
		return this.#paths.isValid(path);
	}

	queryPathInfo(path: StorePath): PathInfo | undefined {
		return this.#paths.info(path);
	}

	pathInfo(path: StorePath): PathInfo {
		return this.#paths.info(path) ?? failInvalid(path);
	}

	queryAllValidPaths(): StorePath[] {
		return this.#paths.all();
	}

	queryValidPaths(paths: Iterable<StorePath>): StorePath[] {
		return [...paths].filter((path) => this.#paths.isValid(path));
	}

	queryReferrers(path: StorePath): StorePath[] {
		return this.#paths.referrers(path);
	}

	queryDerivers(path: StorePath): DrvPath[] {
		return this.#paths.derivers(path);
	}

	queryDerivationOutputs(path: DrvPath): Map<string, StorePath> {
		if (!this.#paths.isValid(path)) failInvalid(path);
		return this.#paths.derivationOutputs(path);
	}

	queryPathFromHashPart(hashPart: string): StorePath | undefined {
		return this.#paths.fromHashPart(hashPart);
	}

	computeClosure(paths: Iterable<StorePath>, options: ClosureOptions = {}): StorePath[] {
		const { direction = "references", includeOutputs = false, includeDerivers = false } = options;
		return closureOf(paths, (path) => {
			const next =
				direction === "references" ? (this.#paths.references(path) ?? failInvalid(path)) : this.queryReferrers(path);
			if (includeOutputs && isDrvPath(path, this.storeDir)) {
				next.push(...this.queryValidPaths(this.#paths.derivationOutputs(path).values()));
			}
			if (includeDerivers) next.push(...this.queryDerivers(path));
			return next;
		});
	}

	addText(options: AddTextOptions): StorePath {
		const { name, contents, references = [] } = options;
		const path = makeTextPath({ name, contents, references, storeDir: this.storeDir });
		if (this.#present(path)) return path;
		const derivation = isDrvPath(path, this.storeDir) ? this.#checkedDerivation(path, contents) : undefined;
		this.#addTextObject({ path, contents, references, ...(derivation && { derivation }) });
		return path;
	}

	addPath(options: AddPathOptions): StorePath {
		return this.#writing(`add ${options.source}`, () => addPath(this.#addContext(), options));
	}

	computePath(options: AddPathOptions): StorePath {
		return translateFailures(`read ${options.source}`, () => computePath(options, this.#layout).path);
	}

	addDerivation(derivation: Derivation): DrvPath {
		const contents = formatDerivation(derivation);
		const references = [...new Set<StorePath>([...derivation.inputSrcs, ...derivation.inputDrvs.keys()])].sort();
		const name = `${derivation.name}.drv`;
		const path = makeTextPath({ name, contents, references, storeDir: this.storeDir }) as DrvPath;
		if (!this.#present(path)) this.#addTextObject({ path, contents, references, derivation });
		return path;
	}

	readDerivation(path: DrvPath): Derivation {
		if (!this.#paths.isValid(path)) failInvalid(path);
		const text = translateFailures(`read ${path}`, () => readFileSync(this.physical(path), "latin1"));
		return this.#parseDerivation(path, text);
	}

	async registerOutputs(
		outputs: readonly BuiltOutput[],
		check?: (infos: readonly PathInfo[]) => void,
	): Promise<PathInfo[]> {
		const work = (): Promise<PathInfo[]> => registerOutputs(this.#addContext(), outputs, check);
		return await this.#writingAsync("register a build's outputs", work);
	}

	placeOutputs(objects: readonly ObjectToPlace[]): void {
		this.#writing("place a build's outputs", () => {
			placeObjects(this.#registrationContext(), objects);
		});
	}

	isPlaced(path: StorePath): boolean {
		return this.#placed.has(path);
	}

	placed(): PlacedObject[] {
		return this.#placed.list().filter(({ path }) => !this.#paths.isValid(path));
	}

	withdraw(paths: readonly StorePath[]): void {
		this.#writing("withdraw what was placed", () => {
			withdrawObjects(this.#registrationContext(), paths);
		});
	}

	async importNar(info: NarImport, nar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<PathInfo> {
		return await this.#writingAsync(`import ${info.path}`, () => importNar(this.#addContext(), info, nar));
	}

	dumpNar(path: StorePath, sink: (piece: Uint8Array) => void): void {
		if (!this.#paths.isValid(path)) failInvalid(path);
		translateFailures(`read ${path}`, () => dumpTree(bytesFromText(this.physical(path)), sink));
	}

	exportPaths(paths: Iterable<StorePath>, sink: (piece: Uint8Array) => void): void {
		const context = { pathInfo: (path: StorePath) => this.pathInfo(path), physical: this.#physical };
		exportPaths(context, paths, sink);
	}

	async importPaths(
		stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
		onRest?: (bytes: Uint8Array) => void,
	): Promise<StorePath[]> {
		return await this.#writingAsync("import store objects", () => {
			const derivation = (path: DrvPath, text: string): Derivation => this.#foreignDerivation(path, text);
			return importPaths({ ...this.#addContext(), derivation }, stream, onRest);
		});
	}

	async registerValidity(registrations: readonly ValidityRegistration[], options: RegisterOptions = {}): Promise<void> {
		const context = {
			database: this.#database,
			paths: this.#paths,
			storeDir: this.storeDir,
			physical: this.#physical,
			addTempRoot: (path: StorePath) => {
				this.addTempRoot(path);
			},
			derivation: (path: DrvPath, text: string) => this.#foreignDerivation(path, text),
		};
		await this.#writingAsync("register store objects", () => registerValidity(context, registrations, options));
	}

	addSignatures(path: StorePath, signatures: readonly string[]): void {
		this.#writing(`sign ${path}`, () => {
			this.#database.transaction(() => {
				const known = this.pathInfo(path).signatures;
				this.#paths.setSignatures(path, [...new Set([...known, ...signatures])].sort());
			});
		});
	}

	addTempRoot(path: StorePath): void {
		this.#writing("add a temporary root", () => {
			if (this.#tempRoots.add(path)) this.#waitForCollector();
		});
	}

	forgetTempRoots(): void {
		this.#writing("forget the temporary roots", () => {
			this.#tempRoots.forget();
		});
	}

	addRoot(link: string, path: StorePath): void {
		this.#writing(`make the root ${link}`, () => {
			this.addTempRoot(path);
			writeRootLink(this.#layout, link, path);
			writeIndirectRoot(this.#layout, link);
		});
	}

	addIndirectRoot(link: string): void {
		this.#writing(`make the root ${link}`, () => {
			writeIndirectRoot(this.#layout, link);
		});
	}

	roots(): GcRoot[] {
		return translateFailures("read the roots", () => readAllRoots(this.#layout, this.#paths, { prune: false }));
	}

	async lock(paths: readonly StorePath[], options: { readonly signal?: AbortSignal } = {}): Promise<PathLock> {
		return await this.#writingAsync("lock store paths", () => this.#pathLocks().lock(paths, options.signal));
	}

	tryLock(paths: readonly StorePath[]): PathLock | undefined {
		return this.#writing("lock store paths", () => this.#pathLocks().tryLock(paths));
	}

	scratch(): Scratch {
		return this.#writing("make a scratch folder", () => {
			const path = this.#openSession().newPath();
			mkdirSync(path, { mode: 0o700 });
			const remove = (): void => {
				deleteWithLatecomers(path);
			};
			return { path, remove, [Symbol.dispose]: remove };
		});
	}

	collectGarbage(options: GarbageOptions = {}): GarbageReport {
		return this.#writing("collect garbage", () => {
			if (options.dryRun !== true) releaseReserve(this.#layout);
			try {
				const session = this.#openSession();
				const context = { layout: this.#layout, database: this.#database, paths: this.#paths, placed: this.#placed };
				return collectGarbage({ ...context, session, locks: this.#pathLocks() }, options);
			} finally {
				this.#keepReserve();
			}
		});
	}

	optimise(options: OptimiseOptions = {}): OptimiseReport {
		return this.#writing("optimise the store", () => {
			const context = {
				paths: this.#paths,
				links: this.#layout.links,
				physical: this.#physical,
				addTempRoot: (path: StorePath) => {
					this.addTempRoot(path);
				},
				newPath: () => this.#openSession().newPath(),
			};
			return optimiseStore(context, options);
		});
	}

	forgetMissing(): StorePath[] {
		const context = { database: this.#database, paths: this.#paths, physical: this.#physical };
		return this.#writing("forget what is not there", () => forgetMissing(context));
	}

	async verify(options: { readonly checkContents?: boolean } = {}): Promise<VerifyFault[]> {
		const { links } = this.#layout;
		const context = { database: this.#database, paths: this.#paths, physical: this.#physical, links };
		return await verifyStore(context, options.checkContents ?? false);
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#locks?.close();
		this.#tempRoots.close();
		this.#session?.close();
		this.#database.close();
	}

	[Symbol.dispose](): void {
		this.close();
	}

	readonly #physical = (path: StorePath): string => this.physical(path);

	/** Makes the path a temporary root, and says whether it is valid. */
	#present(path: StorePath): boolean {
		this.addTempRoot(path);
		return this.#paths.isValid(path);
	}

	#addTextObject(object: {
		readonly path: StorePath;
		readonly contents: string;
		readonly references: readonly StorePath[];
		readonly derivation?: Derivation;
	}): void {
		const { path, contents, references, derivation } = object;
		this.#writing(`add ${path}`, () => {
			const bytes = bufferFromBytes(contents);
			const from = this.#openSession().newPath();
			writeFileSync(from, bytes, { flag: "wx" });
			chmodSync(from, 0o444);
			lutimesSync(from, CANONICAL_TIME, CANONICAL_TIME);
			this.#optimise(from, false);
			const hash = { algo: "sha256", bytes: createHash("sha256").update(bytes).digest() } as const;
			const info: PathInfo = {
				path,
				...narOfFile(bytes),
				references: [...new Set(references)].sort(),
				deriver: undefined,
				registrationTime: Math.floor(Date.now() / 1000),
				ultimate: false,
				signatures: [],
				contentAddress: formatContentAddress({ method: "text", hash }),
			};
			this.#register([{ info, from, ...(derivation && { derivation }) }]);
		});
	}

	#keepReserve(): void {
		const { reserve } = this.place;
		if (reserve !== undefined) keepReserve(this.#layout, reserve);
	}

	/** What lies at `from` is about to be registered. */
	#optimise(from: string, repair: boolean): void {
		if (this.place.autoOptimise === true) optimiseTree(from, { links: this.#layout.links, repair });
	}

	#register(objects: readonly ReadyObject[]): void {
		register(this.#registrationContext(), objects);
	}

	#registrationContext(): RegistrationContext {
		return {
			database: this.#database,
			paths: this.#paths,
			session: this.#openSession(),
			placed: this.#placed,
			storeDir: this.storeDir,
			physical: this.#physical,
		};
	}

	#addContext(): AddContext {
		return {
			storeDir: this.storeDir,
			stateDir: this.#layout.stateDir,
			physical: this.#physical,
			newPath: () => this.#openSession().newPath(),
			links: this.#layout.links,
			autoOptimise: this.place.autoOptimise === true,
			optimise: (from, repair) => {
				this.#optimise(from, repair);
			},
			present: (path) => this.#present(path),
			pathInfo: (path) => this.pathInfo(path),
			derivation: (path, text) => this.#checkedDerivation(path, text),
			register: (objects) => {
				this.#register(objects);
			},
		};
	}

	/** What comes with a path that nobody has checked: the contents must be those that the path is named after. */
	#foreignDerivation(path: DrvPath, text: string): Derivation {
		const derivation = this.#parseDerivation(path, text);
		const { storeDir } = this;
		const name = storePathName(path);
		const own = makeTextPath({ name, contents: text, references: derivationReferences(derivation), storeDir });
		const { narHash: hash } = narOfFile(bufferFromBytes(text));
		// It may also have been added as any file is.
		if (own !== path && makeFixedOutputPath({ name, method: "recursive", hash, storeDir }) !== path) {
			fail("STORE_CONTENT_ADDRESS", `${path} has the contents of ${own}`);
		}
		return this.#checkOutputs(path, derivation);
	}

	#checkedDerivation(path: DrvPath, text: string): Derivation {
		return this.#checkOutputs(path, this.#parseDerivation(path, text));
	}

	/** Of a derivation from a foreign hand the output paths must be those that follow from the rest of it. */
	#checkOutputs(path: DrvPath, derivation: Derivation): Derivation {
		this.#hashes ??= new HashesModulo((input) => this.readDerivation(input));
		for (const [name, expected] of expectedOutputPaths(derivation, this.#hashes, this.storeDir)) {
			const given = derivation.outputs.get(name)?.path;
			if (given !== expected) {
				fail("STORE_DRV_OUTPUT", `${path} says that its output "${name}" is "${given}", but it is ${expected}`);
			}
		}
		return derivation;
	}

	#parseDerivation(path: DrvPath, text: string): Derivation {
		return parseDerivation(text, { name: drvPathName(path), storeDir: this.storeDir, file: path });
	}

	#openSession(): Session {
		this.#session ??= new Session(this.#layout);
		return this.#session;
	}

	#pathLocks(): PathLocks {
		this.#locks ??= new PathLocks(this.#layout, this.#openSession().id);
		return this.#locks;
	}

	#waitForCollector(): void {
		if (collectorRuns(this.#layout)) this.#database.waitForWriters();
	}

	#writing<T>(what: string, action: () => T): T {
		this.#refuseReadOnly(what);
		return translateFailures(what, action);
	}

	async #writingAsync<T>(what: string, action: () => Promise<T>): Promise<T> {
		this.#refuseReadOnly(what);
		try {
			return await action();
		} catch (error) {
			throw translateFailure(what, error);
		}
	}

	#refuseReadOnly(what: string): void {
		if (this.readOnly) fail("STORE_READ_ONLY", `cannot ${what}: the store was opened for reading only`);
	}
}

/** Milliseconds between attempts to delete a folder into which somebody still writes, and how many there are. */
const LATECOMER_PAUSE = 10;
const LATECOMER_ATTEMPTS = 100;

/** What was killed in a sandbox may write until the kernel has come to it. */
function deleteWithLatecomers(path: string): void {
	for (let attempt = 1; ; attempt += 1) {
		try {
			deleteTree(bytesFromText(path));
			return;
		} catch (error) {
			if (!hasCode(error, "ENOTEMPTY") || attempt === LATECOMER_ATTEMPTS) throw error;
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LATECOMER_PAUSE);
		}
	}
}

function makeFolders(layout: StoreLayout): void {
	const { links, stateDir, gcRoots, tempRoots, profiles, sessions, temporary, placed } = layout;
	const nix = [links, `${stateDir}/db`, `${gcRoots}/auto`, tempRoots, profiles];
	for (const folder of [...nix, sessions, temporary, placed]) mkdirSync(folder, { recursive: true });
}

function failInvalid(path: StorePath): never {
	return fail("STORE_PATH_NOT_VALID", `${path} is not in the store`);
}
