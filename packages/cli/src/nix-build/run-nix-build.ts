/**
 * `nix-build`: the drop-in for Nix's program. Layer 5.
 *
 * Expressions are instantiated as `nix-instantiate` does it; this process then builds with an engine of its own on the same store
 * as the daemon: locks on the outputs keep the two apart.
 */

import { resolve } from "node:path";
import { userLayout } from "@devenv/client";
import { DiagnosticError, fail, unreachable } from "@devenv/diagnostics";
import type { EngineEvent, RealisePlan, Settings } from "@devenv/engine";
import { NIX_VERSION } from "@devenv/evaluator";
import { type DrvPath, parseDrvPath } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { callerEnvironment } from "../caller.ts";
import { EvaluationHost } from "../evaluation/evaluation-host.ts";
import type { FoundDerivation } from "../nix-instantiate/derivation-search.ts";
import { instantiateInThread, storeRootOf } from "../nix-instantiate/run-nix-instantiate.ts";
import { type BuildArguments, type ParsedBuild, parseBuildArguments } from "./build-arguments.ts";
import { correctHashes } from "./correct-hashes.ts";
import { buildUsage } from "./build-usage.ts";

/** Of these Nix makes the exit status of builds that failed. */
const statusBits = { build: 0x60, timedOut: 0x01, hashMismatch: 0x02, failed: 0x04, notDeterministic: 0x08 } as const;

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export async function runNixBuild(argv: readonly string[]): Promise<number> {
	let parsed: ParsedBuild;
	try {
		parsed = parseBuildArguments(argv, process.env["NIX_CONFIG"]);
	} catch (error) {
		return describe(error);
	}
	switch (parsed.kind) {
		case "help":
			process.stdout.write(buildUsage);
			return 0;
		case "version":
			process.stdout.write(`nix-build (Nix) ${NIX_VERSION}\n`);
			return 0;
		case "run":
			try {
				return await build(parsed.arguments);
			} catch (error) {
				const status = describe(error);
				if (parsed.arguments.fix && error instanceof DiagnosticError) printCorrections(error, parsed.arguments);
				return status;
			}
		default:
			return unreachable(parsed);
	}
}

async function build(given: BuildArguments): Promise<number> {
	const layout = userLayout(callerEnvironment(process.env));
	const root = storeRootOf(given.instantiate.store, layout) ?? layout.storeRoot;
	const host = new EvaluationHost(layout, root, settingsOf(given.instantiate.settings));
	try {
		const found: FoundDerivation[] = given.derivations.map((drvPath) => ({ drvPath, outputName: "out" }));
		const { instantiate } = given;
		if (found.length === 0 || instantiate.inputs.length > 0 || instantiate.fromStdin) {
			const world = { storeRoot: root, cache: layout.cache, host };
			const status = await instantiateInThread(instantiate, { ...world, onDerivation: (each) => found.push(each) });
			if (status !== 0) return status;
		}
		const engine = await host.engine();
		const wanted = new Map<DrvPath, string[]>();
		for (const { drvPath, outputName } of found) {
			const path = parseDrvPath(drvPath);
			wanted.set(path, [...(wanted.get(path) ?? []), outputName]);
		}
		if (given.dryRun) {
			tellPlan(await engine.plan(wanted));
			return 0;
		}
		const { wishesOfSettings } = await import("@devenv/engine");
		const { keepGoing, quiet, check } = given;
		const wishes = { ...wishesOfSettings(instantiate.settings), check };
		await engine.realiseOutputs(wanted, { keepGoing, wishes, onEvent: tellEvents(quiet) });
		linkOutputs(found, root, given.outLink);
		return 0;
	} finally {
		await host.close();
	}
}

/** What of Nix's settings is this program's in the user's config.yaml. */
function settingsOf(given: ReadonlyMap<string, string>): Partial<Settings> {
	const jobs = given.get("max-jobs");
	const words = (name: string): readonly string[] | undefined =>
		given
			.get(name)
			?.split(/\s+/)
			.filter((word) => word !== "");
	const substituters = given.get("substitute") === "false" ? [] : words("substituters");
	const trustedPublicKeys = words("trusted-public-keys");
	const maxJobs = jobs === undefined || jobs === "auto" ? undefined : Number(jobs);
	if (maxJobs !== undefined && (!Number.isInteger(maxJobs) || maxJobs < 1)) {
		fail("USAGE", `setting 'max-jobs' has invalid value '${String(jobs)}'`);
	}
	return {
		...(maxJobs === undefined ? {} : { maxJobs }),
		...(substituters === undefined ? {} : { substituters }),
		...(trustedPublicKeys === undefined ? {} : { trustedPublicKeys }),
	};
}

