/** What Nix's settings wish of builds and garbage collection, for programs and clients that speak of them. Layer 3. Source: Nix manual, "nix.conf". */

import { fail } from "@devenv/diagnostics";
import type { GarbageRequest } from "../engine-interface.ts";
import type { BuildWishes } from "./build-policy.ts";

type Writable = { -readonly [K in keyof BuildWishes]: BuildWishes[K] };

type Reader = (value: string, wishes: Writable, name: string) => void;

const readers: Readonly<Record<string, Reader>> = {
	timeout: (value, wishes, name) => {
		wishes.limits = { ...wishes.limits, timeoutMs: wholeNumber(value, name) * 1000 };
	},
	"max-silent-time": (value, wishes, name) => {
		wishes.limits = { ...wishes.limits, silentMs: wholeNumber(value, name) * 1000 };
	},
	"max-log-size": (value, wishes, name) => {
		wishes.limits = { ...wishes.limits, logBytes: wholeNumber(value, name) };
	},
	cores: (value, wishes, name) => {
		wishes.cores = wholeNumber(value, name);
	},
	"keep-failed": (value, wishes, name) => {
		wishes.keepFailed = truth(value, name);
	},
	"auto-optimise-store": (value, wishes, name) => {
		wishes.autoOptimise = truth(value, name);
	},
	"secret-key-files": (value, wishes) => {
		wishes.secretKeyFiles = value.split(/[ \t\n\r]+/).filter((file) => file !== "");
	},
	"post-build-hook": (value, wishes) => {
		wishes.postBuildHook = value === "" ? undefined : value;
	},
};

/** Other settings are left alone. Fails with `USAGE` for a value that is none. */
export function wishesOfSettings(settings: Iterable<readonly [name: string, value: string]>): BuildWishes {
	const wishes: Writable = {};
	for (const [name, value] of settings) readers[name]?.(value, wishes, name);
	return wishes;
}

/** The same for garbage collection. */
export function keepingOfSettings(
	settings: Iterable<readonly [name: string, value: string]>,
): Pick<GarbageRequest, "keepDerivations" | "keepOutputs"> {
	const found = new Map(settings);
	const keepDerivations = found.get("keep-derivations");
	const keepOutputs = found.get("keep-outputs");
	return {
		...(keepDerivations === undefined ? {} : { keepDerivations: truth(keepDerivations, "keep-derivations") }),
		...(keepOutputs === undefined ? {} : { keepOutputs: truth(keepOutputs, "keep-outputs") }),
	};
}

function wholeNumber(value: string, name: string): number {
	const number = Number(value);
	if (!/^\d+$/.test(value) || !Number.isSafeInteger(number)) return failValue(value, name);
	return number;
}

function truth(value: string, name: string): boolean {
	if (/^(true|yes|1)$/.test(value)) return true;
	if (/^(false|no|0)$/.test(value)) return false;
	return failValue(value, name);
}

function failValue(value: string, name: string): never {
	return fail("USAGE", `setting '${name}' has invalid value '${value}'`);
}
