/** Flake registries: what stands for inputs that are only named. Layer 3. Source: Nix manual, `nix registry`, "Registry format". */

import { readFileSync } from "node:fs";

type Attributes = ReadonlyMap<string, string | number | boolean>;

interface Entry {
	readonly from: Attributes;
	readonly to: Attributes;
	readonly exact: boolean;
}

/** Registries may lead to one another this often. */
const MOST_STEPS = 16;

export class Registries {
	readonly #files: readonly string[];
	readonly #last: () => string | undefined;
	#entries: Entry[] | undefined;

	/** `last` gives a further file, fetched when it is needed. */
	constructor(files: readonly string[], last: () => string | undefined) {
		this.#files = files;
		this.#last = last;
	}

	/** The input that stands for an indirect one; undefined where no registry has it. */
	resolve(input: Attributes): Attributes | undefined {
		let current = input;
		for (let step = 0; step < MOST_STEPS; step++) {
			if (current.get("type") !== "indirect") return current;
			const next = this.#step(current);
			if (next === undefined) return undefined;
			current = next;
		}
		return undefined;
	}

	#step(input: Attributes): Attributes | undefined {
		this.#entries ??= this.#files.flatMap(readEntries);
		const own = applied(this.#entries, input);
		if (own !== undefined) return own;
		const last = this.#last();
		if (last === undefined) return undefined;
		return applied(readEntries(last), input);
	}
}

function applied(entries: readonly Entry[], input: Attributes): Attributes | undefined {
	for (const { from, to, exact } of entries) {
		if (from.get("id") !== input.get("id")) continue;
		const isSame = ["ref", "rev"].every((name) => from.get(name) === input.get(name));
		if (exact || from.has("ref") || from.has("rev")) {
			if (isSame) return to;
			continue;
		}
		const chosen = new Map(to);
		for (const name of ["ref", "rev"]) {
			const value = input.get(name);
			if (value !== undefined) chosen.set(name, value);
		}
		return chosen;
	}
	return undefined;
}

/** A registry that is not there has nothing; one that cannot be read is the user's to mend. */
function readEntries(file: string): Entry[] {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
	const value = JSON.parse(text) as { readonly flakes?: unknown };
	if (!Array.isArray(value.flakes)) return [];
	return value.flakes.map((each: unknown): Entry => {
		const { from, to, exact } = each as Readonly<Record<string, unknown>>;
		return { from: attributesOf(from), to: attributesOf(to), exact: exact === true };
	});
}

function attributesOf(value: unknown): Attributes {
	const entries = Object.entries((value ?? {}) as Record<string, unknown>);
	return new Map(
		entries.flatMap(([name, each]): [string, string | number | boolean][] =>
			typeof each === "string" || typeof each === "number" || typeof each === "boolean" ? [[name, each]] : [],
		),
	);
}
