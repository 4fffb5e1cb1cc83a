/** An EvalIO for tests, like Nix's read-only mode: reads real files, computes store paths, writes nothing. */

import { createHash } from "node:crypto";
import { type Dirent, type Stats, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import {
	type Derivation,
	type Instantiated,
	makeFixedOutputPath,
	makeTextPath,
	NarEncoder,
	parseStorePath,
} from "@devenv/nix-formats";
import {
	type AddPathRequest,
	type EvalIO,
	EvalIoError,
	type FileType,
	formatLog,
	type LogLevel,
} from "../src/index.ts";

export class ReadOnlyIo implements EvalIO {
	readonly storeDir: string;
	readonly environment: ReadonlyMap<string, string>;
	/** Store paths that would have been written, and where their contents lie. */
	readonly #added = new Map<string, string>();
	readonly messages: string[] = [];
	readonly derivations: Map<string, Derivation> = new Map<string, Derivation>();
	/** Called for each message of `trace` and `warn`. */
	onMessage: (line: string) => void = () => undefined;

	constructor(environment: ReadonlyMap<string, string> = new Map(), storeDir: string = "/nix/store") {
		this.environment = environment;
		this.storeDir = storeDir;
	}

	/** Where a path can be read: what was "added" to the store is still at its source. */
	#physical(path: string): Buffer {
		if (path.startsWith(this.storeDir)) {
			const end = path.indexOf("/", this.storeDir.length + 1);
			const source = this.#added.get(end < 0 ? path : path.slice(0, end));
			if (source !== undefined) return Buffer.from(end < 0 ? source : source + path.slice(end), "latin1");
		}
		return Buffer.from(path, "latin1");
	}

	readFile(path: string): string {
		return this.#access(path, () => readFileSync(this.#physical(path)).toString("latin1"));
	}

	fileType(path: string): FileType | undefined {
		const stat = this.#stat(path);
		if (stat === undefined) return undefined;
		return stat.isFile() ? "regular" : typeOfEntry(stat);
	}

	#stat(path: string): Stats | undefined {
		try {
			return lstatSync(this.#physical(path));
		} catch (error) {
			const code = error instanceof Error && "code" in error ? error.code : undefined;
			if (code === "ENOENT" || code === "ENOTDIR") return undefined;
			throw error;
		}
	}

	readDirectory(path: string): readonly (readonly [string, FileType])[] {
		return this.#access(path, () => {
			const entries = readdirSync(this.#physical(path), { withFileTypes: true, encoding: "latin1" });
			return entries.map((entry) => [entry.name, typeOfEntry(entry)] as const);
		});
	}

	readLink(path: string): string {
		return this.#access(path, () => readlinkSync(this.#physical(path), { encoding: "buffer" }).toString("latin1"));
	}

	addPathToStore(request: AddPathRequest): string {
		if (this.fileType(request.path) === undefined) {
			throw new EvalIoError(`path '${request.path}' does not exist`, request.path);
		}
		const hash = createHash("sha256");
		if (request.method === "recursive") {
			const encoder = new NarEncoder((piece) => hash.update(piece));
			this.#encode(request.path, request, encoder);
			encoder.finish();
		} else hash.update(readFileSync(this.#physical(request.path)));
		const path = makeFixedOutputPath({
			name: request.name,
			method: request.method,
			hash: { algo: "sha256", bytes: new Uint8Array(hash.digest()) },
			storeDir: this.storeDir,
		});
		this.#added.set(path, request.path);
		return path;
	}

	#encode(path: string, request: AddPathRequest, encoder: NarEncoder): void {
		const type = this.fileType(path);
		if (type === "symlink") encoder.write({ kind: "symlink", target: this.readLink(path) });
		else if (type === "directory") {
			encoder.write({ kind: "directory" });
			for (const [name, kind] of this.readDirectory(path).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
				const child = `${path === "/" ? "" : path}/${name}`;
				if (request.filter !== undefined && !request.filter(child, kind)) continue;
				encoder.write({ kind: "entry", name });
				this.#encode(child, request, encoder);
			}
			encoder.write({ kind: "end" });
		} else {
			const contents = readFileSync(this.#physical(path));
			const executable = (statSync(this.#physical(path)).mode & 0o100) !== 0;
			encoder.write({ kind: "file", executable, size: contents.length });
			if (contents.length > 0) encoder.write({ kind: "contents", bytes: contents });
		}
	}

	addTextToStore(name: string, contents: string, references: readonly string[]): string {
		return makeTextPath({
			name,
			contents,
			references: references.map((path) => parseStorePath(path, this.storeDir)),
			storeDir: this.storeDir,
		});
	}

	addDerivation(derivation: Derivation, instantiated: Instantiated): void {
		this.derivations.set(instantiated.drvPath, derivation);
	}

	references(): readonly string[] {
		return [];
	}

	isValidPath(path: string): boolean {
		return this.#added.has(path) || this.derivations.has(path);
	}

	ensureRealised(drvPath: string): ReadonlyMap<string, string> {
		throw new EvalIoError(`cannot build '${drvPath}' during evaluation`, drvPath);
	}

	readDerivation(drvPath: string): Derivation {
		const known = this.derivations.get(drvPath);
		if (known !== undefined) return known;
		throw new EvalIoError(`path '${drvPath}' is not valid`, drvPath);
	}

	ensurePath(path: string): void {
		if (this.isValidPath(path)) return;
		throw new EvalIoError(`path '${path}' is not valid`, path);
	}

	getEnv(name: string): string {
		return this.environment.get(name) ?? "";
	}

	currentTime(): number {
		return 1_700_000_000;
	}

	fetch(request: { readonly url: string }): string {
		throw new EvalIoError(`cannot fetch '${request.url}' in a test`, request.url);
	}

	fetchTree(): ReadonlyMap<string, string | number | boolean> {
		throw new EvalIoError("cannot fetch in a test", "");
	}

	log(level: LogLevel, message: string): void {
		const line = formatLog(level, message);
		this.messages.push(line);
		this.onMessage(line);
	}

	#access<T>(path: string, read: () => T): T {
		try {
			return read();
		} catch (error) {
			const code = error instanceof Error && "code" in error ? error.code : undefined;
			if (code === "ENOENT") throw new EvalIoError(`path '${path}' does not exist`, path, { cause: error });
			if (code === "EISDIR") throw new EvalIoError(`path '${path}' is a directory`, path, { cause: error });
			if (code === "ENOTDIR") throw new EvalIoError(`'${path}' is not a directory`, path, { cause: error });
			if (typeof code === "string") throw new EvalIoError(`reading '${path}': ${code}`, path, { cause: error });
			throw error;
		}
	}
}

function typeOfEntry(entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink">): FileType {
	if (entry.isFile()) return "regular";
	if (entry.isDirectory()) return "directory";
	return entry.isSymbolicLink() ? "symlink" : "unknown";
}
