/**
 * Store derivations and texts that evaluation made but that are not in the store yet. Layer 3.
 *
 * Evaluation makes far more store derivations than anybody builds. They are kept here, where reads find them, and written
 * with their closure when one of them is needed.
 */

import {
	makeTextPath,
	type ByteString,
	type Derivation,
	type DrvPath,
	type Instantiated,
	type StorePath,
} from "@devenv/nix-formats";
import type { Store } from "@devenv/store";

interface PendingObject {
	readonly name: string;
	readonly text: ByteString;
	readonly references: readonly StorePath[];
	readonly derivation?: Derivation;
}

export class PendingObjects {
	readonly #objects = new Map<string, PendingObject>();
	/** What was written, with its closure: it is a temporary root of the store's session, so it stays. */
	readonly #written = new Set<string>();

	addDerivation(derivation: Derivation, { drvPath, text, references }: Instantiated): void {
		this.#objects.set(drvPath, { name: `${derivation.name}.drv`, text, references, derivation });
	}

	/** Gives the path that the text will have. */
	addText(text: {
		readonly name: string;
		readonly contents: ByteString;
		readonly references: readonly StorePath[];
		readonly storeDir: string;
	}): StorePath {
		const { name, contents, references, storeDir } = text;
		const path = makeTextPath({ name, contents, references, storeDir });
		this.#objects.set(path, { name, text: contents, references });
		return path;
	}

	has(path: string): boolean {
		return this.#objects.has(path);
	}

	text(path: string): ByteString | undefined {
		return this.#objects.get(path)?.text;
	}

	derivation(path: string): Derivation | undefined {
		return this.#objects.get(path)?.derivation;
	}

	references(path: string): readonly StorePath[] | undefined {
		return this.#objects.get(path)?.references;
	}

	/** All derivations that are kept here, in the order in which they were made. */
	derivations(): DrvPath[] {
		return [...this.#objects].flatMap(([path, object]) => (object.derivation === undefined ? [] : [path as DrvPath]));
	}

	/** Writes what is pending of the closures of those paths, references first. */
	write(store: Store, paths: Iterable<string>): void {
		const ordered: string[] = [];
		const seen = new Set<string>();
		const stack: { readonly path: string; readonly references: readonly string[]; next: number }[] = [];
		const enter = (path: string): void => {
			if (seen.has(path) || this.#written.has(path)) return;
			seen.add(path);
			const references = this.references(path);
			if (references !== undefined) stack.push({ path, references, next: 0 });
		};
		for (const path of paths) {
			enter(path);
			for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
				const reference = top.references[top.next++];
				if (reference !== undefined) enter(reference);
				else ordered.push((stack.pop() as { path: string }).path);
			}
		}
		for (const path of ordered) {
			this.#writeOne(store, path);
			this.#written.add(path);
		}
	}

	#writeOne(store: Store, path: string): void {
		const object = this.#objects.get(path);
		if (object === undefined) return;
		const { name, text, references, derivation } = object;
		if (derivation === undefined) store.addText({ name, contents: text, references });
		else store.addDerivation(derivation);
	}
}
