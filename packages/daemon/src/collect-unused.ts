/** `devenv gc`: which projects count, and what the engine deletes then. Layer 4. */

import type { Engine } from "@devenv/engine";
import type { CollectParams, CollectResult } from "@devenv/protocol";
import type { Generations } from "./history/generations.ts";
import { dropProject, listProjects, listRootLinks, rootName } from "./project-records.ts";
import { sweepStaleFiles } from "./stale-files.ts";

export interface CollectWorld {
	readonly engine: Engine;
	readonly generations: Generations;
	readonly state: string;
	readonly storeRoot: string;
	readonly cache: string;
	/** How many open shells of a project are followed. */
	readonly shellsOf: (project: string) => number;
}

/** Lets go of what projects that are gone or unused keep, and deletes what nothing keeps. */
export async function collectUnused(
	{ olderThan, maxFreed, dryRun }: CollectParams,
	{ engine, generations, state, cache, storeRoot, shellsOf }: CollectWorld,
): Promise<CollectResult> {
	const links = listRootLinks(state);
	const projects = listProjects(state).map((record) => {
		const age = Math.max(0, (Date.now() - record.used) / 1000);
		const open = shellsOf(record.project);
		const old = olderThan !== null && age > olderThan && open === 0;
		const dropped = record.gone && open === 0 ? ("gone" as const) : old ? ("old" as const) : null;
		return { project: record.project, age, dropped, links: links.get(rootName(record.project)) ?? [] };
	});
	const leaving = projects.filter(({ dropped }) => dropped !== null);
	const before = olderThan === null ? Number.NEGATIVE_INFINITY : Date.now() - olderThan * 1000;
	const stale = projects.map(({ project, dropped }) => {
		const isStale = dropped === null ? generations.staleSince(project, before) : (): boolean => true;
		return { project, isStale, links: generations.linksOf(project, isStale) };
	});
	// Measured while all is there.
	const groups = projects.map((each) => each.links);
	const measured = dryRun ? undefined : await engine.collectGarbage({ dryRun: true, dropped: [], groups });
	if (!dryRun) {
		for (const { project, isStale } of stale) generations.forget(project, isStale);
		for (const { project } of leaving) {
			generations.remove(project);
			dropProject(state, project);
		}
	}
	const report = await engine.collectGarbage({
		dryRun,
		dropped: [...new Set([...leaving, ...stale].flatMap((each) => each.links))],
		groups,
		...(maxFreed === null ? {} : { maxFreed }),
	});
	const files =
		olderThan === null ? { count: 0, bytes: 0 } : sweepStaleFiles({ cache, state, storeRoot }, before, dryRun);
	const sizes = (measured ?? report).sizes;
	return {
		projects: projects.map(({ project, age, dropped }, index) => ({
			project,
			age,
			dropped,
			...(sizes[index] ?? { size: 0, own: 0 }),
		})),
		deleted: report.deleted.length,
		bytesFreed: report.bytesFreed,
		files,
		dryRun,
		largest: report.deleted.toSorted((a, b) => b.size - a.size).slice(0, 100),
	};
}
