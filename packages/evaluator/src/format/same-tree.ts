/** Whether two syntax trees say the same, wherever it stands. Layer 1, pure. */

import type { Expr } from "../syntax/ast.ts";

/** Fields that say where something is. */
const PLACES: ReadonlySet<string> = new Set(["position", "cursedOrEnd"]);

export function isSameTree(left: Expr, right: Expr | undefined): boolean {
	return isSame(left, right);
}

function isSame(left: unknown, right: unknown): boolean {
	if (Object.is(left, right)) return true;
	if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
	if (left instanceof Map || right instanceof Map) {
		return left instanceof Map && right instanceof Map && isSame([...left], [...right]);
	}
	if (Array.isArray(left) || Array.isArray(right)) {
		if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
		return left.every((each, i) => isSame(each, right[i]));
	}
	const leftFields = Object.entries(left).filter(([name]) => !PLACES.has(name));
	const rightFields = new Map(Object.entries(right).filter(([name]) => !PLACES.has(name)));
	return (
		leftFields.length === rightFields.size &&
		leftFields.every(([name, value]) => rightFields.has(name) && isSame(value, rightFields.get(name)))
	);
}
