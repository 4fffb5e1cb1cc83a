/**
 * All packages that an index offers, with what needs the whole archive to know: who provides which virtual name, which
 * packages can satisfy each dependency, and which packages exclude each other. Layer 3 (engine), pure.
 *
 * It is computed once per index, so that the resolver in the Nix language meets names instead of version constraints.
 */

import { type DependencyGroup, meets, parseDependencies, type PackageRelation, providesMeets } from "./dependency.ts";
import type { PackageRecord } from "./package-record.ts";
import { compareVersions } from "./version.ts";

/** A provider of a virtual name. */
interface Provider {
	readonly name: string;
	/** The version of the provided name; absent for an unversioned `Provides`. */
	readonly version?: string;
}

/** A package as the index holds it. */
export interface PackageEntry {
	readonly record: PackageRecord;
	/**
	 * One list per group of Pre-Depends, then of Depends: the packages that satisfy it, the preferred first. An empty
	 * list means that nothing in the index does. The package itself stands for "nothing else is needed".
	 */
	readonly candidates: readonly (readonly string[])[];
	/** Packages that cannot be installed together with this one, whichever of the two says so; sorted. */
	readonly clashes: readonly string[];
}

export interface PackageTable {
	/** By name, sorted by code units. */
	readonly packages: ReadonlyMap<string, PackageEntry>;
	/** By virtual name, sorted; the preferred provider first. */
	readonly providers: ReadonlyMap<string, readonly Provider[]>;
	/** Names of the Essential packages, sorted. */
	readonly essential: readonly string[];
}

/** Keeps the newest version of each package; of equal ones the first. */
function newestRecords(records: Iterable<PackageRecord>): Map<string, PackageRecord> {
	const newest = new Map<string, PackageRecord>();
	for (const record of records) {
		const known = newest.get(record.name);
		if (known === undefined || compareVersions(record.version, known.version) > 0) newest.set(record.name, record);
	}
	return newest;
}

/** Builds the table of the newest records. The order of the records breaks ties between providers of a name. */
export function buildPackageTable(records: Iterable<PackageRecord>): PackageTable {
	const newest = newestRecords(records);
	const order = new Map([...newest.keys()].map((name, index) => [name, index]));
	const providers = collectProviders(newest, order);
	const resolver = new CandidateResolver(newest, providers);
	const clashes = collectClashes(newest, providers);
	const packages = new Map<string, PackageEntry>();
	for (const name of [...newest.keys()].sort()) {
		const record = newest.get(name);
		if (record === undefined) continue;
		packages.set(name, {
			record,
			candidates: resolver.candidatesOf(record),
			clashes: [...(clashes.get(name) ?? [])].sort(),
		});
	}
	return {
		packages,
		providers: new Map([...providers].sort(([a], [b]) => (a < b ? -1 : 1))),
		essential: [...packages.values()].filter((each) => each.record.essential).map((each) => each.record.name),
	};
}

/** Malformed relations occur in third-party archives; apt ignores the single relation, and so does the index. */
function groupsOf(field: string): DependencyGroup[] {
	return field === "" ? [] : parseDependencies(field, () => undefined);
}

const priorities: readonly string[] = ["required", "important", "standard", "optional", "extra"];

function collectProviders(
	records: ReadonlyMap<string, PackageRecord>,
	order: ReadonlyMap<string, number>,
): Map<string, Provider[]> {
	const providers = new Map<string, Provider[]>();
	for (const record of records.values()) {
		for (const [relation] of groupsOf(record.provides)) {
			if (relation === undefined) continue;
			const list = providers.get(relation.name);
			const provider: Provider = {
				name: record.name,
				...(relation.constraint === undefined ? {} : { version: relation.constraint.version }),
			};
			if (list === undefined) providers.set(relation.name, [provider]);
			else list.push(provider);
		}
	}
	// As apt: Essential before others, then by priority; `default-…` packages are Debian's own choice among equals.
	const rank = (provider: Provider): number[] => {
		const record = records.get(provider.name);
		const priority = priorities.indexOf(record?.priority ?? "");
		return [
			record?.essential === true ? 0 : 1,
			priority < 0 ? priorities.length : priority,
			provider.name.startsWith("default-") ? 0 : 1,
			order.get(provider.name) ?? 0,
		];
	};
	for (const list of providers.values()) {
		if (list.length < 2) continue;
		const ranks = new Map(list.map((provider) => [provider, rank(provider)]));
		list.sort((a, b) => compareRanks(ranks.get(a) ?? [], ranks.get(b) ?? []));
	}
	return providers;
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
	for (let index = 0; index < a.length; index++) {
		const difference = (a[index] ?? 0) - (b[index] ?? 0);
		if (difference !== 0) return difference;
	}
	return 0;
}

