/** EvalIO on files in memory, read-only store included: what tests of built-in operations run on. */

import {
	hashBytes,
	makeFixedOutputPath,
	makeTextPath,
	type Derivation,
	type Instantiated,
	type StorePath,
} from "@devenv/nix-formats";
import {
	EvalIoError,
	type AddPathRequest,
	type EvalIO,
	type FetchRequest,
	type FileType,
	type LogLevel,
} from "../../src/index.ts";

type Entry = string | { readonly link: string };

export class MemoryIO implements EvalIO {
	readonly storeDir: string = "/nix/store";
	readonly messages: string[] = [];
	readonly derivations: Map<string, { derivation: Derivation; text: string }> = new Map<
		string,
		{ derivation: Derivation; text: string }
	>();
	readonly fetched: FetchRequest[] = [];
	readonly #entries: ReadonlyMap<string, Entry>;
	readonly #texts = new Map<string, readonly string[]>();
	readonly realised: string[] = [];

	/** Paths of files with their contents; folders are those that files lie in. */
	constructor(entries: Readonly<Record<string, Entry>> = {}) {
		this.#entries = new Map(Object.entries(entries));
	}

	readFile(path: string): string {
		const entry = this.#entries.get(path);
		if (typeof entry === "string") return entry;
		if (entry !== undefined) return this.readFile(entry.link);
		throw new EvalIoError(`path '${path}' does not exist`, path);
	}

	fileType(path: string): FileType | undefined {
		const entry = this.#entries.get(path);
		if (entry !== undefined) return typeof entry === "string" ? "regular" : "symlink";
		if (path === "/") return "directory";
		return [...this.#entries.keys()].some((each) => each.startsWith(`${path}/`)) ? "directory" : undefined;
	}

	readDirectory(given: string): readonly (readonly [string, FileType])[] {
		const entry = this.#entries.get(given);
		const path = entry === undefined || typeof entry === "string" ? given : entry.link;
		const names = new Set<string>();
		for (const each of this.#entries.keys()) {
			if (each.startsWith(`${path}/`)) names.add(each.slice(path.length + 1).split("/")[0] ?? "");
		}
		return [...names].map((name) => [name, this.fileType(`${path}/${name}`) ?? "unknown"]);
	}

	readLink(path: string): string {
		const entry = this.#entries.get(path);
		if (typeof entry === "object") return entry.link;
		throw new EvalIoError(`path '${path}' is not a symbolic link`, path);
	}

	/** Not the NAR's hash, but one of the names and contents that the filter lets through. */
	addPathToStore({ path, name, method, filter }: AddPathRequest): string {
		const parts: string[] = [];
		const visit = (at: string): void => {
			const type = this.fileType(at);
			parts.push(at.slice(path.length), type === "regular" ? this.readFile(at) : "");
			if (type !== "directory") return;
			for (const [entry, kind] of this.readDirectory(at).toSorted()) {
				if (filter === undefined || filter(`${at}/${entry}`, kind)) visit(`${at}/${entry}`);
			}
		};
		visit(path);
		const hash = hashBytes("sha256", method === "flat" ? this.readFile(path) : parts.join("\0"));
		return makeFixedOutputPath({ name, method, hash });
	}

	addTextToStore(name: string, contents: string, references: readonly string[]): string {
		const path = makeTextPath({ name, contents, references: references as StorePath[] });
		this.#texts.set(path, references);
		return path;
	}

	addDerivation(derivation: Derivation, { drvPath, text }: Instantiated): void {
		this.derivations.set(drvPath, { derivation, text });
	}

	references(path: string): readonly string[] {
		return this.#texts.get(path) ?? [];
	}

	isValidPath(path: string): boolean {
		return this.derivations.has(path) || this.#texts.has(path);
	}

	ensureRealised(drvPath: string, outputs: readonly string[] = ["out"]): ReadonlyMap<string, string> {
		this.realised.push(`${drvPath} ${outputs.join(",")}`);
		return new Map();
	}

	readDerivation(drvPath: string): Derivation {
		const known = this.derivations.get(drvPath);
		if (known === undefined) throw new EvalIoError(`path '${drvPath}' is not valid`, drvPath);
		return known.derivation;
	}

	ensurePath(path: string): void {
		if (path.includes("missing")) throw new EvalIoError(`path '${path}' is not valid`, path);
	}

	getEnv(name: string): string {
		return name === "HOME" ? "/home/user" : "";
	}

	currentTime(): number {
		return 1_700_000_000;
	}

	fetch(request: FetchRequest): string {
		this.fetched.push(request);
		return `/nix/store/00000000000000000000000000000000-${request.name}`;
	}

	fetchTree(input: ReadonlyMap<string, string | number | boolean>): ReadonlyMap<string, string | number | boolean> {
		return new Map<string, string | number | boolean>([
			["outPath", "/nix/store/00000000000000000000000000000000-source"],
			["rev", String(input.get("rev") ?? "")],
			["lastModified", 1],
		]);
	}

	log(level: LogLevel, message: string): void {
		this.messages.push(`${level}: ${message}`);
	}
}
