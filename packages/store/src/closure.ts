/** Closures over references, and their order. Layer 2, no I/O. */

import type { StorePath } from "@devenv/nix-formats";

/** All that is reached from the start, what `next` gives before what gave it; cycles are cut. */
export function closureOf(start: Iterable<StorePath>, next: (path: StorePath) => Iterable<StorePath>): StorePath[] {
	const ordered: StorePath[] = [];
	const seen = new Set<StorePath>();
	// Not recursive: chains of references may be long.
	const stack: { readonly path: StorePath; readonly rest: Iterator<StorePath> }[] = [];
	const open = (path: StorePath): void => {
		if (seen.has(path)) return;
		seen.add(path);
		stack.push({ path, rest: next(path)[Symbol.iterator]() });
	};
	for (const root of start) {
		open(root);
		for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
			const step = top.rest.next();
			if (step.done !== true) {
				open(step.value);
			} else {
				stack.pop();
				ordered.push(top.path);
			}
		}
	}
	return ordered;
}
