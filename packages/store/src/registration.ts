/**
 * The one way by which objects become valid: everything about them is known and they lie complete in the session's
 * folder; then one write transaction moves them into place and registers them. Layer 2.
 */

import { bytesFromText, isDrvPath, type Derivation, type StorePath } from "@devenv/nix-formats";
import { fail } from "@devenv/diagnostics";
import type { Database } from "./database.ts";
import { canonicalise, canonicaliseLink, deleteTree, lstatIfThere, moveTree } from "./file-tree.ts";
import type { PathTable } from "./path-table.ts";
import type { Session } from "./session.ts";
import type { PathInfo } from "./store.ts";
import { hasCode } from "./store-failure.ts";

/** An object that is ready. */
export interface ReadyObject {
	readonly info: PathInfo;
	/** Physical path, in a folder of the same file system. */
	readonly from: string;
	/** Takes the place of what is valid. */
	readonly replace?: boolean;
	/** For a store derivation. */
	readonly derivation?: Derivation;
}

export interface RegistrationContext {
	readonly database: Database;
	readonly paths: PathTable;
	readonly session: Session;
	readonly storeDir: string;
	readonly physical: (path: StorePath) => string;
}

/**
 * Makes objects valid, all or none; those that another made valid meanwhile are dropped, unless they are to take the place of
 * what is valid. Their `from` is gone after.
 */
export function register(context: RegistrationContext, objects: readonly ReadyObject[]): void {
	const { database, paths, session } = context;
	const ordered = referencesFirst(objects);
	const trash: string[] = [];
	for (const { info } of ordered) session.mark(info.path);
	try {
		database.transaction(() => {
			const isValid = ({ info }: ReadyObject): boolean => paths.isValid(info.path);
			const replaced = ordered.filter((object) => object.replace === true && isValid(object));
			const fresh = ordered.filter((object) => !isValid(object));
			paths.insert(fresh.map(({ info }) => info));
			for (const { info } of replaced) paths.update(info);
			for (const { info, derivation } of fresh) {
				if (derivation === undefined || !isDrvPath(info.path, context.storeDir)) continue;
				const outputs = [...derivation.outputs].flatMap(([name, { path }]) =>
					path === "" ? [] : [[name, path] as const],
				);
				paths.insertOutputs(info.path, outputs);
			}
			for (const object of [...fresh, ...replaced]) place(context, object, trash);
		});
	} catch (error) {
		session.removeUnregistered(database, paths);
		throw error;
	}
	for (const { info, from } of ordered) {
		session.unmark(info.path);
		deleteTree(bytesFromText(from));
	}
	for (const path of trash) deleteTree(bytesFromText(path));
}

/** Moves an object to its place; what lies there is what a killed process left, or is to be replaced. */
function place(context: RegistrationContext, object: ReadyObject, trash: string[]): void {
	const from = bytesFromText(object.from);
	const to = bytesFromText(context.physical(object.info.path));
	if (lstatIfThere(to) !== undefined) {
		const aside = context.session.newPath();
		moveTree(to, bytesFromText(aside));
		trash.push(aside);
	}
	try {
		moveTree(from, to);
	} catch (error) {
		if (!hasCode(error, "EXDEV")) throw error;
		fail("STORE_OTHER_FILE_SYSTEM", `${object.from} does not lie on the file system of the store`, {
			hint: "nix/store and nix/var of a store's root must be on one file system",
		});
	}
	const stats = lstatIfThere(to);
	if (stats?.isSymbolicLink() === true) canonicaliseLink(to, stats);
	else if (stats !== undefined) canonicalise(to, stats);
}

/** Objects that refer to one another, what is referred to first. Fails with `STORE_CYCLE`. */
function referencesFirst(objects: readonly ReadyObject[]): ReadyObject[] {
	if (objects.length < 2) return [...objects];
	const byPath = new Map(objects.map((object) => [object.info.path, object]));
	const state = new Map<StorePath, "open" | "done">();
	const ordered: ReadyObject[] = [];
	const visit = (object: ReadyObject): void => {
		const { path, references } = object.info;
		if (state.get(path) === "done") return;
		if (state.get(path) === "open") {
			fail("STORE_CYCLE", `outputs refer to one another in a cycle, of which ${path} is part`, {
				hint: "move what refers back into the same output",
			});
		}
		state.set(path, "open");
		for (const reference of references) {
			const other = byPath.get(reference);
			if (other !== undefined && reference !== path) visit(other);
		}
		state.set(path, "done");
		ordered.push(object);
	};
	for (const object of objects) visit(object);
	return ordered;
}
