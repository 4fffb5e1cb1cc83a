/**
 * The evaluator's I/O on a store and the file system of this machine. Layer 3: synchronous, for a thread of its own.
 *
 * Store derivations and texts are kept in memory until they are needed ({@link NodeEvalIO.write}); everything read
 * outside the store is logged.
 */

import {
	EvalIoError,
	type AddPathRequest,
	type EvalIO,
	type FetchRequest,
	type FileType,
	type LogLevel,
} from "@devenv/evaluator";
import {
	bytesFromBuffer,
	bytesFromText,
	parseDrvPath,
	parseStorePath,
	splitStorePath,
	textFromBytes,
	type ByteString,
	type Derivation,
	type Instantiated,
	type StorePath,
} from "@devenv/nix-formats";
import type { AddPathOptions, Store } from "@devenv/store";
import { accessing } from "./file-failure.ts";
import { LogicalFiles, typeOf } from "./logical-files.ts";
import { PendingObjects } from "./pending-objects.ts";
import { ReadLog } from "./read-log.ts";

/** Attributes of a fetched tree, or of the input that says what to fetch. */
export type TreeAttributes = ReadonlyMap<string, string | number | boolean>;

export interface EvalIOOptions {
	readonly store: Store;
	/** Nothing is written to the store; paths are only computed. */
	readonly readOnly?: boolean;
	/** Refuses what may give another result another time: downloads without a hash, and the time. */
	readonly pure?: boolean;
	/** What `builtins.getEnv` sees. */
	readonly environment?: Readonly<Record<string, string | undefined>>;
	/** Gets the messages of `trace` and `warn`. */
	readonly log: (level: LogLevel, message: ByteString) => void;
	/** Import from derivation: returns when the outputs of a valid store derivation are valid. */
	readonly realise?: (drvPath: string, outputs: readonly string[]) => void;
	/** Makes a store path valid that is not. */
	readonly substitute?: (path: string) => void;
	/** Fetches a file, or an archive and unpacks it, into the store; gives the store path. */
	readonly fetch?: (request: FetchRequest) => string;
	readonly fetchTree?: (input: TreeAttributes) => TreeAttributes;
	/** Seconds since 1970. */
	readonly now?: () => number;
}

export class NodeEvalIO implements EvalIO {
	readonly storeDir: string;
	readonly reads: ReadLog = new ReadLog();
	readonly #options: EvalIOOptions;
	#store: Store;
	readonly #files: LogicalFiles;
	readonly #pending = new PendingObjects();
	/** In read-only mode: store paths of what would have been copied, and where it lies. */
	readonly #uncopied = new Map<string, string>();

	constructor(options: EvalIOOptions) {
		this.#options = options;
		this.#store = options.store;
		this.storeDir = options.store.storeDir;
		this.#files = new LogicalFiles(this.storeDir, bytesFromText(this.#store.physical(this.storeDir)));
	}

	/** Reads the same store through this opening of it from now on: one opened for reading may not see what is made. */
	useStore(store: Store): void {
		this.#store = store;
	}

