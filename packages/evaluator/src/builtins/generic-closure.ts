/** `builtins.genericClosure`. Layer 1, pure. */

import { addFrame } from "../eval/error.ts";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import type { Attrs } from "../value/attrs.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import { ContextString, PlacedString, type Lazy, type Value } from "../value/value.ts";

export const closureBuiltins: readonly BuiltinDefinition[] = [
	{ name: "genericClosure", arity: 1, params: ["attrset"], fn: genericClosure },
];

/** Applies `operator` to all elements reached from `startSet`, breadth first; of equal keys the first wins. */
function genericClosure(runtime: Runtime, argument: Lazy): Value {
	const attrs = runtime.expectAttrs(
		argument,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.genericClosure",
	);
	const where = "in the attrset passed as argument to builtins.genericClosure";
	const start = runtime.expectList(
		runtime.expectAttr(attrs, "startSet", where),
		NO_POSITION,
		"while evaluating the 'startSet' attribute passed as argument to builtins.genericClosure",
	);
	if (start.length === 0) return start;
	const operator = runtime.expectFunction(
		runtime.expectAttr(attrs, "operator", where),
		NO_POSITION,
		"while evaluating the 'operator' attribute passed as argument to builtins.genericClosure",
	);
	const seen = new KeySet(runtime);
	const result: Lazy[] = [];
	const queue: Lazy[] = [...start];
	for (let next = 0; next < queue.length; next++) {
		const element = queue[next] as Lazy;
		const key = keyOf(runtime, element);
		if (!seen.add(key, element)) continue;
		result.push(element);
		try {
			const found = runtime.expectList(
				runtime.call(operator, element),
				NO_POSITION,
				"while evaluating the return value of the `operator` passed to builtins.genericClosure",
			);
			for (const each of found) {
				runtime.force(each);
				queue.push(each);
			}
		} catch (error) {
			throw addFrame(
				error,
				NO_POSITION,
				`while calling operator on genericClosure element ${runtime.printBrief(element)}`,
			);
		}
	}
	return result;
}

function keyOf(runtime: Runtime, element: Lazy): Value {
	let attrs: Attrs;
	let key: Lazy;
	try {
		attrs = runtime.expectAttrs(element, NO_POSITION, "");
		key = runtime.expectAttr(attrs, "key", "");
	} catch (error) {
		throw addFrame(error, NO_POSITION, `in genericClosure element ${runtime.printBrief(element)}`);
	}
	return runtime.force(key);
}

interface KnownKey {
	readonly key: Value;
	readonly element: Lazy;
}

/**
 * Keys seen so far. While all are strings, or all small integers, as is usual, they are found by hashing; else they are
 * kept in order and found by comparing, which fails where two have no order.
 */
class KeySet {
	readonly #runtime: Runtime;
	#hashed: Map<string | number, Lazy> = new Map();
	#hashedType: "string" | "number" | undefined;
	readonly #sorted: KnownKey[] = [];
	#placed: PlacedString | undefined;
	#absolute = false;

	constructor(runtime: Runtime) {
		this.#runtime = runtime;
	}

	/** False where an equal key is in the set. */
	add(key: Value, element: Lazy): boolean {
		const plain = this.#plain(key);
		if (this.#sorted.length === 0 && (typeof plain === "string" || typeof plain === "number")) {
			this.#hashedType ??= typeof plain === "string" ? "string" : "number";
			if (typeof plain === this.#hashedType) {
				if (this.#hashed.has(plain)) return false;
				this.#hashed.set(plain, element);
				return true;
			}
		}
		if (this.#hashed.size > 0) this.#sortHashed();
		let low = 0;
		let high = this.#sorted.length;
		while (low < high) {
			const middle = (low + high) >> 1;
			const known = this.#sorted[middle] as KnownKey;
			if (this.#isLess({ key, element }, known, element)) high = middle;
			else low = middle + 1;
		}
		const before = this.#sorted[low - 1];
		if (before !== undefined && !this.#isLess(before, { key, element }, element)) return false;
		this.#sorted.splice(low, 0, { key, element });
		return true;
	}

	/** A key as it is hashed. Whether a path of the sources is equal to one that is written out depends on where they lie. */
	#plain(key: Value): Value {
		if (key instanceof PlacedString) {
			this.#placed = key;
			if (this.#absolute) key.seen();
			return key.whole;
		}
		const plain = key instanceof ContextString ? key.text : key;
		if (typeof plain === "string" && plain.startsWith("/")) {
			this.#absolute = true;
			this.#placed?.seen();
		}
		return plain;
	}

	#sortHashed(): void {
		for (const [key, element] of this.#hashed) this.#sorted.push({ key, element });
		this.#sorted.sort((a, b) => ((a.key as string | number) < (b.key as string | number) ? -1 : 1));
		this.#hashed = new Map();
	}

	#isLess(a: KnownKey, b: KnownKey, current: Lazy): boolean {
		try {
			return this.#runtime.lessThan(a.key, b.key, NO_POSITION, "");
		} catch (error) {
			const other = a.element === current ? b.element : a.element;
			addFrame(error, NO_POSITION, `with element ${this.#runtime.printBrief(other)}`);
			throw addFrame(error, NO_POSITION, `while comparing element ${this.#runtime.printBrief(current)}`);
		}
	}
}
