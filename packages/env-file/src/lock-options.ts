/** The keys of env.lock, declared with the same building blocks as those of env.yaml. Layer 1 (pure). */

import { isMap } from "yaml";
import type { Located } from "./env-spec.ts";
import { type RecordType, list, record, table } from "./option-collections.ts";
import { text, wholeNumber } from "./option-scalars.ts";
import type { Field, OptionType } from "./option-type.ts";

/** One file's declaration; strings keep their places. */
export interface LockDeclaration {
	readonly version: number;
	readonly inputs: readonly (readonly [string, InputEntry])[];
}

/** Told apart by what they hold: the kind is read first, and decides which it has to be. */
export type InputEntry = DebianEntry | TreeEntry;

export interface DebianEntry {
	readonly kind: Located<string>;
	readonly url: Located<string>;
	readonly suites: readonly SuiteEntry[];
	readonly indexes: readonly IndexEntry[];
}

export interface TreeEntry {
	readonly kind: Located<string>;
	readonly url: Located<string>;
	readonly rev?: Located<string>;
	readonly date?: Located<string>;
	readonly narHash: Located<string>;
}

export interface SuiteEntry {
	readonly suite: Located<string>;
	readonly archive: Located<string>;
	readonly date: Located<string>;
	readonly packages: readonly PackagesEntry[];
}

export interface PackagesEntry {
	readonly component: Located<string>;
	readonly path: Located<string>;
	readonly sha256: Located<string>;
	readonly size: number;
}

export interface IndexEntry {
	readonly system: Located<string>;
	readonly narHash: Located<string>;
}

/** Everything in a lock is required. */
function required<T>(type: OptionType<T>, description: string): Field<T> {
	return { type, description, required: true };
}

function word(expects: string, pattern: RegExp): OptionType<Located<string>> {
	return text({ expects, pattern, maxLength: 1024 });
}

const indexEntry = record<IndexEntry>(
	{
		system: required(word("a system", /^[a-z0-9_]+-[a-z0-9_]+$/), "The system that the index object is for."),
		narHash: required(word("a sha256 SRI hash", /^sha256-[A-Za-z0-9+/]{43}=$/), "Hash of the index object's NAR."),
	},
	{ expects: "a table with system and narHash", example: "{ system: x86_64-linux, narHash: sha256-… }" },
);

const packagesEntry = record<PackagesEntry>(
	{
		component: required(word("an archive component", /^[a-z][a-z0-9-]*$/), "Component of the archive."),
		path: required(
			word("a path in the archive", /^(?!\.\.?\/)(?!.*\/\.\.?(\/|$))[A-Za-z0-9._+~-][A-Za-z0-9._+~/-]*$/),
			"Path of the Packages file, relative to the archive's root.",
		),
		sha256: required(word("64 hexadecimal digits", /^[0-9a-f]{64}$/), "Hash of the Packages file."),
		size: required(wholeNumber(), "Size of the Packages file in bytes."),
	},
	{ expects: "a table that pins a Packages file", example: "{ component: main, path: …, sha256: …, size: … }" },
);

const suiteEntry = record<SuiteEntry>(
	{
		suite: required(word("a suite", /^[a-z][a-z0-9-]*$/), "Name of the suite."),
		archive: required(word("an archive", /^[a-z][a-z0-9-]*$/), "The archive that holds the suite."),
		date: required(word("a time in UTC", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/), "Date of the signed Release file."),
		packages: required(
			list(packagesEntry, { expects: "a list of Packages files", example: "packages: […]" }),
			"The Packages files of the suite.",
		),
	},
	{ expects: "a table that pins a suite", example: "{ suite: trixie, archive: debian, date: …, packages: […] }" },
);

const kind = required(
	word("a kind of input that this version knows: debian or tree", /^(?:debian|tree)$/),
	"What kind of input it is.",
);
const url = required(word("an input's URL", /^[a-z+]+:\S+$/), "The URL in env.yaml that was locked.");

const debianEntry = record<DebianEntry>(
	{
		kind,
		url,
		suites: required(list(suiteEntry, { expects: "a list of suites", example: "suites: […]" }), "What was locked."),
		indexes: required(
			list(indexEntry, { expects: "a list of index objects", example: "indexes: […]" }),
			"What it gives.",
		),
	},
	{ expects: "a table that pins an input", example: "{ kind: debian, url: debian:trixie, suites: […], indexes: […] }" },
);

const treeEntry = record<TreeEntry>(
	{
		kind,
		url,
		rev: { type: word("a git revision", /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/), description: "The commit." },
		date: {
			type: word("a time in UTC", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
			description: "Date of the commit.",
		},
		narHash: required(word("a sha256 SRI hash", /^sha256-[A-Za-z0-9+/]{43}=$/), "Hash of the folder's NAR."),
	},
	{ expects: "a table that pins an input", example: "{ kind: tree, url: path:../tools, narHash: sha256-… }" },
);

const inputEntry: OptionType<InputEntry> = {
	expects: "a table that pins an input",
	decode: (slot, context) => {
		const tree = isMap(slot.node) && slot.node.get("kind") === "tree";
		return (tree ? treeEntry : debianEntry).decode(slot, context);
	},
	schema: () => ({ anyOf: [debianEntry.schema(), treeEntry.schema()] }),
};

export const lockOptions: RecordType<LockDeclaration> = record<LockDeclaration>(
	{
		inputs: required(
			table(inputEntry, {
				expects: "a table of inputs",
				example: "inputs: { debian: { … } }",
				key: "an input's name",
				keyPattern: /^[A-Za-z][A-Za-z0-9_-]{0,62}$/,
			}),
			"The locked inputs by name.",
		),
		version: required(wholeNumber(), "Version of this format."),
	},
	{ expects: "a table with inputs and version", example: "version: 1" },
);
