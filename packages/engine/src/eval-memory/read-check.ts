/** Whether recorded reads would get the same answers now. Layer 3. */

import { unreachable } from "@devenv/diagnostics";
import { bytesFromText, parseStorePath, textFromBytes } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { answerNow, answerOfVariable } from "./answers.ts";
import { type RecordedRead, stateOf, stateOfTree, type TreeName } from "./read-journal.ts";

export interface ReadWorld {
	/** Real path of the folder of the sources, as bytes. */
	readonly root: string;
	readonly store: Store;
	/** What `builtins.getEnv` sees. */
	readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The numbers of those reads that have another answer now. States of files that changed without effect are brought up to date. */
export function changedReads(
	reads: Iterable<readonly [number: number, read: RecordedRead]>,
	world: ReadWorld,
): Set<number> {
	const changed = new Set<number>();
	for (const [number, read] of reads) if (!holds(read, world)) changed.add(number);
	return changed;
}

function holds(read: RecordedRead, world: ReadWorld): boolean {
	const { root, store, environment } = world;
	const { kind, name, answer } = read;
	switch (kind) {
		case "file":
		case "content":
		case "list":
			return holdsWithState(read, placed(name, world), { stateOf, answerOf: (path) => answerNow(kind, path) });
		case "type":
		case "link":
			return answerNow(kind, placed(name, world)) === answer;
		case "tree": {
			const [path, as, method] = treeName(name);
			const answerOf = (source: string): string | undefined => {
				if (answerNow("type", source) === "absent") return undefined;
				return store.computePath({ name: as, source: textFromBytes(source), method });
			};
			return holdsWithState(read, placed(path, world), { stateOf: stateOfTree, answerOf });
		}
		case "variable":
			return answerOfVariable(environment[textFromBytes(name)]) === answer;
		case "valid":
			return store.isValid(parseStorePath(name, store.storeDir)) === (answer === "yes");
		case "place":
			return answer === root;
		case "log":
			return true;
		case "never":
			return false;
		default:
			return unreachable(kind);
	}
}

interface Look {
	readonly stateOf: (path: string) => string;
	readonly answerOf: (path: string) => string | undefined;
}

function holdsWithState(read: RecordedRead, path: string, { stateOf: look, answerOf }: Look): boolean {
	const state = look(path);
	if (state !== "" && state === read.state) return true;
	if (answerOf(path) !== read.answer) return false;
	read.state = state;
	return true;
}

/** The physical path (bytes) that a name stands for. */
function placed(name: string, { root, store }: ReadWorld): string {
	if (!name.startsWith("/")) return root + name.slice(1);
	return name.startsWith(`${store.storeDir}/`) ? bytesFromText(store.physical(textFromBytes(name))) : name;
}

function treeName(text: string): TreeName {
	const decoded: unknown = JSON.parse(text);
	if (!Array.isArray(decoded)) throw new Error("the name of a tree that was read is no list");
	const [path, name, method] = decoded as unknown[];
	if (typeof path !== "string" || typeof name !== "string" || (method !== "flat" && method !== "recursive")) {
		throw new Error("the name of a tree that was read has other fields");
	}
	return [path, name, method];
}
