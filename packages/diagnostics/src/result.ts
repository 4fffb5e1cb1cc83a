/** Outcomes as values, for functions whose failure is ordinary. Layer 0. */

export type Result<T, E> = { readonly kind: "ok"; readonly value: T } | { readonly kind: "failed"; readonly error: E };

export function ok<T>(value: T): Result<T, never> {
	return { kind: "ok", value };
}

export function failed<E>(error: E): Result<never, E> {
	return { kind: "failed", error };
}

/** Ends a switch over a union: the compiler refuses the call while a case is missing. */
export function unreachable(value: never): never {
	throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
