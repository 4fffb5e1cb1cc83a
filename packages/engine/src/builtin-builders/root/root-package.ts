/**
 * What composing a root needs to know of one package, from its unpacked object's control files. Layer 3.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { parseStanza, type Stanza } from "../../debian/control-file.ts";
import { type DependencyGroup, meets, parseDependencies } from "../../debian/dependency.ts";
import type { ComposeMember } from "../compose-root-attributes.ts";
import { controlFolder } from "../unpack-archive.ts";

export interface RootPackage {
	readonly name: string;
	readonly version: string;
	/** Store path of the unpacked package. */
	readonly path: string;
	/** Host folder of the unpacked package. */
	readonly source: string;
	/** Host folder of its control files. */
	readonly control: string;
	readonly stanza: Stanza;
	readonly controlText: string;
	/** Names of the control files that are there. */
	readonly controlFiles: ReadonlySet<string>;
	/** How dpkg names its files in `info`: with the architecture where several can be installed at once. */
	readonly infoName: string;
	readonly architecture: string;
	readonly interests: readonly string[];
	/** Triggers that it activates whenever it is configured. */
	readonly activations: readonly string[];
}

/** Fails with `COMPOSE_NOT_UNPACKED` where the path is no unpacked package, with `COMPOSE_ARCHITECTURE` for one that says nonsense. */
export function readRootPackage(member: ComposeMember, source: string): RootPackage {
	const control = join(source, controlFolder, member.name);
	let controlFiles: ReadonlySet<string>;
	let controlText: string;
	try {
		const entries = readdirSync(control, { withFileTypes: true });
		controlFiles = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
		controlText = readFileSync(join(control, "control"), "utf8");
	} catch (error) {
		return fail("COMPOSE_NOT_UNPACKED", `'${member.path}' is not the unpacked package '${member.name}'`, {
			notes: [{ message: error instanceof Error ? error.message : String(error) }],
		});
	}
	const stanza = parseStanza(controlText) ?? new Map<string, string>();
	const architecture = stanza.get("architecture") ?? "all";
	/* It becomes a part of file names. */
	if (!/^[a-z0-9-]+$/.test(architecture)) {
		fail("COMPOSE_ARCHITECTURE", `the package '${member.name}' says that it is for '${architecture}'`);
	}
	const triggers = controlFiles.has("triggers") ? readFileSync(join(control, "triggers"), "utf8") : "";
	return {
		name: member.name,
		version: stanza.get("version") ?? member.version,
		path: member.path,
		source,
		control,
		stanza,
		controlText,
		controlFiles,
		infoName: stanza.get("multi-arch") === "same" ? `${member.name}:${architecture}` : member.name,
		architecture,
		interests: directives(triggers, /^interest(?:-await|-noawait)?$/),
		activations: directives(triggers, /^activate(?:-await|-noawait)?$/),
	};
}

function directives(triggers: string, kind: RegExp): string[] {
	return triggers
		.split("\n")
		.map((line) => line.replace(/#.*$/, "").trim().split(/\s+/))
		.filter((words) => kind.test(words[0] ?? "") && words[1] !== undefined)
		.map((words) => words[1] ?? "");
}

/** Whether files of `other` are overwritten by those of `replacing` (Replaces, with its version). */
export function replaces(replacing: RootPackage, other: RootPackage): boolean {
	return relationsOf(replacing, "replaces").some((group) =>
		group.some((relation) => relation.name === other.name && meets(other.version, relation.constraint)),
	);
}

const relations = new WeakMap<RootPackage, Map<string, readonly DependencyGroup[]>>();

/** The groups of a relationship field of its control file, `pre-depends` for example. */
export function relationsOf(rootPackage: RootPackage, field: string): readonly DependencyGroup[] {
	const known = relations.get(rootPackage) ?? new Map<string, readonly DependencyGroup[]>();
	relations.set(rootPackage, known);
	let groups = known.get(field);
	if (groups === undefined) {
		/* What cannot be understood relates to nothing. */
		groups = parseDependencies(rootPackage.stanza.get(field) ?? "", () => undefined);
		known.set(field, groups);
	}
	return groups;
}
