/**
 * The projects that this installation knows: what their stamps say, when they were used last, and what it keeps for them.
 * Layer 4.
 */

import { createHash } from "node:crypto";
import { lstatSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectHash, readStamp, type Stamp } from "@devenv/shell";

/** A project that was entered. */
export interface ProjectRecord {
	readonly project: string;
	/** Milliseconds since 1970, to the day (native/stamp.c). */
	readonly used: number;
	/** Whether its env.yaml is not there any more. A folder that cannot be looked at counts as there. */
	readonly gone: boolean;
}

/** Name, below `<state>/roots`, of the links that keep a project's environments: its own, and one for each profile. */
export function rootName(project: string, profile?: string): string {
	const name = createHash("sha256").update(project).digest("hex").slice(0, 32);
	return profile === undefined ? name : `${name}.${profile}`;
}

/** From the stamps; by folder. */
export function listProjects(state: string): ProjectRecord[] {
	const projects = new Map<string, ProjectRecord>();
	for (const { project, used } of readStamps(state)) {
		const before = projects.get(project)?.used ?? 0;
		projects.set(project, { project, used: Math.max(before, used), gone: isGone(project) });
	}
	return [...projects.values()].sort((a, b) => (a.project < b.project ? -1 : 1));
}

/** The stamps of all projects, each with when it was used last, as {@link ProjectRecord.used}. */
export function* readStamps(state: string): Generator<Stamp & Pick<ProjectRecord, "used">> {
	for (const name of namesIn(join(state, "stamps"))) {
		if (!name.endsWith(".stamp")) continue;
		const file = join(state, "stamps", name);
		let stamp: Stamp;
		let used: number;
		try {
			stamp = readStamp(file);
			used = statSync(file).mtimeMs;
		} catch {
			continue; // damaged, or replaced at this moment: it is made again at the next entry
		}
		yield { ...stamp, used };
	}
}

function isGone(project: string): boolean {
	try {
		return lstatSync(join(project, "env.yaml"), { throwIfNoEntry: false }) === undefined;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "ENOTDIR";
	}
}

/** Links that keep environments, by the project's {@link rootName}. */
export function listRootLinks(state: string): Map<string, string[]> {
	const folder = join(state, "roots");
	const links = new Map<string, string[]>();
	for (const name of namesIn(folder)) {
		const key = /^[0-9a-f]{32}/.exec(name)?.[0];
		if (key !== undefined) links.set(key, [...(links.get(key) ?? []), join(folder, name)]);
	}
	return links;
}

/** Forgets a project: what it keeps, and how it is entered; one that devenv made itself goes whole. Consent stays. */
export function dropProject(state: string, project: string): void {
	if (dirname(project) === join(state, "ad-hoc")) rmSync(project, { recursive: true, force: true });
	for (const link of listRootLinks(state).get(rootName(project)) ?? []) rmSync(link, { force: true });
	const hash = projectHash(project);
	for (const folder of ["stamps", "activations", "shims", "scripts", "processes"]) {
		for (const name of namesIn(join(state, folder))) {
			if (name === hash || name.startsWith(`${hash}.`) || name.startsWith(`${hash}-`)) {
				rmSync(join(state, folder, name), { recursive: true, force: true });
			}
		}
	}
}

function namesIn(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
}
