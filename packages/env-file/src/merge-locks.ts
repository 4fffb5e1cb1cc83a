/**
 * Two locks of one project made one: what git leaves as a conflict. Per input the newer pin is taken, whole, since the
 * parts of a pin belong together. Deterministic, and the same from either side. Layer 1 (pure).
 */

import { DiagnosticError, type Source, fail } from "@devenv/diagnostics";
import { type EnvFileText, decodeFileText } from "./file-text.ts";
import { formatLock } from "./format-lock.ts";
import { type LockFile, type LockedInput, lockedRevision } from "./lock-file.ts";

/** What was taken of an input whose pins differ. */
export interface LockChoice {
	readonly input: string;
	/** Revisions for people; null where a side does not have the input. */
	readonly ours: string | null;
	readonly theirs: string | null;
	/** `both`: one pin, whose index objects were known to one side each. `neither`: a side dropped the input. */
	readonly taken: "ours" | "theirs" | "both" | "neither";
}

export interface MergedLock {
	readonly lock: LockFile;
	/** By input; empty when the locks were equal. */
	readonly choices: readonly LockChoice[];
}

export interface MergeOptions {
	/** What both sides began with: a side that did not change an input gives way. */
	readonly base?: LockFile;
	/** The URLs of inputs that env.yaml says now: a pin of another one gives way. */
	readonly urls?: ReadonlyMap<string, string>;
}

export function mergeLocks(ours: LockFile, theirs: LockFile, options: MergeOptions = {}): MergedLock {
	const names = [...new Set([...ours.inputs, ...theirs.inputs].map(({ name }) => name))].sort();
	const inputs: LockedInput[] = [];
	const choices: LockChoice[] = [];
	for (const name of names) {
		const find = (lock: LockFile | undefined): LockedInput | undefined =>
			lock?.inputs.find((input) => input.name === name);
		const sides = { ours: find(ours), theirs: find(theirs) };
		const merged = mergeInput(sides, find(options.base), options.urls?.get(name));
		if (merged.input !== undefined) inputs.push(merged.input);
		if (merged.taken === undefined) continue;
		choices.push({ input: name, ours: revision(sides.ours), theirs: revision(sides.theirs), taken: merged.taken });
	}
	return { lock: { inputs }, choices };
}

interface MergedInput {
	readonly input: LockedInput | undefined;
	/** Absent where the sides are equal. */
	readonly taken?: LockChoice["taken"];
}

type Sides = Readonly<Record<"ours" | "theirs", LockedInput | undefined>>;

function mergeInput(sides: Sides, base: LockedInput | undefined, url: string | undefined): MergedInput {
	const { ours, theirs } = sides;
	if (textOf(ours) === textOf(theirs)) return { input: ours };
	const changed = { ours: textOf(ours) !== textOf(base), theirs: textOf(theirs) !== textOf(base) };
	if (ours === undefined || theirs === undefined) {
		const side = ours === undefined ? "theirs" : "ours";
		// Dropped by one, and as before at the other.
		if (base !== undefined && !changed[side]) return { input: undefined, taken: "neither" };
		return { input: sides[side], taken: side };
	}
	const joined = joinIndexes(ours, theirs);
	if (joined !== undefined) return { input: joined, taken: "both" };
	if (base !== undefined && changed.ours !== changed.theirs) return take(sides, changed.ours ? "ours" : "theirs");
	if (ours.url !== theirs.url && (ours.url === url || theirs.url === url)) {
		return take(sides, ours.url === url ? "ours" : "theirs");
	}
	return take(sides, compare(ours, theirs) >= 0 ? "ours" : "theirs");
}

function take(sides: Sides, side: "ours" | "theirs"): MergedInput {
	return { input: sides[side], taken: side };
}

/** One pin with the index objects of both sides, if all else is equal and no two objects contradict each other. */
function joinIndexes(ours: LockedInput, theirs: LockedInput): LockedInput | undefined {
	if (ours.kind !== "debian" || theirs.kind !== "debian") return undefined;
	if (textOf({ ...ours, indexes: [] }) !== textOf({ ...theirs, indexes: [] })) return undefined;
	const indexes = new Map(ours.indexes.map((each) => [each.system, each]));
	for (const each of theirs.indexes) {
		const other = indexes.get(each.system);
		if (other !== undefined && other.narHash !== each.narHash) return undefined;
		indexes.set(each.system, each);
	}
	return { ...ours, indexes: [...indexes.values()] };
}

/** By age; of the same age by their texts, so that both sides come to the same. */
function compare(a: LockedInput, b: LockedInput): number {
	const [revisionA, revisionB] = [lockedRevision(a), lockedRevision(b)];
	if (revisionA !== revisionB) return revisionA < revisionB ? -1 : 1;
	return textOf(a) < textOf(b) ? -1 : 1;
}

function textOf(input: LockedInput | undefined): string {
	return input === undefined ? "" : formatLock({ inputs: [input] });
}

function revision(input: LockedInput | undefined): string | null {
	return input === undefined ? null : lockedRevision(input);
}

/** The two texts that a file with conflict markers stands for. */
export interface LockSides {
	readonly ours: string;
	readonly theirs: string;
}

type Part = "all" | "ours" | "base" | "theirs";

/** What a marker begins, and what it may end. */
const follow: Readonly<Record<"<" | "|" | "=" | ">", readonly [Part, ...Part[]]>> = {
	"<": ["ours", "all"],
	"|": ["base", "ours"],
	"=": ["theirs", "ours", "base"],
	">": ["all", "theirs"],
};

const marker = /^(<{7}|\|{7}|={7}|>{7})(?: .*)?$/;

/**
 * Takes the sides out of a text with git's conflict markers; undefined where it has none. What git merged by itself is in
 * both. Throws `LOCK_CONFLICT` where the markers do not match, `LOCK_TOO_LARGE` and `LOCK_NOT_UTF8`.
 */
export function splitLockConflict(text: EnvFileText): LockSides | undefined {
	const source = decodeFileText(text, "LOCK");
	if (!("text" in source)) throw new DiagnosticError(source);
	let side: Part = "all";
	let found = false;
	let offset = 0;
	const ours: string[] = [];
	const theirs: string[] = [];
	for (const line of source.text.split(/(?<=\n)/)) {
		const kind = marker.exec(line.replace(/\r?\n$/, ""))?.[1]?.charAt(0);
		if (kind === "<" || kind === "|" || kind === "=" || kind === ">") {
			const [after, ...before] = follow[kind];
			if (!before.includes(side)) mismatched(source, offset);
			side = after;
			found = true;
		} else {
			if (side === "all" || side === "ours") ours.push(line);
			if (side === "all" || side === "theirs") theirs.push(line);
		}
		offset += line.length;
	}
	if (side !== "all") mismatched(source, Math.max(0, source.text.trimEnd().length - 1));
	return found ? { ours: ours.join(""), theirs: theirs.join("") } : undefined;
}

function mismatched(source: Source, offset: number): never {
	return fail("LOCK_CONFLICT", `the conflict markers in ${source.file} do not match`, {
		location: source.locate(offset),
		hint: "`git checkout --merge env.lock` writes them anew; then `devenv lock --resolve`",
	});
}
