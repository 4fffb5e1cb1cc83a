/**
 * The one way by which objects become valid: everything about them is known and they lie complete in the session's
 * folder; then one write transaction moves them into place and registers them. Layer 2.
 */

import { bytesFromText, isDrvPath, type Derivation, type StorePath } from "@devenv/nix-formats";
import { fail } from "@devenv/diagnostics";
import type { Database } from "./database.ts";
import { canonicalise, canonicaliseLink, deleteTree, lstatIfThere, moveTree } from "./file-tree.ts";
import type { PathTable } from "./path-table.ts";
import type { PlacedObject, PlacedObjects } from "./placed-objects.ts";
import type { Session } from "./session.ts";
import type { PathInfo } from "./store.ts";
import { hasCode } from "./store-failure.ts";

/** An object that is ready. */
export interface ReadyObject {
	readonly info: PathInfo;
	/** Physical path, in a folder of the same file system; the object's own where it was placed before. */
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
	readonly placed: PlacedObjects;
	readonly storeDir: string;
	readonly physical: (path: StorePath) => string;
}

/**
 * Makes objects valid, all or none; those that another made valid meanwhile are dropped, unless they are to take the place of
 * what is valid. Their `from` is gone after, unless it is their place.
 */
export function register(context: RegistrationContext, objects: readonly ReadyObject[]): void {
	const { database, paths, session } = context;
	const ordered = referencesFirst(objects);
	const moving = ordered.filter(({ info, from }) => from !== context.physical(info.path));
	const trash: string[] = [];
	for (const { info } of moving) session.mark(info.path);
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
			for (const object of [...fresh, ...replaced]) takePlace(context, object, trash);
		});
	} catch (error) {
		session.removeUnregistered(database, paths);
		throw error;
	}
	for (const { info, from } of moving) {
		session.unmark(info.path);
		deleteTree(bytesFromText(from));
	}
	for (const { info } of ordered) context.placed.forget(info.path);
	for (const path of trash) deleteTree(bytesFromText(path));
}

/** Objects that are to be used before they are registered. */
export interface ObjectToPlace extends PlacedObject {
	/** Physical path, in a folder of the same file system; gone after. */
	readonly from: string;
}

/**
 * Puts objects at their paths, all or none, but for what is valid there. To be called with their locks held, until they are
 * registered or withdrawn.
 */
export function placeObjects(context: RegistrationContext, objects: readonly ObjectToPlace[]): void {
	const { database, paths, session, placed } = context;
	const trash: string[] = [];
	try {
		database.transaction(() => {
			for (const object of objects) {
				if (paths.isValid(object.path)) continue;
				clearPlace(context, object.path, trash);
				// What lay there before must not be taken for this one.
				placed.record(object, session.newPath());
				moveToPlace(context, object.path, object.from);
			}
		});
	} catch (error) {
		withdrawObjects(
			context,
			objects.map(({ path }) => path),
		);
		throw error;
	}
	for (const path of trash) deleteTree(bytesFromText(path));
}

/** Takes placed objects out of the store folder, but for what is valid. They lie in the session's folder until it ends: they may be mounted. */
export function withdrawObjects(context: RegistrationContext, objects: readonly StorePath[]): void {
	const { database, paths, session, placed } = context;
	database.transaction(() => {
		for (const path of objects) {
			if (!paths.isValid(path) && placed.has(path)) {
				moveTree(bytesFromText(context.physical(path)), bytesFromText(session.newPath()));
			}
			placed.forget(path);
		}
	});
}

/** Has an object at its place; what lies there is what a killed process left, or is to be replaced. */
function takePlace(context: RegistrationContext, { info, from }: ReadyObject, trash: string[]): void {
	const to = context.physical(info.path);
	if (from !== to) {
		clearPlace(context, info.path, trash);
		moveToPlace(context, info.path, from);
	}
	const place = bytesFromText(to);
	const stats = lstatIfThere(place);
	if (stats?.isSymbolicLink() === true) canonicaliseLink(place, stats);
	else if (stats !== undefined) canonicalise(place, stats);
}

/** Moves what lies at a path aside: to the trash, unless it is used already. */
function clearPlace(context: RegistrationContext, path: StorePath, trash: string[]): void {
	const place = bytesFromText(context.physical(path));
	if (lstatIfThere(place) === undefined) return;
	const aside = context.session.newPath();
	if (!context.placed.has(path)) trash.push(aside);
	moveTree(place, bytesFromText(aside));
}

function moveToPlace(context: RegistrationContext, path: StorePath, from: string): void {
	try {
		moveTree(bytesFromText(from), bytesFromText(context.physical(path)));
	} catch (error) {
		if (!hasCode(error, "EXDEV")) throw error;
		fail("STORE_OTHER_FILE_SYSTEM", `${from} does not lie on the file system of the store`, {
			hint: "nix/store and nix/var of a store's root must be on one file system",
		});
	}
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
