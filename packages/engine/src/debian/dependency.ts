/** Relationship fields of binary packages (Debian Policy 7.1): text to groups of alternatives. Layer 3 (engine), pure. */

import { satisfiesVersion, type VersionRelation } from "./version.ts";

/** A version bound, for example `>= 2.34`. */
export interface VersionConstraint {
	readonly relation: VersionRelation;
	readonly version: string;
}

/** One package of a relationship field. */
export interface PackageRelation {
	readonly name: string;
	/** `any`, `native` or an architecture; absent when not written. */
	readonly qualifier?: string;
	readonly constraint?: VersionConstraint;
}

/** Alternatives in order of preference; at least one. */
export type DependencyGroup = readonly PackageRelation[];

const relationPattern =
	/^([a-zA-Z0-9][a-zA-Z0-9+.-]*)(?::([a-zA-Z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s()]+)\s*\))?\s*(?:\[[^\]]*\]\s*)?(?:<[^>]*>\s*)*$/;

const obsoleteRelations: Readonly<Record<string, VersionRelation>> = { "<": "<=", ">": ">=" };

/** The groups of a field's value; parts that are no relation are given to `onMalformed` and left out. */
export function parseDependencies(field: string, onMalformed: (part: string) => void): DependencyGroup[] {
	const groups: DependencyGroup[] = [];
	for (const text of splitGroups(field)) {
		const group: PackageRelation[] = [];
		for (const part of text.split("|")) {
			const relation = parseRelation(part.trim());
			if (relation === undefined) onMalformed(part.trim());
			else group.push(relation);
		}
		if (group.length > 0) groups.push(group);
	}
	return groups;
}

/** The texts of a field's groups, trimmed, with inner white space made single. */
export function splitGroups(field: string): string[] {
	// Fields are written with single blanks, nearly always.
	const plain = /[\n\t]| {2}/.test(field) ? field.replace(/\s+/g, " ") : field;
	return plain
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "");
}

function parseRelation(text: string): PackageRelation | undefined {
	const match = relationPattern.exec(text);
	const name = match?.[1];
	if (match === null || name === undefined) return undefined;
	const [, , qualifier, relation, version] = match;
	return {
		name,
		...(qualifier === undefined ? {} : { qualifier }),
		...(relation === undefined || version === undefined
			? {}
			: { constraint: { relation: obsoleteRelations[relation] ?? (relation as VersionRelation), version } }),
	};
}

/** Whether a package's own version meets a constraint; no constraint is always met. */
export function meets(version: string, constraint: VersionConstraint | undefined): boolean {
	return constraint === undefined || satisfiesVersion(version, constraint.relation, constraint.version);
}

/**
 * Whether a provided name meets a constraint: an unversioned `Provides` never meets a versioned relation (Policy 7.5).
 */
export function providesMeets(provided: PackageRelation, constraint: VersionConstraint | undefined): boolean {
	if (constraint === undefined) return true;
	return provided.constraint !== undefined && meets(provided.constraint.version, constraint);
}
