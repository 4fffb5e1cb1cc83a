/** The text of env.lock as a LockFile. Layer 1 (pure). */

import { type Diagnostic, DiagnosticError, type Location, diagnose, fail } from "@devenv/diagnostics";
import { type Pair, isMap, isScalar } from "yaml";
import type { EnvFileText } from "./file-text.ts";
import { LOCK_VERSION, type LockFile, type LockLocations, type LockedInput, type LockedSuite } from "./lock-file.ts";
import { type InputEntry, type SuiteEntry, lockOptions } from "./lock-options.ts";
import { DecodeContext } from "./option-type.ts";
import { type YamlText, readYaml } from "./yaml-text.ts";

export interface ParsedLock {
	readonly lock: LockFile;
	readonly locations: LockLocations;
}

const repair =
	"env.lock is written by devenv alone; restore it from version control, or delete it and run `devenv update`";

/** Decodes an env.lock strictly; throws a DiagnosticError that says where it is wrong and what to do. */
export function parseLock(text: EnvFileText): ParsedLock {
	const yaml = readYaml(text, "LOCK");
	if (!("document" in yaml)) {
		// Nobody wrote this YAML by hand, so what to do about its syntax is not what helps.
		const hint = yaml.code === "LOCK_YAML_SYNTAX" ? repair : (yaml.hint ?? repair);
		throw new DiagnosticError({ ...yaml, hint });
	}
	checkVersion(yaml);
	const context = new DecodeContext(yaml.source, yaml.document, "LOCK");
	const declaration = lockOptions.decode(context.root, context);
	if (declaration === undefined || context.diagnostics.length > 0) {
		// One slip in a generated file breaks what follows it: the first message is the one that helps.
		const first = context.diagnostics[0];
		if (first === undefined) throw new Error("env.lock was refused without a reason");
		throw new DiagnosticError({ ...first, hint: repair });
	}
	const locations = new Map<string, Location>();
	const inputs: LockedInput[] = [];
	for (const [name, entry] of declaration.inputs) {
		if (entry.url.location !== undefined) locations.set(name, entry.url.location);
		inputs.push(lockedInput(name, entry));
	}
	return { lock: { inputs: inputs.sort((a, b) => compareText(a.name, b.name)) }, locations };
}

/** The version stands at the end of the file, so that a truncated one has none. */
function checkVersion(yaml: YamlText): void {
	const { source, document } = yaml;
	const contents = document.contents;
	if (contents === null) {
		fail("LOCK_EMPTY", `${source.file} is empty`, { location: source.locate(0), hint: repair });
	}
	if (!isMap(contents)) return;
	const pair = (contents.items as Pair[]).find((each) => isScalar(each.key) && each.key.value === "version");
	if (pair === undefined) {
		throw new DiagnosticError(truncated(yaml));
	}
	const version = isScalar(pair.value) ? pair.value.value : undefined;
	if (typeof version !== "number" || version <= LOCK_VERSION) return;
	const range = isScalar(pair.value) ? pair.value.range : undefined;
	fail("LOCK_NEWER", `${source.file} has version ${version}, and this devenv reads up to version ${LOCK_VERSION}`, {
		location: source.locate(range?.[0] ?? 0, range?.[1]),
		hint: "a newer devenv wrote it: use that one here, or delete env.lock and run `devenv update` with this one",
	});
}

function truncated(yaml: YamlText): Diagnostic {
	const { source } = yaml;
	const end = source.text.trimEnd().length;
	return diagnose("LOCK_TRUNCATED", `${source.file} ends too early: its last line, 'version', is missing`, {
		location: source.locate(Math.max(0, end - 1)),
		hint: repair,
	});
}

function lockedInput(name: string, entry: InputEntry): LockedInput {
	if ("narHash" in entry) {
		return {
			kind: "tree",
			name,
			url: entry.url.value,
			...(entry.rev === undefined ? {} : { rev: entry.rev.value }),
			...(entry.date === undefined ? {} : { date: entry.date.value }),
			narHash: entry.narHash.value,
		};
	}
	return {
		kind: "debian",
		name,
		url: entry.url.value,
		indexes: unique(
			entry.indexes.map(({ system, narHash }) => ({ system: system.value, narHash: narHash.value })),
			({ system }) => system,
			entry.indexes[0]?.system.location,
		),
		suites: unique(entry.suites.map(lockedSuite), ({ suite }) => suite, entry.suites[0]?.suite.location),
	};
}

function lockedSuite(entry: SuiteEntry): LockedSuite {
	const packages = entry.packages.map(({ component, path, sha256, size }) => ({
		component: component.value,
		path: path.value,
		sha256: sha256.value,
		size,
	}));
	return {
		suite: entry.suite.value,
		archive: entry.archive.value,
		date: entry.date.value,
		packages: unique(packages, ({ component, path }) => `${component}\0${path}`, entry.suite.location),
	};
}

/** Sorts by a key and refuses two entries with the same one, which a careless merge leaves behind. */
function unique<T>(entries: T[], keyOf: (entry: T) => string, location: Location | undefined): T[] {
	entries.sort((a, b) => compareText(keyOf(a), keyOf(b)));
	for (const [index, entry] of entries.entries()) {
		const before = entries[index - 1];
		if (before === undefined || keyOf(before) !== keyOf(entry)) continue;
		fail("LOCK_DUPLICATE_ENTRY", `'${keyOf(entry).replace("\0", " ")}' is locked twice`, {
			...(location === undefined ? {} : { location }),
			hint: repair,
		});
	}
	return entries;
}

function compareText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
