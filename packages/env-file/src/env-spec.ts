/**
 * What an env.yaml says, validated and with every value's place kept. Layer 1 (pure): plain data only, so that it
 * crosses worker and socket borders; lists instead of records, so that no name can collide with a prototype.
 */

import type { Location } from "@devenv/diagnostics";
import type { ProcessSpec } from "./process-spec.ts";
import type { ServiceVariable } from "./service-spec.ts";

/** A value and the place in env.yaml (or env.local.yaml) that gave it; no place for defaults. */
export interface Located<T> {
	readonly value: T;
	readonly location?: Location;
}

/** One package set that the environment draws from. */
export interface InputSpec {
	readonly name: string;
	/** As written, for example `debian:trixie`. */
	readonly url: Located<string>;
	/** Overlay files of this input alone, applied before those of the environment; as written. */
	readonly overlays: readonly Located<string>[];
}

/** One entry of `packages`: `attr`, `attr@version`, or either of an input: `input#attr`. */
export interface PackageRequest {
	/** As written. */
	readonly text: string;
	/** Name of the input; {@link DEFAULT_INPUT} when none is written. */
	readonly input: string;
	/** Attribute path in the input's package set, its parts joined by dots. */
	readonly attr: string;
	/** A version, or how it begins: `3.13` is any 3.13.x. */
	readonly version?: string;
	/** Of a package with several outputs, those that are wanted; not empty. Absent: the package decides. */
	readonly outputs?: readonly string[];
	readonly location?: Location;
}

/** What a project changes of a package; texts, and lists of relations such as `libc6 (>= 2.34)`. */
export interface PackageOverride {
	readonly attr: string;
	/** Field of a package as the package set names it → its value; by name, sorted. */
	readonly changes: readonly (readonly [field: string, value: string | readonly string[]])[];
	readonly location?: Location;
}

export interface EnvVariable {
	readonly name: string;
	/** May have places of packages in it: see `valueParts`. */
	readonly value: string;
	readonly location?: Location;
}

/** A command of the project. */
export interface ScriptSpec {
	readonly name: string;
	/** Shell text; its arguments are `"$@"`. */
	readonly exec: string;
	/** Empty: none. */
	readonly description: string;
	/** A program that reads `exec`; empty: the shell. */
	readonly interpreter: string;
}

/** A short name for a command, for interactive shells. */
export interface AliasSpec {
	readonly name: string;
	/** Shell text that takes its place. */
	readonly value: string;
}

export type ShellChoice = "auto" | "bash" | "zsh" | "fish" | "nu";
export type PromptChoice = "auto" | "off";
/** Whether open shells follow changes: by themselves, when asked to, or not at all. */
export type ReloadChoice = "auto" | "manual" | "off";

/** Whether the host's environment is kept out, and which of its variables come in nevertheless. */
export interface CleanSpec {
	readonly enabled: boolean;
	readonly keep: readonly string[];
}

/** A whole environment: env.yaml with env.local.yaml merged over it and defaults filled in. */
export interface EnvSpec {
	/** Absent when not written; never derived from the folder, since equal files must give equal store paths. */
	readonly name?: Located<string>;
	/** By name, sorted; the default input is among them. */
	readonly inputs: readonly InputSpec[];
	/** Overlay files as written, in the order of application; relative to the folder of env.yaml. */
	readonly overlays: readonly Located<string>[];
	/** By attribute, sorted; applied after all overlays. */
	readonly overrides: readonly PackageOverride[];
	/** In the order written, without repetitions. */
	readonly packages: readonly PackageRequest[];
	/** By name, sorted. */
	readonly env: readonly EnvVariable[];
	/** Files of variables, relative to the folder of env.yaml; each once, the one that wins last. */
	readonly dotenv: readonly Located<string>[];
	/** Shell text run on entering; empty when there is none. */
	readonly enterShell: string;
	readonly shell: ShellChoice;
	readonly prompt: PromptChoice;
	readonly reload: ReloadChoice;
	readonly clean: CleanSpec;
	/** Of interactive shells; by name, sorted. */
	readonly aliases: readonly AliasSpec[];
	/** What `devenv run` runs; by name, sorted. */
	readonly scripts: readonly ScriptSpec[];
	/** By name, sorted; those of services are among them. */
	readonly processes: readonly ProcessSpec[];
	/** Variables of services, set in every shell; `$DEVENV_RUNTIME` and `$DEVENV_STATE` stand for the folders. */
	readonly serviceVariables: readonly ServiceVariable[];
}

/** The input that `packages: [jq]` means, and what it is when env.yaml does not say. */
export const DEFAULT_INPUT = "debian";
export const DEFAULT_INPUT_URL = "debian:trixie";

/** The input and the file in it that an overlay names (`input#folder/overlay.nix`); undefined for a file of the project's. */
export function overlayInput(overlay: string): { readonly input: string; readonly file: string } | undefined {
	const [, input, file] = /^([A-Za-z][A-Za-z0-9_-]*)#(.+)$/s.exec(overlay) ?? [];
	return input === undefined || file === undefined ? undefined : { input, file };
}
