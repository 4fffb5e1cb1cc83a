/** What the commands of the topic `store` share: the store of the caller, opened in this process, and the names of objects. Layer 5. */

import { existsSync, lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fail } from "@devenv/diagnostics";
import { splitStorePath, type StorePath } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import { callerLayout } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";

export abstract class StoreCommand extends DevenvCommand {
	/** Opens the store for reading, unless `write`; closed afterwards. */
	protected async withStore<T>(use: (store: Store) => T | Promise<T>, write = false): Promise<T> {
		const { storeRoot: root, config } = callerLayout();
		const autoOptimise = write && (await autoOptimises(join(config, "config.yaml")));
		const store = openStore({ root, autoOptimise, readOnly: !write });
		try {
			return await use(store);
		} finally {
			store.close();
		}
	}
}

/** As the user's settings say; without the file, the engine that reads them is not loaded. */
async function autoOptimises(file: string): Promise<boolean> {
	if (!existsSync(file)) return false;
	const { readSettings } = await import("@devenv/engine");
	return readSettings(file).autoOptimiseStore;
}

/** A place in a store object. */
export interface ObjectPlace {
	readonly storePath: StorePath;
	/** Empty, or `/bin/sh`. */
	readonly subPath: string;
}

/**
 * What a word on the command line means: a store path or a path in one, the 32 digits of one, or a file that is a link to one
 * (`result`). Fails with `STORE_PATH_NOT_VALID`.
 */
export function findObject(store: Store, text: string): ObjectPlace {
	const found = locate(store, text);
	if (found === undefined || !store.isValid(found.storePath)) {
		fail("STORE_PATH_NOT_VALID", `${found?.storePath ?? text} is not in the store`, {
			hint: "name a store path, the 32 digits at its beginning, or a link to one; `devenv store path-info --all` lists them",
		});
	}
	return found;
}

function locate(store: Store, text: string): ObjectPlace | undefined {
	if (/^[0-9a-z]{32}$/.test(text)) {
		const storePath = store.queryPathFromHashPart(text);
		return storePath === undefined ? undefined : { storePath, subPath: "" };
	}
	const path = resolve(text);
	return inStore(store, path) ?? throughLink(store, path);
}

function inStore(store: Store, path: string): ObjectPlace | undefined {
	const physical = store.physical(store.storeDir);
	const logical = path.startsWith(`${physical}/`) ? store.storeDir + path.slice(physical.length) : path;
	return splitStorePath(logical, store.storeDir);
}

/** Links name logical paths, which need not be there on this machine. */
function throughLink(store: Store, path: string): ObjectPlace | undefined {
	let current = path;
	for (let steps = 0; steps < 40; steps++) {
		if (lstatSync(current, { throwIfNoEntry: false })?.isSymbolicLink() !== true) break;
		current = resolve(dirname(current), readlinkSync(current));
		const found = inStore(store, current);
		if (found !== undefined) return found;
	}
	return existsSync(current) ? inStore(store, realpathSync(current)) : undefined;
}
