/** Paths of the host as they are seen inside a view, where the host's tree lies at /.devenv/host. Layer 2. */

import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Where a view has the host's tree (HOST_TREE of native/agent.h). */
export const hostTree = "/.devenv/host";

/** Where a view has the native helper. */
export const helperInView = "/.devenv/helper";

const hidden = /^\/(usr|bin|sbin|lib[^/]*|etc|nix|opt|var\/lib|var\/cache)(\/|$)/;

/** Whether a view shows something else than the host's at this path. */
export function isHidden(path: string): boolean {
	return hidden.test(path);
}

/**
 * What a link in the view's /etc leads to so that it shows the host's `path`, also after the file was replaced by rename.
 * Where the host's path is itself a link that leads back into a hidden tree, its present destination is taken. Null where
 * the host has nothing there. `tree` is where the host's tree will be.
 */
export function liveLink(path: string, tree: string = hostTree): string | null {
	try {
		let at = path;
		for (let depth = 0; depth < 10 && lstatSync(at).isSymbolicLink(); depth++) {
			const target = readlinkSync(at);
			at = resolve(dirname(at), target);
			if (target.startsWith("/") && isHidden(at)) return `${tree}${realpathSync(path)}`;
		}
		return `${tree}${path}`;
	} catch {
		return null;
	}
}
