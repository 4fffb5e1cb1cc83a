/**
 * What has been asked of the build queue and is not done yet, on disk, so that it survives the process. Layer 3.
 *
 * One file for each request that has something to build. It goes when the request ends, however it does; what a killed process
 * left is taken over by the next one, twice at most: a build that takes its daemon with it must not do so for ever.
 */

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DrvPath, parseDrvPath } from "@devenv/nix-formats";
import { processStart } from "../process-start.ts";

/** How often a request is begun, the first time included. */
const ATTEMPTS = 3;

const SUFFIX = ".json";

/** Outputs of derivations, by name. */
export type JournalWanted = ReadonlyMap<DrvPath, readonly string[]>;

/** A request that was not finished by its process. */
export interface LeftRequest {
	readonly wanted: JournalWanted;
	/** When it has ended. */
	readonly done: () => void;
}

/** What a file says: whose request, how often it was begun, and of what. */
interface Entry {
	readonly pid: number;
	/** When that process began; see {@link processStart}. */
	readonly began: string;
	readonly attempt: number;
	readonly wanted: JournalWanted;
}

export class QueueJournal {
	readonly #folder: string;
	readonly #storeDir: string;

	/** The folder is made when it is needed. */
	constructor(folder: string, storeDir: string) {
		this.#folder = folder;
		this.#storeDir = storeDir;
	}

	/** Writes a request down, and gives what to call when it has ended. */
	begin(wanted: JournalWanted, attempt: number = 1): () => void {
		const file = join(this.#folder, `${randomUUID()}${SUFFIX}`);
		mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
		// Half of it, as a killed process may leave it, is told from the whole.
		const { pid } = process;
		writeFileSync(file, JSON.stringify({ version: 1, pid, began: processStart(pid), attempt, wanted: [...wanted] }));
		return () => rmSync(file, { force: true });
	}

	/** Takes over what processes left that are gone; `onFault` is told of what cannot be read, which is removed. */
	takeLeft(onFault: (message: string) => void): readonly LeftRequest[] {
		const left: LeftRequest[] = [];
		for (const name of this.#files()) {
			const file = join(this.#folder, name);
			try {
				const { pid, began, attempt, wanted } = this.#parse(readFileSync(file, "utf8"));
				if (processStart(pid) === began) continue;
				// Written anew first: another end of this process then counts as well.
				if (attempt < ATTEMPTS) left.push({ wanted, done: this.begin(wanted, attempt + 1) });
				else onFault(`gave up what was queued in ${file}: it was begun ${attempt} times`);
			} catch (error) {
				onFault(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`);
			}
			rmSync(file, { force: true });
		}
		return left;
	}

	#files(): readonly string[] {
		try {
			return readdirSync(this.#folder).filter((name) => name.endsWith(SUFFIX));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
			throw error;
		}
	}

	#parse(text: string): Entry {
		const value = JSON.parse(text) as Partial<Record<"version" | keyof Entry, unknown>> | null;
		const { version, pid, began, attempt, wanted } = value ?? {};
		if (version !== 1 || !isCount(pid) || typeof began !== "string" || !isCount(attempt) || !Array.isArray(wanted)) {
			throw new Error("not a request");
		}
		const pairs = (wanted as readonly unknown[]).map((pair): [DrvPath, readonly string[]] => {
			const [drvPath, outputs] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
			if (typeof drvPath !== "string" || !Array.isArray(outputs)) throw new Error("not a request");
			return [parseDrvPath(drvPath, this.#storeDir), (outputs as readonly unknown[]).map(String)];
		});
		return { pid, began, attempt, wanted: new Map(pairs) };
	}
}

function isCount(value: unknown): value is number {
	return typeof value === "number" && Number.isInteger(value) && value > 0;
}
