/** Files in memory that may change, as an EvalIO that numbers what is read: for tests of what results depend on. */

import { type EvalIO, EvalIoError, type FileType } from "../../src/index.ts";
import { MemoryIO } from "../builtins/memory-io.ts";

export interface Tree {
	/** Contents by path. */
	readonly files: ReadonlyMap<string, string>;
	readonly variables: ReadonlyMap<string, string>;
}

type Ask = "file" | "type" | "list" | "variable";

/** What the tree answers, as a text. */
function answerOf(tree: Tree, ask: Ask, name: string): string {
	switch (ask) {
		case "file":
			return tree.files.get(name) ?? "missing";
		case "type":
			return typeIn(tree, name) ?? "missing";
		case "list":
			return JSON.stringify(entriesIn(tree, name));
		case "variable":
			return tree.variables.get(name) ?? "";
	}
}

function typeIn({ files }: Tree, path: string): FileType | undefined {
	if (files.has(path)) return "regular";
	if (path === "/") return "directory";
	return [...files.keys()].some((each) => each.startsWith(`${path}/`)) ? "directory" : undefined;
}

function entriesIn(tree: Tree, path: string): [string, FileType][] {
	const inside = [...tree.files.keys()].filter((each) => each.startsWith(`${path}/`));
	const names = new Set(inside.map((each) => each.slice(path.length + 1).split("/")[0] ?? ""));
	return [...names].sort().map((name) => [name, typeIn(tree, `${path}/${name}`) ?? "unknown"]);
}

export class TreeIo extends MemoryIO implements EvalIO {
	tree: Tree;
	/** By number. */
	readonly reads: { readonly ask: Ask; readonly name: string; answer: string }[] = [];
	readonly #numbers = new Map<string, number>();
	#listener: ((read: number) => void) | undefined;

	constructor(tree: Tree) {
		super();
		this.tree = tree;
	}

	observe(listener: (read: number) => void): void {
		this.#listener = listener;
	}

	/** Numbers of reads that have another answer in a tree; from then on that is the known one. */
	changed(tree: Tree): Set<number> {
		const changed = new Set<number>();
		for (const [number, read] of this.reads.entries()) {
			const answer = answerOf(tree, read.ask, read.name);
			if (answer !== read.answer) changed.add(number);
			read.answer = answer;
		}
		return changed;
	}

	override readFile(path: string): string {
		const text = this.#ask("file", path);
		if (!this.tree.files.has(path)) throw new EvalIoError(`path '${path}' does not exist`, path);
		return text;
	}

	override fileType(path: string): FileType | undefined {
		this.#ask("type", path);
		return typeIn(this.tree, path);
	}

	override readDirectory(path: string): [string, FileType][] {
		this.#ask("list", path);
		return entriesIn(this.tree, path);
	}

	override getEnv(name: string): string {
		return this.#ask("variable", name);
	}

	#ask(ask: Ask, name: string): string {
		const answer = answerOf(this.tree, ask, name);
		const key = `${ask} ${name}`;
		let number = this.#numbers.get(key);
		if (number === undefined) {
			number = this.reads.push({ ask, name, answer }) - 1;
			this.#numbers.set(key, number);
		}
		this.#listener?.(number);
		return answer;
	}
}
