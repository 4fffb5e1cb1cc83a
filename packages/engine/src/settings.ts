/**
 * The user's own settings, from `<config>/config.yaml`. Layer 3.
 *
 * Strict: an unknown key, a wrong type or bad YAML is one diagnostic with its place. A project cannot set any of these.
 */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { type Diagnostic, DiagnosticError, diagnose, nearestNames, Source } from "@devenv/diagnostics";
import { parsePublicKey } from "@devenv/nix-formats";
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { parseCacheAddress } from "./caches/cache-address.ts";

export interface Settings {
	/** Builds at once, from 1. */
	readonly maxJobs: number;
	/** Processors that one build may use (`NIX_BUILD_CORES`); 0: all. */
	readonly cores: number;
	/** Seconds that one build may take; 0: any time. */
	readonly timeout: number;
	/** Seconds that a build may write nothing; 0: any time. */
	readonly maxSilentTime: number;
	/** Bytes that a build may write to its log; 0: any number. */
	readonly maxLogSize: number;
	/** Whether garbage collection keeps the derivers of what is alive, and the outputs of derivations that are. */
	readonly keepDerivations: boolean;
	readonly keepOutputs: boolean;
	/** Whether files of what comes into the store become links of equal ones at once. */
	readonly autoOptimiseStore: boolean;
	/** Bytes that are kept for collecting garbage on a full disk. */
	readonly gcReservedSpace: number;
	/** Files of the keys that sign what is built here. */
	readonly secretKeyFiles: readonly string[];
	/** Program that is run after each build; its path. */
	readonly postBuildHook: string | undefined;
	/** Downloads at once, from 1. */
	readonly maxFetches: number;
	/** Addresses to try first for `mirror://<name>/…`, by name. */
	readonly mirrors: ReadonlyMap<string, readonly string[]>;
	/** Seconds without work after which the daemon leaves; 0: never. */
	readonly daemonIdleExit: number;
	/** Largest heap of one evaluator, MiB. */
	readonly evaluatorMemory: number;
	/** Binary caches to take store objects from, before they are built. */
	readonly substituters: readonly string[];
	/** Keys whose signatures are good for that, `name:base64`. */
	readonly trustedPublicKeys: readonly string[];
	/** Files and folders of the host that builds see, read only: `/path`, `/inside=/outside`; with `?` at the end where they exist. */
	readonly sandboxPaths: readonly string[];
}

/** What holds without a file. */
export function defaultSettings(): Settings {
	return {
		maxJobs: availableParallelism(),
		cores: 0,
		timeout: 0,
		maxSilentTime: 0,
		maxLogSize: 0,
		keepDerivations: true,
		keepOutputs: false,
		autoOptimiseStore: false,
		gcReservedSpace: 8 * 1024 * 1024,
		secretKeyFiles: [],
		postBuildHook: undefined,
		maxFetches: 8,
		mirrors: new Map(),
		daemonIdleExit: 600,
		evaluatorMemory: 4096,
		substituters: [],
		trustedPublicKeys: [],
		sandboxPaths: [],
	};
}

/** A path that builds see; fails with `CONFIG_TYPE`. */
export function parseSandboxPath(text: string): {
	readonly target: string;
	readonly source: string;
	readonly optional: boolean;
} {
	const [, target = "", source = target, mark] = /^(\/[^=?]*)(?:=(\/[^=?]*))?(\?)?$/.exec(text) ?? [];
	if (target === "" || target.includes("\0") || target.split("/").includes("..")) {
		throw new DiagnosticError(diagnose("CONFIG_TYPE", `'${text}' is no such path`));
	}
	return { target, source, optional: mark !== undefined };
}

/** Fails with `CONFIG_TYPE`. */
function requireAbsolute(text: string): void {
	if (!text.startsWith("/")) throw new DiagnosticError(diagnose("CONFIG_TYPE", `'${text}' is not absolute`));
}

type Writable = { -readonly [K in keyof Settings]: Settings[K] };

/** Puts one key's value into the settings; returns what was expected where the value is wrong. */
type Option = (node: Node | null, settings: Writable) => string | undefined;

const options: ReadonlyMap<string, Option> = new Map<string, Option>([
	["max_jobs", numberOption("maxJobs", 1, 1024)],
	["cores", numberOption("cores", 0, 1024)],
	["timeout", numberOption("timeout", 0, 10_000_000)],
	["max_silent_time", numberOption("maxSilentTime", 0, 10_000_000)],
	["max_log_size", numberOption("maxLogSize", 0, Number.MAX_SAFE_INTEGER)],
	["keep_derivations", switchOption("keepDerivations")],
	["keep_outputs", switchOption("keepOutputs")],
	["auto_optimise_store", switchOption("autoOptimiseStore")],
	["gc_reserved_space", numberOption("gcReservedSpace", 0, Number.MAX_SAFE_INTEGER)],
	["secret_key_files", listOption("secretKeyFiles", requireAbsolute, "a list of absolute paths")],
	["post_build_hook", hookOption],
	["max_fetches", numberOption("maxFetches", 1, 64)],
	["daemon_idle_exit", numberOption("daemonIdleExit", 0, 10_000_000)],
	["evaluator_memory", numberOption("evaluatorMemory", 64, 1_048_576)],
	["mirrors", mirrorsOption],
	["substituters", listOption("substituters", parseCacheAddress, "a list of addresses of binary caches")],
	[
		"trusted_public_keys",
		listOption("trustedPublicKeys", parsePublicKey, "a list of public keys, <name>:<base64> each"),
	],
	[
		"sandbox_paths",
		listOption("sandboxPaths", parseSandboxPath, "a list of absolute paths, /inside=/outside where they differ"),
	],
]);

