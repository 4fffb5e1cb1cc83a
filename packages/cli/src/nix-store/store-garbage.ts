/** `nix-store`: garbage, and what is made of it by `nix-collect-garbage` too. Layer 5. */

import { readdirSync, statSync, lstatSync } from "node:fs";
import { DiagnosticError } from "@devenv/diagnostics";
import type { StorePath } from "@devenv/nix-formats";
import type { GarbageOptions } from "@devenv/store";
import { writeText } from "../nix-programs/byte-output.ts";
import { failAsNix, failUsage } from "../nix-programs/nix-error.ts";
import type { CommonArguments } from "../nix-programs/nix-arguments.ts";
import type { ProgramStore } from "../nix-programs/program-store.ts";
import { writeError } from "../standard-error.ts";
import type { StoreArguments } from "./store-arguments.ts";

const MEBIBYTE = 2 ** 20;

export function formatMebibytes(bytes: number): string {
	return `${(bytes / MEBIBYTE).toFixed(2)} MiB`;
}

/** The bytes of `--max-freed`: a number, with K, M, G or T for powers of 1024. Fails with `USAGE`. */
export function parseMaxFreed(program: string, text: string): number {
	const [, digits = "", unit = ""] = /^(-?\d{1,15})([KMGT]?)$/i.exec(text) ?? [];
	if (digits === "") failUsage(program, `'--max-freed' requires an integer argument`);
	return Math.max(0, Number(digits) * 2 ** (10 * " KMGT".indexOf(unit === "" ? " " : unit.toUpperCase())));
}

export function collectGarbage(world: ProgramStore, { flags, args, maxFreed, common }: StoreArguments): void {
	const known = ["--print-roots", "--print-live", "--print-dead"];
	const unknown = flags.find((flag) => !known.includes(flag));
	if (unknown !== undefined) failUsage("nix-store", `bad sub-operation '${unknown}' in GC`);
	if (args.length > 0) failUsage("nix-store", "no arguments expected");
	const limit = maxFreed === undefined ? undefined : parseMaxFreed("nix-store", maxFreed);
	const action = flags.at(-1);
	if (flags.includes("--print-roots")) printRoots(world);
	else if (action === undefined) deleteGarbage(world, limit, common);
	else printPaths(world, action === "--print-dead", common);
}

/** What Nix's settings say of it. */
function keeping({ settings }: CommonArguments): GarbageOptions {
	return {
		keepDerivations: settings.get("keep-derivations") !== "false",
		keepOutputs: settings.get("keep-outputs") === "true",
	};
}

/** What would be deleted, or all else. */
function printPaths(world: ProgramStore, wantDead: boolean, common: CommonArguments): void {
	tell(common.verbosity > 0, "finding garbage collector roots...", "determining live/dead paths...");
	const dead = world.writing.collectGarbage({ ...keeping(common), dryRun: true }).deleted.map(({ path }) => path);
	const gone = new Set<StorePath>(dead);
	const shown = wantDead ? dead : world.reading.queryAllValidPaths().filter((path) => !gone.has(path));
	writeText(
		shown
			.toSorted()
			.map((path) => `${path}\n`)
			.join(""),
	);
}

function printRoots(world: ProgramStore): void {
	const roots = world.reading.roots().map(({ link, path }) => `${link} -> ${path}\n`);
	writeText([...new Set(roots)].sort().join(""));
}

/** Deletes what nothing keeps, up to a limit, and says what was. */
export function deleteGarbage(world: ProgramStore, maxFreed: number | undefined, common: CommonArguments): void {
	const loud = common.verbosity > 0;
	tell(loud, "finding garbage collector roots...", ...(maxFreed === 0 ? [] : ["deleting garbage..."]));
	remove(world, { ...keeping(common), ...(maxFreed === undefined ? {} : { maxFreed }) }, loud);
}

/** Deletes what is named, unless it is alive. */
export function deletePaths(world: ProgramStore, { flags, args, common }: StoreArguments): void {
	const unknown = flags.find((flag) => flag !== "--ignore-liveness");
	if (unknown !== undefined) failUsage("nix-store", `unknown flag '${unknown}'`);
	const paths = args.map((word) => world.find(word));
	tell(common.verbosity > 0, "finding garbage collector roots...");
	try {
		const ignoreRoots = flags.includes("--ignore-liveness");
		remove(world, { ...keeping(common), paths, ignoreRoots }, common.verbosity > 0);
	} catch (error) {
		const alive =
			error instanceof DiagnosticError ? error.diagnostics.find(({ code }) => code === "STORE_PATH_ALIVE") : undefined;
		if (alive === undefined) throw error;
		writeText(`0 store paths deleted, ${formatMebibytes(0)} freed\n`);
		for (const { message } of alive.notes ?? []) writeError(`${message}\n`);
		const path = /\/\S+(?=:)/.exec(alive.message)?.[0] ?? "";
		const advice = "To find out why, use: nix-store --query --roots";
		failAsNix("STORE_PATH_ALIVE", `Cannot delete path '${path}' since it is still alive. ${advice}`);
	}
}

function remove(world: ProgramStore, options: GarbageOptions, loud: boolean): void {
	const { deleted, bytesFreed } = world.writing.collectGarbage(options);
	for (const { path } of deleted) tell(loud, `deleting '${path}'`);
	if (options.maxFreed !== undefined && bytesFreed > options.maxFreed) {
		tell(loud, `deleted more than ${options.maxFreed} bytes; stopping`);
	}
	tell(loud, "deleting unused links...", `note: currently hard linking saves ${formatMebibytes(savings(world))}`);
	writeText(`${deleted.length} store paths deleted, ${formatMebibytes(bytesFreed)} freed\n`);
}

/** Bytes that files need not have on disk since others share them, less what the links' folder takes. */
function savings(world: ProgramStore): number {
	const store = world.writing;
	const folder = store.physical(`${store.storeDir}/.links`);
	const stats = statSync(folder, { throwIfNoEntry: false });
	if (stats === undefined) return 0;
	let saved = -stats.blocks * 512;
	for (const name of readdirSync(folder)) {
		const link = lstatSync(`${folder}/${name}`, { throwIfNoEntry: false });
		if (link !== undefined) saved += (link.nlink - 2) * link.size;
	}
	return saved;
}

function tell(loud: boolean, ...lines: readonly string[]): void {
	if (loud) writeError(lines.map((line) => `${line}\n`).join(""));
}
