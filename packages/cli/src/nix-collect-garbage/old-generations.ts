/** Generations of Nix's profiles: links `NAME-NUMBER-link` beside the link NAME that says which is in use. Layer 5. */

import { accessSync, constants, lstatSync, readdirSync, readlinkSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";

export interface Retention {
	/** Seconds since 1970: what was in use then, and since, stays; undefined keeps what is in use now alone. */
	readonly olderThan: number | undefined;
	/** Deletes nothing. */
	readonly dryRun: boolean;
	/** Told what is done. */
	readonly tell: (message: string) => void;
}

interface Generation {
	readonly number: number;
	readonly link: string;
	/** Seconds since 1970. */
	readonly made: number;
}

/** Deletes the old generations of all profiles in a folder and below it. */
export function removeOldGenerations(folder: string, retention: Retention): void {
	if (!isAllowed(folder, constants.R_OK)) return;
	const mayWrite = isAllowed(folder, constants.W_OK);
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) removeOldGenerations(path, retention);
		else if (entry.isSymbolicLink() && mayWrite && targetOf(path)?.includes("link") === true) {
			retention.tell(`removing old generations of profile ${path}`);
			removeGenerations(path, retention);
		}
	}
}

function removeGenerations(profile: string, { olderThan, dryRun, tell }: Retention): void {
	const generations = generationsOf(profile);
	const current = numberOf(basename(profile), basename(targetOf(profile) ?? ""));
	for (const { number, link } of generations.filter(({ number }) => number !== current && isOld(number))) {
		if (dryRun) tell(`would remove profile version ${number}`);
		else {
			tell(`removing profile version ${number}`);
			unlinkSync(link);
		}
	}

	/** What was in use at that time was made before it. */
	function isOld(number: number): boolean {
		if (olderThan === undefined) return true;
		const before = generations.filter(({ made }) => made < olderThan);
		return number < (before.at(-1)?.number ?? 0);
	}
}

/** In the order of their numbers. */
function generationsOf(profile: string): Generation[] {
	const folder = dirname(profile);
	return readdirSync(folder)
		.flatMap((name): Generation[] => {
			const number = numberOf(basename(profile), name);
			const link = join(folder, name);
			return number === undefined ? [] : [{ number, link, made: lstatSync(link).mtimeMs / 1000 }];
		})
		.sort((a, b) => a.number - b.number);
}

function numberOf(profile: string, name: string): number | undefined {
	if (!name.startsWith(`${profile}-`)) return undefined;
	const digits = /^(\d{1,9})-link/.exec(name.slice(profile.length + 1))?.[1];
	return digits === undefined ? undefined : Number(digits);
}

function targetOf(link: string): string | undefined {
	return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(link) : undefined;
}

function isAllowed(folder: string, mode: number): boolean {
	try {
		accessSync(folder, mode);
		return true;
	} catch {
		return false;
	}
}