/** In Nix's words. */
function tellPlan({ builds, substitutes }: RealisePlan): void {
	const list = (what: string, paths: readonly string[]): void => {
		if (paths.length > 0) process.stderr.write(`${what}:\n${paths.map((path) => `  ${path}\n`).join("")}`);
	};
	const derivations = builds.length === 1 ? "this derivation" : `these ${builds.length} derivations`;
	list(`${derivations} will be built`, builds);
	const sum = (sizes: readonly (number | undefined)[]): string =>
		(sizes.reduce<number>((all, size) => all + (size ?? 0), 0) / 1_048_576).toFixed(2);
	const download = sum(substitutes.map(({ downloadSize }) => downloadSize));
	const sizes = `(${download} MiB download, ${sum(substitutes.map(({ narSize }) => narSize))} MiB unpacked)`;
	const paths = substitutes.length === 1 ? "this path" : `these ${substitutes.length} paths`;
	list(
		`${paths} will be fetched ${sizes}`,
		substitutes.map(({ path }) => path),
	);
}

function tellEvents(quiet: boolean): (event: EngineEvent) => void {
	return (event) => {
		if (event.kind === "building") process.stderr.write(`building '${event.drvPath}'...\n`);
		else if (event.kind === "log" && !quiet) process.stderr.write(`${event.line}\n`);
		else if (event.kind === "fetched") process.stderr.write(`fetched ${event.name}\n`);
	};
}

/** Prints the outputs; links keep them: `result`, `result-dev`, and for further derivations `result-2`, `result-2-dev`. */
function linkOutputs(found: readonly FoundDerivation[], root: string, outLink: string | undefined): void {
	using store = openStore({ root });
	const numbers = new Map<string, number>();
	for (const { drvPath, outputName } of found) {
		const number = numbers.get(drvPath) ?? numbers.size + 1;
		numbers.set(drvPath, number);
		const path = store.readDerivation(parseDrvPath(drvPath)).outputs.get(outputName)?.path;
		if (path === undefined || path === "") throw new Error(`${drvPath} has no output '${outputName}'`);
		if (outLink !== undefined) {
			const link = `${outLink}${number === 1 ? "" : `-${number}`}${outputName === "out" ? "" : `-${outputName}`}`;
			store.addRoot(resolve(link), path);
		}
		process.stdout.write(`${path}\n`);
	}
}

function printCorrections({ diagnostics }: DiagnosticError, { instantiate }: BuildArguments): void {
	const { inputs, fromExpressions } = instantiate;
	const files = fromExpressions || inputs.length === 0 ? ["./default.nix"] : inputs;
	for (const { file, line, text } of correctHashes(
		diagnostics,
		files.map((each) => resolve(each)),
	)) {
		process.stdout.write(`${file}:${line}: ${text}\n`);
	}
}

function describe(error: unknown): number {
	if (!(error instanceof DiagnosticError)) throw error;
	for (const { message, notes = [], hint } of error.diagnostics) {
		process.stderr.write(`error: ${message}\n`);
		for (const note of notes) process.stderr.write(`       ${note.message}\n`);
		if (hint !== undefined) process.stderr.write(`       ${hint}\n`);
	}
	const bits = error.diagnostics.map(({ code }) => statusBit(code)).reduce((all, bit) => all | bit, 0);
	return bits === 0 ? 1 : statusBits.build | bits;
}

function statusBit(code: string): number {
	switch (code) {
		case "BUILD_TIMED_OUT":
			return statusBits.failed | statusBits.timedOut;
		case "BUILD_NOT_DETERMINISTIC":
			return statusBits.notDeterministic;
		case "STORE_HASH_MISMATCH":
		case "FETCH_HASH_MISMATCH":
			return statusBits.failed | statusBits.hashMismatch;
		case "BUILD_CHECK_NOT_VALID":
		case "BUILD_CHECK_BUILTIN":
			return 0;
		default:
			return code.startsWith("BUILD_") ? statusBits.failed : 0;
	}
}
