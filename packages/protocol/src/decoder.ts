/**
 * Decoders: functions that turn an unknown value into a typed one or say where it is wrong. Everything that crosses the
 * socket goes through one, on both sides, since types vanish at run time.
 *
 * Layer 1 (pure).
 */

/** Returns the value typed, or throws {@link DecodeError}. `path` names the value in the message: `params.project`. */
export type Decoder<T> = (value: unknown, path: string) => T;

/** A key that may be absent; `undefined` counts as absent. */
export interface OptionalField<T> {
	readonly optional: Decoder<T>;
}

/** The fields of an object type: optional keys must be declared by {@link optional}, required keys must not. */
export type Fields<T> = {
	readonly [K in keyof T]-?: object extends Pick<T, K> ? OptionalField<Exclude<T[K], undefined>> : Decoder<T[K]>;
};

/** A value that is not what the protocol says. */
export class DecodeError extends Error {
	readonly path: string;
	readonly expected: string;

	constructor(path: string, expected: string, found: unknown) {
		super(`${path}: expected ${expected}, found ${describe(found)}`);
		this.name = "DecodeError";
		this.path = path;
		this.expected = expected;
	}
}

export const string: Decoder<string> = (value, path) => {
	if (typeof value !== "string") throw new DecodeError(path, "a string", value);
	return value;
};

export const boolean: Decoder<boolean> = (value, path) => {
	if (typeof value !== "boolean") throw new DecodeError(path, "true or false", value);
	return value;
};

/** A finite number. */
export const number: Decoder<number> = (value, path) => {
	if (typeof value !== "number" || !Number.isFinite(value)) throw new DecodeError(path, "a number", value);
	return value;
};

/** An integer from 0 up to the largest safe one. */
export const count: Decoder<number> = (value, path) => {
	if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
		throw new DecodeError(path, "a count", value);
	}
	return value;
};

/** An absolute path without NUL. */
export const absolutePath: Decoder<string> = (value, path) => {
	if (typeof value !== "string" || !value.startsWith("/") || value.includes("\0")) {
		throw new DecodeError(path, "an absolute path", value);
	}
	return value;
};

/** Any JSON value, unchecked: its reader decodes it. */
export const unknown: Decoder<unknown> = (value) => value;

/** One of the given strings. */
export function oneOf<const T extends string>(...choices: readonly T[]): Decoder<T> {
	return (value, path) => {
		const found = choices.find((choice) => choice === value);
		if (found === undefined) throw new DecodeError(path, `one of ${choices.join(", ")}`, value);
		return found;
	};
}

export function nullable<T>(decoder: Decoder<T>): Decoder<T | null> {
	return (value, path) => (value === null ? null : decoder(value, path));
}

export function arrayOf<T>(decoder: Decoder<T>): Decoder<readonly T[]> {
	return (value, path) => {
		if (!Array.isArray(value)) throw new DecodeError(path, "a list", value);
		return value.map((each: unknown, index) => decoder(each, `${path}[${index}]`));
	};
}

/** An object used as a map. The result has no prototype, so `__proto__` is an ordinary key. */
export function recordOf<T>(decoder: Decoder<T>): Decoder<Readonly<Record<string, T>>> {
	return (value, path) => {
		const result = Object.create(null) as Record<string, T>;
		for (const [key, each] of Object.entries(plainObject(value, path))) {
			result[key] = decoder(each, `${path}.${key}`);
		}
		return result;
	};
}

export function optional<T>(decoder: Decoder<T>): OptionalField<T> {
	return { optional: decoder };
}

/** An object with exactly these fields; an unknown key is an error. */
export function object<T extends object>(fields: Fields<T>): Decoder<T> {
	return objectDecoder(fields, true);
}

/** An object with these fields; unknown keys are dropped. For what peers of other versions send. */
export function openObject<T extends object>(fields: Fields<T>): Decoder<T> {
	return objectDecoder(fields, false);
}

/** A union of objects told apart by the string in `kind`. */
export function unionOf<T extends { readonly kind: string }>(
	cases: {
		readonly [K in T["kind"]]: Decoder<Extract<T, { readonly kind: K }>>;
	},
): Decoder<T> {
	const table = new Map<string, Decoder<T>>(Object.entries<Decoder<T>>(cases));
	return (value, path) => {
		const kind = plainObject(value, path)["kind"];
		const decoder = typeof kind === "string" ? table.get(kind) : undefined;
		if (decoder === undefined) throw new DecodeError(`${path}.kind`, `one of ${[...table.keys()].join(", ")}`, kind);
		return decoder(value, path);
	};
}

function objectDecoder<T extends object>(fields: Fields<T>, closed: boolean): Decoder<T> {
	const table = Object.entries<Decoder<unknown> | OptionalField<unknown>>(fields);
	const known = new Set(table.map(([key]) => key));
	return (value, path) => {
		const given = plainObject(value, path);
		const result: Record<string, unknown> = {};
		for (const [key, field] of table) {
			const each = Object.hasOwn(given, key) ? given[key] : undefined;
			if (typeof field === "function") result[key] = field(each, `${path}.${key}`);
			else if (each !== undefined) result[key] = field.optional(each, `${path}.${key}`);
		}
		if (closed) {
			const extra = Object.keys(given).find((key) => !known.has(key));
			if (extra !== undefined) throw new DecodeError(`${path}.${extra}`, "no such key", given[extra]);
		}
		return result as T;
	};
}

function plainObject(value: unknown, path: string): Record<string, unknown> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) {
		throw new DecodeError(path, "an object", value);
	}
	return value as Record<string, unknown>;
}

function describe(value: unknown): string {
	if (value === undefined) return "nothing";
	if (value === null) return "null";
	if (Array.isArray(value)) return "a list";
	if (typeof value === "object") return "an object";
	if (typeof value === "string") return value.length > 40 ? "a string" : JSON.stringify(value);
	return typeof value === "number" || typeof value === "boolean" ? String(value) : `a ${typeof value}`;
}
