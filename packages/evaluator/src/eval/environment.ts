/**
 * Environments: flat arrays `[parent, slot 1, slot 2, …]`. Layer 1, pure.
 *
 * The binder turns every variable into (level, slot): go up `level` parents, take element `slot`. A `with` has an
 * environment of its own whose only slot holds the attribute set.
 */

import type { Lazy } from "../value/value.ts";

/** Element 0 is the parent environment (null for the outermost), the others are values. */
export type Env = (Env | Lazy | undefined)[];

/** An environment with that many empty slots. */
export function allocateEnv(parent: Env, slots: number): Env {
	switch (slots) {
		case 1:
			return [parent, undefined];
		case 2:
			return [parent, undefined, undefined];
		case 3:
			return [parent, undefined, undefined, undefined];
		case 4:
			return [parent, undefined, undefined, undefined, undefined];
		default: {
			const env = new Array<Env | Lazy | undefined>(slots + 1);
			env[0] = parent;
			return env;
		}
	}
}
