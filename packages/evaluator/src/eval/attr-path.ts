/** Selection paths as `-A` takes them. Layer 1, pure. */

import { EvalError } from "./error.ts";

/** The steps of `a.b."c.d".0`. */
export function parseAttrPath(path: string): string[] {
	const steps: string[] = [];
	let step = "";
	for (let at = 0; at < path.length; at++) {
		const c = path.charAt(at);
		if (c === ".") {
			steps.push(step);
			step = "";
		} else if (c === '"') {
			const end = path.indexOf('"', at + 1);
			if (end < 0) throw new EvalError("syntax", `missing closing quote in selection path '${path}'`);
			step += path.slice(at + 1, end);
			at = end;
		} else step += c;
	}
	if (step !== "") steps.push(step);
	return steps;
}
