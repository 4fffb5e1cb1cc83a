/**
 * The generations of all projects: `<state>/generations/<key>.json` each, and the store roots that keep them alive.
 * Layer 4.
 *
 * A generation is made when an environment was prepared that differs from what the newest one has. Only the newest
 * {@link MOST_GENERATIONS} are kept, and the one that the project was rolled back to. The daemon is the only writer, and
 * every method is one synchronous step, so that no lock is needed.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fail } from "@devenv/diagnostics";
import { DecodeError, type ProfileParams } from "@devenv/protocol";
import { dotenvOf } from "../dotenv-files.ts";
import type { Log } from "../log.ts";
import { formatRecord, type Generation, parseRecord, type ProjectRecord } from "./generation-record.ts";

/** How many are kept of a project. */
export const MOST_GENERATIONS = 20;

/** A prepared environment, before it has a number. */
export type NewGeneration = Omit<Generation, "number" | "time" | "summary">;

export interface GenerationsOptions {
	/** The installation's state folder. */
	readonly state: string;
	readonly log: Log;
	/** Makes store roots at a link and beside it, in place of earlier ones: see `Engine.keepEnvironment`. */
	readonly keep: (link: string, generation: NewGeneration) => void;
	/** In one line: what differs, or what the first one has (`before` undefined). */
	readonly summarize: (before: Generation | undefined, after: NewGeneration) => string;
	/** Milliseconds since 1970. */
	readonly now?: () => number;
}

export class Generations {
	readonly #options: GenerationsOptions;
	readonly #folder: string;
	readonly #roots: string;

	constructor(options: GenerationsOptions) {
		this.#options = options;
		this.#folder = join(options.state, "generations");
		this.#roots = join(options.state, "roots");
	}

	/** A project's record; empty where it has none, or where that is damaged: then the log says so, and the file is set aside. */
	read(project: string): ProjectRecord {
		const empty: ProjectRecord = { project, next: 1, generations: [], pin: null };
		const file = this.#file(project);
		try {
			const found = parseRecord(readFileSync(file, "utf8"));
			return found.project === project ? found : empty;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") return empty;
			if (!(error instanceof SyntaxError || error instanceof DecodeError)) throw error;
			renameSync(file, `${file}.damaged`);
			this.#options.log.write("warning", "generations-damaged", { project, reason: error.message });
			return empty;
		}
	}

	/**
	 * As {@link record}, once the request that prepared it has been answered: nobody waits for a history. What goes wrong, with a
	 * full disk for one, is for the log. Environments with a profile are no generations.
	 */
	recordLater({ project, profile }: ProfileParams, make: () => NewGeneration): void {
		if (profile !== undefined) return;
		setImmediate(() => {
			try {
				this.record(project, make());
			} catch (error) {
				const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
				this.#options.log.write("error", "generation-not-recorded", { project, reason });
			}
		});
	}

	/** Records a prepared environment if it is new, and keeps it alive; gives its generation. */
	record(project: string, made: NewGeneration): Generation {
		const record = this.read(project);
		const known = findKnown(record.generations, made);
		const latest = record.generations.at(-1);
		if (known !== undefined) {
			if (known !== latest || known.content === made.content) return known;
			// Other files that mean the same: from now on these are what the next change is compared with.
			const refreshed = { ...known, ...made };
			this.#write({ ...record, generations: [...record.generations.slice(0, -1), refreshed] });
			return refreshed;
		}
		const generation: Generation = {
			number: record.next,
			time: (this.#options.now ?? Date.now)(),
			summary: this.#options.summarize(latest, made),
			...made,
		};
		this.#options.keep(this.#link(project, generation.number), generation);
		const all = [...record.generations, generation];
		const kept = all.filter(({ number }, index) => {
			return index >= all.length - MOST_GENERATIONS || number === record.pin?.number;
		});
		this.#write({ ...record, next: record.next + 1, generations: kept });
		this.#release(project, all, kept);
		return generation;
	}

	/** The generation that the project was rolled back to, while its own files are as they were then. */
	pinned(project: string): Generation | undefined {
		const record = this.read(project);
		if (record.pin === null) return undefined;
		const { number, files } = record.pin;
		const found = record.generations.find((each) => each.number === number);
		if (found !== undefined && files === filesDigest(project, found)) return found;
		this.#write({ ...record, pin: null });
		return undefined;
	}

	/** Has shells get a generation until the project's own files change, or {@link unpin}. */
	pin(project: string, number: number): void {
		const record = this.read(project);
		const files = filesDigest(project, requireGeneration(record, number));
		this.#write({ ...record, pin: { number, files } });
	}

	/** Ends a rollback; whether there was one. */
	unpin(project: string): boolean {
		const record = this.read(project);
		if (record.pin === null) return false;
		this.#write({ ...record, pin: null });
		return true;
	}

