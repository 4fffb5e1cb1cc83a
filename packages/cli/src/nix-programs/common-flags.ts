/** Flags that all of Nix's programs have. Layer 5, no I/O. */

/** Settings that are on or off, so that `--name` and `--no-name` are flags. */
export const switches: ReadonlySet<string> = new Set([
	"abort-on-warn",
	"accept-flake-config",
	"allow-import-from-derivation",
	"allow-unsafe-native-code-during-evaluation",
	"auto-optimise-store",
	"builders-use-substitutes",
	"eval-cache",
	"eval-profiler",
	"fallback",
	"fsync-metadata",
	"ignore-try",
	"keep-derivations",
	"keep-env-derivations",
	"keep-failed",
	"keep-going",
	"keep-outputs",
	"print-missing",
	"pure-eval",
	"require-sigs",
	"restrict-eval",
	"show-trace",
	"substitute",
	"sync-before-registering",
	"trace-function-calls",
	"trace-import-from-derivation",
	"trace-verbose",
	"use-xdg-base-directories",
	"warn-dirty",
]);

/** Settings with a value. */
export const valued: ReadonlySet<string> = new Set([
	"access-tokens",
	"allowed-uris",
	"builders",
	"cores",
	"eval-system",
	"experimental-features",
	"extra-experimental-features",
	"extra-platforms",
	"http-connections",
	"http2",
	"log-format",
	"max-call-depth",
	"max-jobs",
	"max-silent-time",
	"nix-path",
	"sandbox",
	"store-dir",
	"substituters",
	"system",
	"tarball-ttl",
	"timeout",
	"trusted-public-keys",
]);

/** Flags of every program by their letters, and those of programs that evaluate. */
export const shortFlags: Readonly<Record<string, string>> = {
	"-A": "--attr",
	"-E": "--expr",
	"-I": "--include",
	"-Q": "--no-build-output",
	"-j": "--max-jobs",
	"-k": "--keep-going",
	"-K": "--keep-failed",
	"-v": "--verbose",
};

/** Flags without meaning here, and how many values they take. */
export const ignoredFlags: Readonly<Record<string, number>> = {
	"--debug": 0,
	"--no-build-output": 0,
	"--quiet": 0,
	"--verbose": 0,
};

/** Takes `-vvA` apart into `-v`, `-v`, `-A`; what is no letter any more is a value. */
export function expandFlags(argument: string): string[] {
	const letters = /^-([A-Za-z]+)(.*)$/s.exec(argument);
	if (letters === null || argument.length === 2) return [argument];
	const flags = Array.from(letters[1] ?? "", (letter) => `-${letter}`);
	const value = letters[2] ?? "";
	return value === "" ? flags : [...flags, value];
}
