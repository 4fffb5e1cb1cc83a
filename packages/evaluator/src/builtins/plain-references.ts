/** Flake references in expressions, plain paths among them. Layer 1, pure: the injected I/O says what is a git repository. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import {
	FlakeReferenceError,
	type InputAttributes,
	parseFlakeReference,
	type ParseOptions,
	pathInput,
} from "./flake-references.ts";

/** Runs something that may find that a reference is none. */
export function asError<T>(runtime: Runtime, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (error instanceof FlakeReferenceError) throw runtime.error("eval", error.message);
		throw error;
	}
}

/** A reference as the attributes of an input. */
export function parseReference(
	runtime: Runtime,
	text: string,
	{ requireTree }: Pick<ParseOptions, "requireTree"> = { requireTree: true },
): InputAttributes {
	return asError(runtime, () =>
		parseFlakeReference(text, {
			requireTree,
			onPath: (path, query) => plainPath(runtime, path, query),
		}),
	);
}

/** A path in a git repository is that repository, as its files are tracked; any other is itself. */
function plainPath(runtime: Runtime, path: string, query: ReadonlyMap<string, string>): InputAttributes {
	if (!path.startsWith("/")) throw new FlakeReferenceError(`flake reference '${path}' is not an absolute path`);
	const folder = path.replace(/(.)\/+$/, "$1");
	for (let top = folder, below = ""; ; ) {
		const isRepository =
			runtime.access(NO_POSITION, () => runtime.io.fileType(`${top === "/" ? "" : top}/.git`)) !== undefined;
		if (isRepository) return repositoryInput(top, below, query);
		if (top === "/" || top === "") return pathInput(folder, query, path);
		const slash = top.lastIndexOf("/");
		below = below === "" ? top.slice(slash + 1) : `${top.slice(slash + 1)}/${below}`;
		top = slash === 0 ? "/" : top.slice(0, slash);
	}
}

function repositoryInput(top: string, below: string, query: ReadonlyMap<string, string>): InputAttributes {
	const words = [...query].map(([name, value]) => `${name}=${value}`).join("&");
	const text = `git+file://${top}${words === "" ? "" : `?${words}`}`;
	const onPath = (): never => {
		throw new FlakeReferenceError(`'${text}' is no URL`);
	};
	const input = parseFlakeReference(text, { requireTree: true, onPath });
	const dir = input.get("dir") ?? (below === "" ? undefined : below);
	return dir === undefined ? input : new Map([...input, ["dir", dir]]);
}