/** Turns dependency groups into lists of packages; equal relations are looked up once. */
class CandidateResolver {
	readonly #records: ReadonlyMap<string, PackageRecord>;
	readonly #providers: ReadonlyMap<string, readonly Provider[]>;
	readonly #known = new Map<string, readonly string[]>();

	constructor(records: ReadonlyMap<string, PackageRecord>, providers: ReadonlyMap<string, readonly Provider[]>) {
		this.#records = records;
		this.#providers = providers;
	}

	candidatesOf(record: PackageRecord): (readonly string[])[] {
		return [...groupsOf(record.preDepends), ...groupsOf(record.depends)].map((group) => this.#candidates(group));
	}

	#candidates(group: DependencyGroup): readonly string[] {
		const [only] = group;
		if (group.length === 1 && only !== undefined) return this.#satisfying(only);
		return [...new Set(group.flatMap((relation) => this.#satisfying(relation)))];
	}

	#satisfying(relation: PackageRelation): readonly string[] {
		const { name, qualifier, constraint } = relation;
		const key = `${name}:${qualifier ?? ""} ${constraint?.relation ?? ""}${constraint?.version ?? ""}`;
		const known = this.#known.get(key);
		if (known !== undefined) return known;
		const found: string[] = [];
		const own = this.#records.get(name);
		if (own !== undefined && meets(own.version, constraint) && acceptsQualifier(own, qualifier)) found.push(name);
		for (const provider of this.#providers.get(name) ?? []) {
			const record = this.#records.get(provider.name);
			if (record === undefined || provider.name === name || !acceptsQualifier(record, qualifier)) continue;
			if (providesMeets(providedRelation(name, provider), constraint)) found.push(provider.name);
		}
		this.#known.set(key, found);
		return found;
	}
}

/** A provider as the relation that its `Provides` field holds. */
function providedRelation(name: string, provider: Provider): PackageRelation {
	if (provider.version === undefined) return { name };
	return { name, constraint: { relation: "=", version: provider.version } };
}

/** `:any` asks for `Multi-Arch: allowed`; an architecture must be the package's own (an index has one besides `all`). */
function acceptsQualifier(record: PackageRecord, qualifier: string | undefined): boolean {
	if (qualifier === undefined || qualifier === "native") return true;
	if (qualifier === "any") return record.multiArch === "allowed";
	return qualifier === record.architecture;
}

function collectClashes(
	records: ReadonlyMap<string, PackageRecord>,
	providers: ReadonlyMap<string, readonly Provider[]>,
): Map<string, Set<string>> {
	const clashes = new Map<string, Set<string>>();
	const add = (a: string, b: string): void => {
		const set = clashes.get(a);
		if (set === undefined) clashes.set(a, new Set([b]));
		else set.add(b);
	};
	for (const record of records.values()) {
		for (const [relation] of [...groupsOf(record.conflicts), ...groupsOf(record.breaks)]) {
			if (relation === undefined) continue;
			const excluded: string[] = [];
			const own = records.get(relation.name);
			if (own !== undefined && meets(own.version, relation.constraint)) excluded.push(own.name);
			for (const provider of providers.get(relation.name) ?? []) {
				if (providesMeets(providedRelation(relation.name, provider), relation.constraint)) excluded.push(provider.name);
			}
			for (const other of excluded) {
				// A package never excludes itself, not even through a name that it provides (Policy 7.4).
				if (other === record.name) continue;
				add(record.name, other);
				add(other, record.name);
			}
		}
	}
	return clashes;
}
