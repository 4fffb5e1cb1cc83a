/**
 * What an evaluation read, with the answers it got: enough to tell later, elsewhere too, whether it would get them again.
 * Layer 3.
 *
 * Names of what lies in the tree of sources are relative to its root (`./lib/default.nix`). An answer is what evaluation saw,
 * as a digest where it is long. The state of a file is kept beside it, so that most checks need no content: it is taken before
 * the file is read, and only where the file had not changed just then.
 */

import { hash } from "node:crypto";
import { lstatSync, readdirSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { bufferFromBytes, textFromBytes } from "@devenv/nix-formats";

export const readKinds = [
	"file",
	"content",
	"type",
	"list",
	"link",
	"tree",
	"variable",
	"valid",
	"place",
	"log",
	"never",
] as const;

/**
 * `file`, `list`: content of a file, entries of a folder. `content`: of a file with whether it is executable. `type`: what an entry is, `absent` included. `link`: target.
 * `tree`: the store path that a file or folder gets, see {@link TreeName}. `variable`: of the environment. `valid`: whether a
 * store path is valid. `place`: where the sources lie. `log`: a message, said again with the result. `never`: what has another
 * answer each time.
 */
export type ReadKind = (typeof readKinds)[number];

export interface RecordedRead {
	readonly kind: ReadKind;
	/** A byte string where it is a path. */
	readonly name: string;
	answer: string;
	/** State of the file, see {@link stateOf}; empty where it is not known or not to be trusted. */
	state: string;
}

/** The name of a read of kind `tree`, as JSON: what is copied, under which name and by which method. */
export type TreeName = readonly [path: string, name: string, method: "flat" | "recursive"];

/** Milliseconds that a file has to be unchanged: the clock of a file system may lag behind, and is coarse. */
const SETTLED = 20;

/** Most entries of a folder whose state is taken; what is larger is read each time. */
const MOST_ENTRIES = 20_000;

export class ReadJournal {
	/** By number. */
	readonly reads: RecordedRead[] = [];
	readonly root: string | undefined;
	readonly #numbers = new Map<string, number>();
	#listener: ((read: number) => void) | undefined;

	/** `root`: real path of the folder of the sources, as bytes; undefined where there is none. */
	constructor(root: string | undefined) {
		this.root = root;
	}

	observe(listener: (read: number) => void): void {
		this.#listener = listener;
	}

	/** Adds a read or, where its answer is another than before, a reason never to believe it. */
	note(kind: ReadKind, name: string, answer: string, state = ""): void {
		const key = `${kind} ${name}`;
		let number = this.#numbers.get(key);
		if (number === undefined) {
			number = this.reads.push({ kind, name, answer, state }) - 1;
			this.#numbers.set(key, number);
		} else {
			const known = this.reads[number] as RecordedRead;
			if (known.answer !== answer) this.never();
			if (known.state !== state) known.state = "";
		}
		this.#listener?.(number);
	}

	/** The reads that hold still, by number. */
	*current(): Generator<readonly [number: number, read: RecordedRead]> {
		for (const number of this.#numbers.values()) yield [number, this.reads[number] as RecordedRead];
	}

	/** When these are read again, they have other answers, and get other numbers. */
	forget(numbers: Iterable<number>): void {
		for (const number of numbers) {
			const { kind, name } = this.reads[number] as RecordedRead;
			this.#numbers.delete(`${kind} ${name}`);
		}
	}

	never(): void {
		this.note("never", "", "");
	}

	place(): void {
		this.note("place", "", this.root ?? "");
	}

	/** A read of a path, which is told relative to the root where it lies there. */
	notePath(kind: ReadKind, path: string, answer: string, state = ""): void {
		const { root } = this;
		if (root !== undefined && isWithin(path, root)) {
			this.note(kind, `.${path.slice(root.length)}`, answer, state);
		} else this.note(kind, path, answer, state);
	}

	noteLink(path: string, target: string): void {
		this.notePath("link", path, target);
		const { root } = this;
		if (root !== undefined && isWithin(path, root) && leads(path.slice(root.length), target)) this.place();
	}

	/** The name under which a path is kept in the name of a tree. */
	relative(path: string): string {
		const { root } = this;
		return root !== undefined && isWithin(path, root) ? `.${path.slice(root.length)}` : path;
	}
}

function isWithin(path: string, root: string | undefined): boolean {
	return root !== undefined && path.startsWith(root) && (path.length === root.length || path[root.length] === "/");
}

/** Whether a link in the sources leads out of them. `path` is relative, with a slash in front. */
function leads(path: string, target: string): boolean {
	if (target.startsWith("/")) return true;
	let depth = path.split("/").length - 2;
	for (const part of target.split("/")) {
		if (part === "..") depth--;
		else if (part !== "" && part !== ".") depth++;
		if (depth < 0) return true;
	}
	return false;
}

export function digestOf(data: string | Buffer): string {
	return hash("sha256", typeof data === "string" ? bufferFromBytes(data) : data, "base64url");
}

/** What tells whether the file or folder at a physical path (bytes) has changed; empty where it just did, or is not there. */
export function stateOf(path: string): string {
	const stats = attempt(() => statSync(textFromBytes(path)));
	return stats === undefined || !isSettled(stats) ? "" : describeStats(stats);
}

/** The same for a tree: of all entries together; links are not followed. */
export function stateOfTree(path: string): string {
	const states: string[] = [];
	const visit = (at: string): boolean => {
		const stats = attempt(() => lstatSync(at));
		if (stats === undefined || !isSettled(stats) || states.length > MOST_ENTRIES) return false;
		states.push(`${describeStats(stats)}:${stats.mode}`);
		if (!stats.isDirectory()) return true;
		return attempt(() => readdirSync(at))?.every((name) => visit(join(at, name))) ?? false;
	};
	if (!visit(textFromBytes(path))) return "";
	return states.length === 1 ? (states[0] ?? "") : digestOf(Buffer.from(states.join("\n")));
}

function describeStats({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
	return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

function isSettled({ ctimeMs }: Stats): boolean {
	return Date.now() - ctimeMs > SETTLED;
}

/** Undefined where the file system refuses. Throws what is no failure of it. */
export function attempt<T>(look: () => T): T | undefined {
	try {
		return look();
	} catch (error) {
		if (error instanceof Error && "code" in error) return undefined;
		throw error;
	}
}
