/**
 * A project's generations as one file of the state folder: JSON, version 1. Layer 4 (this module is pure).
 *
 * A generation holds all that is needed to enter it without evaluating the project, and what the evaluation depended on,
 * so that it can be said later why the next one differs.
 */

import {
	absolutePath,
	arrayOf,
	boolean,
	count,
	type Decoder,
	nullable,
	object,
	oneOf,
	optional,
	string,
} from "@devenv/protocol";
import type { ProjectScript } from "@devenv/shell";

/** Something that env.yaml says: `packages jq`, `env PORT`, `enter_shell`. */
export interface RecordedOption {
	readonly option: string;
	/** A digest of its value. */
	readonly digest: string;
	/** `env.yaml:4`; null for what has no place of its own. */
	readonly place: string | null;
}

/** A path that evaluation read, but for env.yaml, env.local.yaml and env.lock. */
export interface RecordedRead {
	readonly path: string;
	readonly kind: "file" | "directory" | "absent" | "link";
	/** See `contentOf` of @devenv/shell. */
	readonly content: string;
}

export interface NamedText {
	readonly name: string;
	readonly value: string;
}

/** What an evaluation depended on. */
export interface Evidence {
	/** Of the installation, whose package set was evaluated. */
	readonly version: string;
	readonly options: readonly RecordedOption[];
	readonly reads: readonly RecordedRead[];
	/** Locked revisions, for people, by input. */
	readonly inputs: readonly NamedText[];
	/** The caller's variables that decide what a root holds; those that were set. */
	readonly variables: readonly NamedText[];
}

/** How a shell of the generation behaves: what env.yaml said beside the environment itself. */
export interface ShellSettings {
	readonly shell: "auto" | "bash" | "zsh" | "fish" | "nu";
	readonly prompt: "auto" | "off";
	readonly reload: "auto" | "manual" | "off";
	readonly clean: boolean;
	readonly keep: readonly string[];
	readonly folderVariables: readonly NamedText[];
	/** Absent in records of versions that did not put them on PATH. */
	readonly scripts?: readonly ProjectScript[];
	/** Absent in records of versions that had none. */
	readonly dotenv?: readonly string[];
	readonly aliases?: readonly NamedText[];
}

export interface Generation {
	readonly number: number;
	/** Milliseconds since 1970. */
	readonly time: number;
	/** Store paths: of the environment, its derivation, and the index that it was evaluated from. */
	readonly environment: string;
	readonly drvPath: string;
	readonly index: string;
	/** Further inputs that it was evaluated from. */
	readonly sources: readonly string[];
	readonly root: { readonly drvPath: string; readonly outPath: string } | null;
	/** SHA-256, base 16, of env.lock, and of env.yaml with env.local.yaml. */
	readonly lock: string;
	readonly spec: string;
	/** Of everything that was read: what consent is given to. */
	readonly content: string;
	readonly summary: string;
	readonly settings: ShellSettings;
	readonly evidence: Evidence;
}

/** Shells get that generation as long as the project's own files are the same. */
export interface Pin {
	readonly number: number;
	/** See `filesDigest`. */
	readonly files: string;
}

export interface ProjectRecord {
	readonly project: string;
	/** The number that the next generation gets. */
	readonly next: number;
	/** The newest last. */
	readonly generations: readonly Generation[];
	readonly pin: Pin | null;
}

const recordVersion = 1;

const namedText = object<NamedText>({ name: string, value: string });

const generation: Decoder<Generation> = object<Generation>({
	number: count,
	time: count,
	environment: string,
	drvPath: string,
	index: string,
	sources: arrayOf(string),
	root: nullable(object<{ drvPath: string; outPath: string }>({ drvPath: string, outPath: string })),
	lock: string,
	spec: string,
	content: string,
	summary: string,
	settings: object<ShellSettings>({
		shell: oneOf("auto", "bash", "zsh", "fish", "nu"),
		prompt: oneOf("auto", "off"),
		reload: oneOf("auto", "manual", "off"),
		clean: boolean,
		keep: arrayOf(string),
		folderVariables: arrayOf(namedText),
		scripts: optional(arrayOf(object<ProjectScript>({ name: string, exec: string, interpreter: string }))),
		aliases: optional(arrayOf(namedText)),
		dotenv: optional(arrayOf(string)),
	}),
	evidence: object<Evidence>({
		version: string,
		options: arrayOf(object<RecordedOption>({ option: string, digest: string, place: nullable(string) })),
		reads: arrayOf(
			object<RecordedRead>({
				path: absolutePath,
				kind: oneOf("file", "directory", "absent", "link"),
				content: string,
			}),
		),
		inputs: arrayOf(namedText),
		variables: arrayOf(namedText),
	}),
});

const record = object<ProjectRecord & { readonly version: number }>({
	version: count,
	project: absolutePath,
	next: count,
	generations: arrayOf(generation),
	pin: nullable(object<Pin>({ number: count, files: string })),
});

export function formatRecord(value: ProjectRecord): string {
	return `${JSON.stringify({ version: recordVersion, ...value }, null, "\t")}\n`;
}

/** The inverse of {@link formatRecord}; throws (SyntaxError, DecodeError) where the text is not such a record. */
export function parseRecord(text: string): ProjectRecord {
	const { version, ...rest } = record(JSON.parse(text), "record");
	if (version !== recordVersion) throw new SyntaxError(`version ${version} of the record is not known`);
	return rest;
}
