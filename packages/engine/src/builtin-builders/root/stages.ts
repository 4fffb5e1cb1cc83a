/**
 * Which packages of a root are configured on their own, before the others come. Layer 3, pure.
 *
 * Stage one: packages with a postinst, the Essential ones, and all that these depend on. What their scripts do is a function of
 * them alone, since a script may use only what its package depends on (Policy 7.2); so it is the same whatever else the root has.
 * Stage two: the rest, which only brings files.
 */

import { type DependencyGroup, meets, providesMeets } from "../../debian/dependency.ts";
import { relationsOf, type RootPackage } from "./root-package.ts";

export interface Stages {
	/** Both in the order of configuration. */
	readonly first: readonly RootPackage[];
	readonly second: readonly RootPackage[];
}

/** Of a group of alternatives every one that is there counts, and of a virtual package every provider. */
export function splitStages(packages: readonly RootPackage[]): Stages {
	const candidates = candidatesByName(packages);
	const chosen = new Set<RootPackage>();
	const pending = packages.filter(
		({ controlFiles, stanza }) => controlFiles.has("postinst") || stanza.get("essential") === "yes",
	);
	for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
		if (chosen.has(each)) continue;
		chosen.add(each);
		for (const field of ["pre-depends", "depends"]) {
			for (const group of relationsOf(each, field)) pending.push(...membersOf(group, candidates));
		}
	}
	return { first: packages.filter((each) => chosen.has(each)), second: packages.filter((each) => !chosen.has(each)) };
}

interface Candidates {
	readonly named: ReadonlyMap<string, readonly RootPackage[]>;
	readonly providers: ReadonlyMap<string, readonly { readonly by: RootPackage; readonly group: DependencyGroup }[]>;
}

function candidatesByName(packages: readonly RootPackage[]): Candidates {
	const named = Map.groupBy(packages, ({ name }) => name);
	const provided = packages.flatMap((by) =>
		relationsOf(by, "provides").flatMap((group) => group.map(({ name }) => ({ name, by, group }))),
	);
	return { named, providers: Map.groupBy(provided, ({ name }) => name) };
}

function membersOf(group: DependencyGroup, { named, providers }: Candidates): readonly RootPackage[] {
	return group.flatMap(({ name, constraint }) => [
		...(named.get(name) ?? []).filter(({ version }) => meets(version, constraint)),
		...(providers.get(name) ?? [])
			.filter((each) => each.group.some((relation) => relation.name === name && providesMeets(relation, constraint)))
			.map(({ by }) => by),
	]);
}
