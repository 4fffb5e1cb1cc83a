/** Import from derivation: makes what a path or string depends on exist, before it is read. Layer 1, pure. */

import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION, type Position } from "../syntax/position.ts";
import { parseContextElement, type StringContext } from "../value/context.ts";
import type { Lazy } from "../value/value.ts";

/** Realises the outputs in a context and checks that plain store objects in it are valid. */
export function realiseContext(runtime: Runtime, context: StringContext, position: Position): void {
	const outputs = new Map<string, string[]>();
	for (const encoded of context) {
		const element = parseContextElement(encoded);
		if (element.kind === "output") {
			const known = outputs.get(element.drvPath);
			if (known === undefined) outputs.set(element.drvPath, [element.output]);
			else known.push(element.output);
			continue;
		}
		const path = element.kind === "object" ? element.path : element.drvPath;
		if (!runtime.access(position, () => runtime.io.isValidPath(path))) {
			throw runtime.error("invalidPath", `path '${path}' is not valid`, { position });
		}
	}
	for (const [drvPath, names] of outputs) {
		runtime.access(position, () => runtime.io.ensureRealised(drvPath, names));
	}
}

/** The path that a value is, after what it depends on was realised. */
export function realisedPath(runtime: Runtime, value: Lazy): string {
	const what = "while realising the context of a path";
	const { path, context } = runtime.coerceToPath(value, NO_POSITION, what);
	if (context.size > 0) realiseContext(runtime, context, NO_POSITION);
	return path.path;
}
