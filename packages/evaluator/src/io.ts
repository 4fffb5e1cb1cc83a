/**
 * What evaluation needs from the world: one injected, synchronous interface. Layer 1, pure: nothing here does I/O.
 *
 * Paths are absolute, canonical, logical paths as byte strings; the implementation maps `/nix/store` to where the store
 * really lies, records what was read, and refuses what is not allowed by throwing an {@link EvalIoError}. Any other
 * error that a method throws is a bug.
 */

import type { ByteString, Derivation, Instantiated } from "@devenv/nix-formats";

export type FileType = "regular" | "directory" | "symlink" | "unknown";

/** A failed access; the message is worded for the user and follows Nix's. */
export class EvalIoError extends Error {
	readonly path: string;

	constructor(message: string, path: string, options?: ErrorOptions) {
		super(message, options);
		this.name = "EvalIoError";
		this.path = path;
	}
}

export type IngestionMethod = "flat" | "recursive" | "text";

/** An object to add to the store from the file system. */
export interface AddPathRequest {
	readonly path: string;
	readonly name: string;
	readonly method: IngestionMethod;
	/** Expected hash (any Nix notation); a mismatch is an error. */
	readonly sha256?: string;
	/** `builtins.path` and `filterSource`: false leaves the entry out. */
	readonly filter?: (path: string, type: FileType) => boolean;
}

/** What `builtins.fetchurl` and `fetchTarball` ask for. */
export interface FetchRequest {
	readonly url: string;
	readonly name: string;
	readonly unpack: boolean;
	/** Expected hash (any Nix notation); without it the result may change between evaluations. */
	readonly sha256?: string;
}

export interface EvalIO {
	/** `/nix/store` unless the store is elsewhere (logical). */
	readonly storeDir: string;

	/** `readFile`, `import`: whole contents. */
	readFile(path: string): ByteString;
	/** `readFileType`, `pathExists`: what the entry itself is, undefined where there is none. Does not follow links. */
	fileType(path: string): FileType | undefined;
	/** `readDir`: entries in any order. */
	readDirectory(path: string): readonly (readonly [name: ByteString, type: FileType])[];
	/** Target of a symbolic link, as it stands. */
	readLink(path: string): ByteString;

	/** Copies a path into the store (or only computes its name, in read-only mode); gives the store path. */
	addPathToStore(request: AddPathRequest): string;
	/** `toFile`: gives the store path of a text object. */
	addTextToStore(name: string, contents: ByteString, references: readonly string[]): string;
	/** `derivationStrict`: writes the store derivation that was computed (or does nothing, in read-only mode). */
	addDerivation(derivation: Derivation, instantiated: Instantiated): void;
	/** References of a valid store path; none where it is not valid. */
	references(path: string): readonly string[];
	/** Whether a store path is valid, by what the store knows. */
	isValidPath(path: string): boolean;
	/** Import from derivation: the outputs (all where undefined) of a store derivation, realised; output name → path. */
	ensureRealised(drvPath: string, outputs?: readonly string[]): ReadonlyMap<string, string>;
	/** A store derivation written before, or one of the store's. */
	readDerivation(drvPath: string): Derivation;
	/** Makes sure that a store path is valid, by substituting it if need be (`storePath`). */
	ensurePath(path: string): void;

	/** `getEnv`: empty where it is not set, or not to be seen. */
	getEnv(name: string): ByteString;
	/** `currentTime`, in seconds. */
	currentTime(): number;
	/** `fetchurl`, `fetchTarball`: gives the store path. */
	fetch(request: FetchRequest): string;
	/** `fetchGit`, `fetchTree`, `fetchMercurial`: input attributes → result attributes (`outPath`, `rev`, …). */
	fetchTree(input: ReadonlyMap<string, string | number | boolean>): ReadonlyMap<string, string | number | boolean>;
	/**
	 * Numbers what is read, from 0, and tells `listener` the number of each read when it is made, and again whenever it is
	 * repeated. Where it is missing, nothing is known about what results depend on.
	 */
	observe?(listener: (read: number) => void): void;
	/** Real path of the folder of the sources, where it matters whether results depend on it. */
	readonly sourceRoot?: string | undefined;
	/** What is evaluated depends on where `sourceRoot` lies; a read like others. */
	notePlace?(): void;
	/** What is evaluated depends on more than its reads: on the order of evaluation, or on the memory that there is. */
	noteDoubt?(): void;
	/** One message, without prefix (see {@link formatLog}) and line end. */
	log(level: LogLevel, message: ByteString): void;
}

/** `builtins.trace`; a warning of ours; `builtins.warn`. */
export type LogLevel = "trace" | "warning" | "evaluationWarning";

/** A message as Nix prints it to stderr, without a line end. */
export function formatLog(level: LogLevel, message: ByteString): ByteString {
	if (level !== "evaluationWarning") return message.startsWith("\n") ? `${level}:${message}` : `${level}: ${message}`;
	const prefix = "evaluation warning:";
	const lines = message
		.trimEnd()
		.split("\n")
		.map((line) => line.trimEnd());
	// A message that begins with a line end is laid out by its author.
	if (message.startsWith("\n")) return prefix + lines.join("\n");
	return `${prefix} ${lines.join(`\n${" ".repeat(prefix.length + 1)}`)}`;
}