	/** Writes store derivations and texts that evaluation made, with their closures, to the store. */
	write(paths: Iterable<string>): void {
		if (this.#options.readOnly !== true) this.#pending.write(this.#store, paths);
	}

	/** All store derivations that evaluation made so far. */
	derivations(): readonly string[] {
		return this.#pending.derivations();
	}

	readFile(given: string): ByteString {
		const path = this.#located(given);
		const pending = this.#pending.text(path);
		if (pending !== undefined) return pending;
		this.#logRead(path, "file");
		return accessing("opening file", path, () => this.#files.read(path));
	}

	fileType(given: string): FileType | undefined {
		const path = this.#located(given);
		if (this.#pending.has(path)) return "regular";
		const type = accessing("getting status of", path, () => this.#files.type(path));
		if (type === undefined) this.#logRead(path, "absent");
		else if (type === "symlink") this.#logRead(path, "link");
		else if (type === "regular") this.#logRead(path, "file");
		return type;
	}

	readDirectory(given: string): readonly (readonly [name: ByteString, type: FileType])[] {
		const path = this.#located(given);
		this.#logRead(path, "directory");
		const entries = accessing("reading directory", path, () => this.#files.list(path));
		return entries.map((entry) => [bytesFromBuffer(entry.name), typeOf(entry)]);
	}

	readLink(given: string): ByteString {
		const path = this.#located(given);
		this.#logRead(path, "link");
		return accessing("reading symbolic link", path, () => this.#files.readLink(path));
	}

	addPathToStore(request: AddPathRequest): string {
		const { name, method, filter } = request;
		const path = this.#located(request.path);
		const inStore = splitStorePath(path, this.storeDir);
		if (inStore !== undefined && this.#pending.has(inStore.storePath)) {
			this.#needWritable(path);
			this.write([inStore.storePath]);
		}
		if (method === "text") throw new EvalIoError(`path '${path}' cannot be added as a text`, path);
		const options: AddPathOptions = {
			name,
			source: textFromBytes(this.#files.physical(path)),
			method,
			filter: (relative, kind) => {
				const entry = `${path === "/" ? "" : path}/${relative}`;
				if (filter !== undefined && !filter(`${request.path === "/" ? "" : request.path}/${relative}`, kind))
					return false;
				this.#logRead(entry, kind === "directory" ? "directory" : kind === "symlink" ? "link" : "file");
				return true;
			},
		};
		const type = this.fileType(path);
		if (type === undefined) throw new EvalIoError(`path '${request.path}' does not exist`, request.path);
		if (type === "directory") this.#logRead(path, "directory");
		return accessing("adding", path, () => {
			if (this.#options.readOnly !== true) return this.#store.addPath(options);
			const storePath = this.#store.computePath(options);
			this.#uncopied.set(storePath, path);
			return storePath;
		});
	}

	addTextToStore(name: string, contents: ByteString, references: readonly string[]): string {
		const { storeDir } = this;
		return this.#pending.addText({ name, contents, references: references as readonly StorePath[], storeDir });
	}

	addDerivation(derivation: Derivation, instantiated: Instantiated): void {
		this.#pending.addDerivation(derivation, instantiated);
	}

	references(path: string): readonly string[] {
		const pending = this.#pending.references(path);
		if (pending !== undefined) return pending;
		return this.#store.queryPathInfo(parseStorePath(path, this.storeDir))?.references ?? [];
	}

	isValidPath(path: string): boolean {
		if (this.#pending.has(path) || this.#uncopied.has(path)) return true;
		return this.#store.isValid(parseStorePath(path, this.storeDir));
	}

	ensureRealised(drvPath: string, outputs?: readonly string[]): ReadonlyMap<string, string> {
		const derivation = this.readDerivation(drvPath);
		const paths = new Map<string, string>();
		for (const [name, output] of derivation.outputs) {
			if (outputs === undefined || outputs.includes(name)) paths.set(name, output.path);
		}
		const missing = [...paths].filter(([, path]) => path === "" || !this.#store.isValid(path as StorePath));
		if (missing.length === 0) return paths;
		const { realise } = this.#options;
		if (realise === undefined || this.#options.readOnly === true) {
			throw new EvalIoError(
				`cannot build '${drvPath}' during evaluation, since building is not possible here`,
				drvPath,
			);
		}
		this.write([drvPath]);
		realise(
			drvPath,
			missing.map(([name]) => name),
		);
		return paths;
	}

	readDerivation(drvPath: string): Derivation {
		const pending = this.#pending.derivation(drvPath);
		if (pending !== undefined) return pending;
		return accessing("reading", drvPath, () => this.#store.readDerivation(parseDrvPath(drvPath, this.storeDir)));
	}

	ensurePath(path: string): void {
		if (this.isValidPath(path) || this.#options.readOnly === true) return;
		const { substitute } = this.#options;
		if (substitute === undefined) {
			throw new EvalIoError(`path '${path}' is not valid and cannot be substituted here`, path);
		}
		accessing("substituting", path, () => {
			substitute(path);
		});
	}

	getEnv(name: string): ByteString {
		this.reads.addVariable(name);
		const value = this.#options.environment?.[textFromBytes(name)];
		return value === undefined ? "" : bytesFromText(value);
	}

	currentTime(): number {
		if (this.#options.pure === true) {
			throw new EvalIoError("the time is not known here: what an environment is must not depend on it", "");
		}
		return this.#options.now?.() ?? Math.floor(Date.now() / 1000);
	}

	fetch(request: FetchRequest): string {
		if (this.#options.pure === true && request.sha256 === undefined) {
			const reason = "an environment may only fetch what it names the hash of, as 'sha256'";
			throw new EvalIoError(`cannot fetch '${request.url}': ${reason}`, request.url);
		}
		const { fetch } = this.#options;
		if (fetch === undefined) {
			throw new EvalIoError(`cannot fetch '${request.url}': downloads are not possible here`, request.url);
		}
		return accessing("fetching", request.url, () => fetch(request));
	}

	fetchTree(input: TreeAttributes): TreeAttributes {
		const { fetchTree } = this.#options;
		const url = String(input.get("url") ?? input.get("path") ?? input.get("type") ?? "");
		if (this.#options.pure === true && !isPinned(input)) {
			const reason = "an environment may only fetch what it pins, with 'narHash', or 'rev' of a remote repository";
			throw new EvalIoError(`cannot fetch '${url}': ${reason}`, url);
		}
		if (fetchTree === undefined) {
			throw new EvalIoError(`cannot fetch '${url}': ${String(input.get("type"))} inputs are not supported`, url);
		}
		return accessing("fetching", url, () => fetchTree(input));
	}

	log(level: LogLevel, message: ByteString): void {
		this.#options.log(level, message);
	}

	/** Where to read a path that lies in something that would have been copied. */
	#located(path: string): string {
		if (this.#uncopied.size === 0 || !this.#files.inStore(path)) return path;
		const split = splitStorePath(path, this.storeDir);
		const source = split === undefined ? undefined : this.#uncopied.get(split.storePath);
		return source === undefined || split === undefined ? path : source + split.subPath;
	}

	#needWritable(path: string): void {
		if (this.#options.readOnly === true) {
			throw new EvalIoError(`path '${path}' is not valid, since nothing is written in read-only mode`, path);
		}
	}

	#logRead(path: string, kind: "file" | "directory" | "absent" | "link"): void {
		if (!this.#files.inStore(path)) this.reads.add(path, kind);
	}
}

/** Whether an input means the same at all times and on all machines. */
function isPinned(input: TreeAttributes): boolean {
	if (input.has("narHash")) return true;
	return input.has("rev") && (input.get("type") !== "git" || /^https?:/.test(String(input.get("url"))));
}
