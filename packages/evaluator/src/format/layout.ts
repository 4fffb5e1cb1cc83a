/** What the parts of the printer share: how a node may be laid out, and the way back to any node's printer. Layer 1, pure. */

import type { Node } from "./cst.ts";
import type { Doc } from "./doc.ts";

/** How a node is laid out. */
export interface Style {
	/** A set is on several lines even if it could be on one. */
	readonly wide: boolean;
	/** A call in parentheses does not begin on the line of the opening one unless it ends on it. */
	readonly closed: boolean;
	/** A list of simple items may be on one line. */
	readonly argument: boolean;
}

export const PLAIN: Style = { wide: false, closed: false, argument: false };
/** The last argument of a call, the last one beside other lists, and the arguments before it. */
export const LAST: Style = { wide: false, closed: true, argument: false };
export const BESIDE_LIST: Style = { wide: false, closed: true, argument: true };
export const MIDDLE: Style = { wide: false, closed: false, argument: true };
/** What stands behind a `=`. */
export const WIDE: Style = { wide: true, closed: true, argument: false };

/** Prints nodes of any kind. */
export interface Printer {
	node(node: Node, style?: Style): Doc;
	/** What follows `=`, `?` or `assert`, with the space or line end before it. */
	value(node: Node): Doc;
	/** A call, for a group around it. */
	call(fn: Node, args: readonly Node[]): Doc;
}
