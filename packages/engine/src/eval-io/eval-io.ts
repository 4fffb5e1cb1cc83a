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
import { digestOf, type ReadJournal, stateOf, stateOfTree, type TreeName } from "../eval-memory/read-journal.ts";
import { answerOfFailure, answerOfVariable, digestOfEntries, FilteredTree } from "../eval-memory/answers.ts";
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
	readonly environment?: Readonly<Record<string, string | undefined>> | ((name: string) => string | undefined);
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
	/** Gets what is read, with the answers. */
	readonly journal?: ReadJournal;
}

export class NodeEvalIO implements EvalIO {
	readonly storeDir: string;
	readonly reads: ReadLog = new ReadLog();
	readonly #options: EvalIOOptions;
	readonly #journal: ReadJournal | undefined;
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
		this.#journal = options.journal;
	}

	get sourceRoot(): string | undefined {
		return this.#journal?.root;
	}

	observe(listener: (read: number) => void): void {
		this.#journal?.observe(listener);
	}

	notePlace(): void {
		this.#journal?.place();
	}

	noteDoubt(): void {
		this.#journal?.never();
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
		const state = this.#stateBefore(path);
		const text = accessing("opening file", path, () =>
			this.#noting({ kind: "file", path }, () => this.#files.read(path)),
		);
		this.#noteAnswer("file", path, () => digestOf(text), state);
		return text;
	}

	fileType(given: string): FileType | undefined {
		const path = this.#located(given);
		if (this.#pending.has(path)) return "regular";
		const type = accessing("getting status of", path, () =>
			this.#noting({ kind: "type", path }, () => this.#files.type(path)),
		);
		this.#noteAnswer("type", path, () => type ?? "absent");
		if (type === undefined) this.#logRead(path, "absent");
		else if (type === "symlink") this.#logRead(path, "link");
		else if (type === "regular") this.#logRead(path, "file");
		return type;
	}

	readDirectory(given: string): readonly (readonly [name: ByteString, type: FileType])[] {
		const path = this.#located(given);
		this.#logRead(path, "directory");
		const state = this.#stateBefore(path);
		const listed = accessing("reading directory", path, () =>
			this.#noting({ kind: "list", path }, () => this.#files.list(path)),
		);
		const entries = listed.map((entry): [ByteString, FileType] => [bytesFromBuffer(entry.name), typeOf(entry)]);
		this.#noteAnswer("list", path, () => digestOfEntries(entries), state);
		return entries;
	}

	readLink(given: string): ByteString {
		const path = this.#located(given);
		this.#logRead(path, "link");
		const target = accessing("reading symbolic link", path, () =>
			this.#noting({ kind: "link", path }, () => this.#files.readLink(path)),
		);
		if (!this.#files.inStore(path)) this.#journal?.noteLink(path, target);
		else this.#noteStored(path);
		return target;
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
		const filtered = new FilteredTree(this.#journal === undefined || filter === undefined ? undefined : this.#files);
		const options: AddPathOptions = {
			name,
			source: textFromBytes(this.#files.physical(path)),
			method,
			filter: (relative, kind) => {
				const entry = `${path === "/" ? "" : path}/${relative}`;
				if (filter !== undefined && !filter(`${request.path === "/" ? "" : request.path}/${relative}`, kind))
					return false;
				this.#logRead(entry, kind === "directory" ? "directory" : kind === "symlink" ? "link" : "file");
				filtered.add(entry, kind);
				return true;
			},
		};
		const type = this.fileType(path);
		if (type === undefined) throw new EvalIoError(`path '${request.path}' does not exist`, request.path);
		if (type === "directory") this.#logRead(path, "directory");
		filtered.add(path, type);
		const whole = filter === undefined && this.#journal !== undefined && !this.#files.inStore(path);
		const state = whole ? stateOfTree(path) : "";
		const added = this.#reading(() =>
			accessing("adding", path, () => {
				if (this.#options.readOnly !== true) return this.#store.addPath(options);
				const storePath = this.#store.computePath(options);
				this.#uncopied.set(storePath, path);
				return storePath;
			}),
		);
		if (this.#files.inStore(path)) this.#noteStored(path);
		else if (this.#journal !== undefined) {
			const tree: TreeName = [this.#journal.relative(path), name, method];
			if (whole) this.#journal.note("tree", JSON.stringify(tree), added, state);
			else filtered.note(this.#journal);
		}
		return added;
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
		const info = this.#store.queryPathInfo(parseStorePath(path, this.storeDir));
		this.#journal?.note("valid", path, info === undefined ? "no" : "yes");
		return info?.references ?? [];
	}

	isValidPath(path: string): boolean {
		if (this.#pending.has(path) || this.#uncopied.has(path)) return true;
		const valid = this.#store.isValid(parseStorePath(path, this.storeDir));
		this.#journal?.note("valid", path, valid ? "yes" : "no");
		return valid;
	}

	ensureRealised(drvPath: string, outputs?: readonly string[]): ReadonlyMap<string, string> {
		const derivation = this.readDerivation(drvPath);
		const paths = new Map<string, string>();
		for (const [name, output] of derivation.outputs) {
			if (outputs === undefined || outputs.includes(name)) paths.set(name, output.path);
		}
		const missing = [...paths].filter(([, path]) => path === "" || !this.#store.isValid(path as StorePath));
		if (missing.length === 0) return this.#noteBuilt(paths);
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
		return this.#noteBuilt(paths);
	}

	#noteBuilt(paths: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
		for (const path of paths.values()) this.#noteStored(path);
		return paths;
	}

	readDerivation(drvPath: string): Derivation {
		const pending = this.#pending.derivation(drvPath);
		if (pending !== undefined) return pending;
		const parsed = parseDrvPath(drvPath, this.storeDir);
		const read = this.#reading(() => accessing("reading", drvPath, () => this.#store.readDerivation(parsed)));
		this.#noteStored(drvPath);
		return read;
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
		this.#noteStored(path);
	}

	getEnv(name: string): ByteString {
		this.reads.addVariable(name);
		const { environment } = this.#options;
		const text = textFromBytes(name);
		const value = typeof environment === "function" ? environment(text) : environment?.[text];
		this.#journal?.note("variable", name, answerOfVariable(value));
		return value === undefined ? "" : bytesFromText(value);
	}

	currentTime(): number {
		if (this.#options.pure === true) {
			throw new EvalIoError("the time is not known here: what an environment is must not depend on it", "");
		}
		this.#journal?.never();
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
		const path = this.#reading(() => accessing("fetching", request.url, () => fetch(request)));
		if (request.sha256 === undefined) this.#journal?.never();
		else this.#noteStored(path);
		return path;
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
		const tree = this.#reading(() => accessing("fetching", url, () => fetchTree(input)));
		const path = tree.get("outPath");
		if (!isPinned(input) || typeof path !== "string") this.#journal?.never();
		else this.#noteStored(path);
		return tree;
	}

	log(level: LogLevel, message: ByteString): void {
		// A message may show a path.
		this.notePlace();
		this.#journal?.note("log", message, level);
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

	/** The state of a file or folder that is to be read now. */
	#stateBefore(path: string): string {
		return this.#journal === undefined || this.#files.inStore(path) ? "" : stateOf(path);
	}

	/** A failure of the file system is an answer too. */
	#noting<T>(what: { readonly kind: "file" | "type" | "list" | "link"; readonly path: string }, read: () => T): T {
		try {
			return read();
		} catch (error) {
			if (this.#files.inStore(what.path)) this.#journal?.never();
			else this.#journal?.notePath(what.kind, what.path, answerOfFailure(error));
			throw error;
		}
	}

	/** What fails now may succeed another time. */
	#reading<T>(read: () => T): T {
		try {
			return read();
		} catch (error) {
			this.#journal?.never();
			throw error;
		}
	}

	#noteAnswer(kind: "file" | "type" | "list", path: string, answer: () => string, state = ""): void {
		if (this.#journal === undefined) return;
		if (!this.#files.inStore(path)) this.#journal.notePath(kind, path, answer(), state);
		// A store path that is not there may come.
		else if (kind === "type" && answer() === "absent") this.#journal.note("type", path, "absent");
		// That the store is a folder needs no telling.
		else if (path !== this.storeDir || kind !== "type") this.#noteStored(path);
	}

	/** Something in the store was read: it is the same for as long as its store path is valid. */
	#noteStored(path: string): void {
		if (this.#journal === undefined) return;
		const split = splitStorePath(path, this.storeDir);
		if (split !== undefined && this.#pending.has(split.storePath)) return;
		if (split !== undefined && this.#store.isValid(parseStorePath(split.storePath, this.storeDir))) {
			this.#journal.note("valid", split.storePath, "yes");
		} else this.#journal.never();
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