/** Reads a settings file; where there is none, the defaults hold. Throws DiagnosticErrors `CONFIG_…`. */
export function readSettings(file: string): Settings {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT" || code === "ENOTDIR") return defaultSettings();
		throw new DiagnosticError(diagnose("CONFIG_UNREADABLE", `cannot read ${file}: ${String(code)}`));
	}
	return parseSettings(text, file);
}

/** Reads settings from the text of `file`. Throws a DiagnosticError that lists every fault, codes `CONFIG_…`. */
export function parseSettings(text: string, file: string): Settings {
	const source = new Source(file, text);
	const document = parseDocument(text, {
		lineCounter: new LineCounter(),
		uniqueKeys: true,
		maxAliasCount: 0,
	} as object);
	const faults: Diagnostic[] = document.errors.map((error) =>
		diagnose("CONFIG_SYNTAX", error.message.split("\n", 1)[0]?.replace(/ at line \d+.*$/, "") ?? "bad YAML", {
			location: source.locate(error.pos[0], error.pos[1]),
		}),
	);
	if (faults.length > 0) throw new DiagnosticError(faults);
	const settings: Writable = defaultSettings();
	const root = document.contents;
	if (root === null) return settings;
	const place = (node: unknown): ReturnType<Source["locate"]> => {
		const range = (node as Node | null)?.range;
		return source.locate(range?.[0] ?? 0, range?.[1]);
	};
	if (!isMap(root)) {
		throw new DiagnosticError(diagnose("CONFIG_TYPE", "the settings are not a mapping", { location: place(root) }));
	}
	for (const { key, value } of root.items) {
		const name = isScalar(key) && typeof key.value === "string" ? key.value : "";
		const option = options.get(name);
		if (option === undefined) {
			const near = nearestNames(name, options.keys());
			const hint =
				near.length > 0 ? `did you mean '${near.join("' or '")}'?` : `known: ${[...options.keys()].join(", ")}`;
			faults.push(diagnose("CONFIG_UNKNOWN_KEY", `unknown setting '${name}'`, { location: place(key), hint }));
			continue;
		}
		const expected = option(value, settings);
		if (expected === undefined) continue;
		faults.push(diagnose("CONFIG_TYPE", `'${name}' must be ${expected}`, { location: place(value ?? key) }));
	}
	if (faults.length > 0) throw new DiagnosticError(faults);
	return settings;
}

type NumberKey = { [K in keyof Settings]: Settings[K] extends number ? K : never }[keyof Settings];

function numberOption(key: NumberKey, least: number, most: number): Option {
	return (node, settings) => {
		const value: unknown = isScalar(node) ? node.value : undefined;
		if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most) {
			return `a whole number from ${least} to ${most}`;
		}
		settings[key] = value;
		return undefined;
	};
}

type SwitchKey = { [K in keyof Settings]: Settings[K] extends boolean ? K : never }[keyof Settings];

function switchOption(key: SwitchKey): Option {
	return (node, settings) => {
		const value: unknown = isScalar(node) ? node.value : undefined;
		if (typeof value !== "boolean") return "true or false";
		settings[key] = value;
		return undefined;
	};
}

type ListKey = { [K in keyof Settings]: Settings[K] extends readonly string[] ? K : never }[keyof Settings];

/** `check` throws a DiagnosticError for an element that is not good. */
function listOption(key: ListKey, check: (text: string) => unknown, expected: string): Option {
	return (node, settings) => {
		if (!isSeq(node)) return expected;
		const texts: string[] = [];
		for (const item of node.items) {
			if (!isScalar(item) || typeof item.value !== "string") return expected;
			try {
				check(item.value);
			} catch (error) {
				if (!(error instanceof DiagnosticError)) throw error;
				return `${expected}: ${error.diagnostics.map(({ message }) => message).join("; ")}`;
			}
			texts.push(item.value);
		}
		settings[key] = texts;
		return undefined;
	};
}

function hookOption(node: Node | null, settings: Writable): string | undefined {
	const value: unknown = isScalar(node) ? node.value : undefined;
	if (typeof value !== "string" || !value.startsWith("/")) return "the absolute path of a program";
	settings.postBuildHook = value;
	return undefined;
}

function mirrorsOption(node: Node | null, settings: Writable): string | undefined {
	const expected = "a mapping from archive names to lists of http, https or file URLs";
	if (!isMap(node)) return expected;
	const mirrors = new Map<string, readonly string[]>();
	for (const { key, value } of node.items) {
		if (!isScalar(key) || typeof key.value !== "string" || !isSeq(value)) return expected;
		const urls = value.items.map((item) => (isScalar(item) ? item.value : undefined));
		const good = urls.filter((url): url is string => typeof url === "string" && /^(https?|file):\/\//.test(url));
		if (good.length !== urls.length) return expected;
		mirrors.set(key.value, good);
	}
	settings.mirrors = mirrors;
	return undefined;
}