	/** The store roots of the generations that {@link forget} would let go. */
	linksOf(project: string, isStale: (generation: Generation) => boolean): string[] {
		return this.read(project)
			.generations.filter(isStale)
			.flatMap(({ number }) => this.#links(project, number));
	}

	/** Those made before a time (milliseconds since 1970), but the newest one and the one that the project was rolled back to. */
	staleSince(project: string, before: number): (generation: Generation) => boolean {
		const { generations, pin } = this.read(project);
		const newest = generations.at(-1)?.number;
		return ({ number, time }) => time < before && number !== newest && number !== pin?.number;
	}

	/** Forgets generations and lets go of what only they keep; gives how many they were. */
	forget(project: string, isStale: (generation: Generation) => boolean): number {
		const record = this.read(project);
		const kept = record.generations.filter((each) => !isStale(each));
		const dropped = record.generations.length - kept.length;
		if (dropped === 0) return 0;
		const pin = kept.some(({ number }) => number === record.pin?.number) ? record.pin : null;
		this.#write({ ...record, generations: kept, pin });
		this.#release(project, record.generations, kept);
		return dropped;
	}

	/** Forgets a project altogether. */
	remove(project: string): void {
		this.forget(project, () => true);
		rmSync(this.#file(project), { force: true });
	}

	/** All projects that have generations. */
	projects(): string[] {
		return readNames(this.#folder).flatMap((name) => {
			if (!/^[0-9a-f]{32}\.json$/.test(name)) return [];
			try {
				return [parseRecord(readFileSync(join(this.#folder, name), "utf8")).project];
			} catch (error) {
				if (error instanceof SyntaxError || error instanceof DecodeError) return []; // `read` says so
				throw error;
			}
		});
	}

	#release(project: string, all: readonly Generation[], kept: readonly Generation[]): void {
		for (const each of all) {
			if (kept.includes(each)) continue;
			for (const link of this.#links(project, each.number)) rmSync(link, { force: true });
		}
	}

	#links(project: string, number: number): string[] {
		const link = `${projectKey(project)}-${number}`;
		return readNames(this.#roots)
			.filter((name) => name === link || name.startsWith(`${link}-`))
			.map((name) => join(this.#roots, name));
	}

	#link(project: string, number: number): string {
		return join(this.#roots, `${projectKey(project)}-${number}`);
	}

	#file(project: string): string {
		return join(this.#folder, `${projectKey(project)}.json`);
	}

	#write(record: ProjectRecord): void {
		mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
		const file = this.#file(record.project);
		const fresh = `${file}.${randomBytes(6).toString("hex")}.part`;
		writeFileSync(fresh, formatRecord(record), { mode: 0o600, flush: true });
		renameSync(fresh, file);
	}
}

/** What a project's store roots and records are named after: 32 hex digits. */
export function projectKey(project: string): string {
	return createHash("sha256").update(project).digest("hex").slice(0, 32);
}

/** Of env.yaml, env.nix, env.local.yaml, env.lock and files of variables as they are now; what cannot be read counts as absent. */
function filesDigest(project: string, { settings }: Pick<Generation, "settings">): string {
	const names = ["env.yaml", "env.nix", "env.local.yaml", "env.lock"];
	return digestFiles(project, [...names, ...dotenvOf(project, settings).files.map((file) => relative(project, file))]);
}

/** SHA-256 in base 16 of files of a folder, absences included. */
export function digestFiles(folder: string, names: readonly string[]): string {
	const hash = createHash("sha256");
	for (const name of names) hash.update(JSON.stringify([name, fileDigest(join(folder, name))]));
	return hash.digest("hex");
}

function fileDigest(path: string): string | null {
	try {
		return createHash("sha256").update(readFileSync(path)).digest("hex");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === undefined) throw error;
		return null;
	}
}

/**
 * The generation that has this environment already: the newest, or another one of the very content that the newest has,
 * since callers with other shells and locales get other roots from equal files.
 */
function findKnown(generations: readonly Generation[], made: NewGeneration): Generation | undefined {
	const latest = generations.at(-1);
	if (latest === undefined || isSame(latest, made)) return latest;
	for (const each of generations.toReversed()) {
		if (each.content !== made.content) return undefined;
		if (isSame(each, made)) return each;
	}
	return undefined;
}

function isSame(one: NewGeneration, other: NewGeneration): boolean {
	const variables = (each: NewGeneration): string => JSON.stringify(each.settings.folderVariables);
	return one.environment === other.environment && variables(one) === variables(other);
}

/** Fails with `GENERATION_UNKNOWN`. */
export function requireGeneration(record: ProjectRecord, number: number): Generation {
	const found = record.generations.find((each) => each.number === number);
	if (found !== undefined) return found;
	return fail("GENERATION_UNKNOWN", `${record.project} has no generation ${number}`, {
		hint: "`devenv history` lists those that there are",
	});
}

function readNames(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
}
