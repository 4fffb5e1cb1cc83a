/**
 * `nix-build`: the drop-in for Nix's program. Layer 5.
 *
 * Expressions are instantiated as `nix-instantiate` does it; this process then builds with an engine of its own on the same store
 * as the daemon: locks on the outputs keep the two apart.
 */

import { resolve } from "node:path";
import { userLayout } from "@devenv/client";
import { DiagnosticError, unreachable } from "@devenv/diagnostics";
import type { EngineEvent } from "@devenv/engine";
import { NIX_VERSION } from "@devenv/evaluator";
import { type DrvPath, parseDrvPath } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { callerEnvironment } from "../caller.ts";
import { EvaluationHost } from "../evaluation/evaluation-host.ts";
import type { FoundDerivation } from "../nix-instantiate/derivation-search.ts";
import { instantiateInThread, storeRootOf } from "../nix-instantiate/run-nix-instantiate.ts";
import { type BuildArguments, type ParsedBuild, parseBuildArguments } from "./build-arguments.ts";
import { buildUsage } from "./build-usage.ts";

/** Exit statuses of Nix for builds that failed, and for outputs that are not what was promised. */
const BUILD_FAILED = 100;
const HASH_MISMATCH = 102;

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
				return describe(error);
			}
		default:
			return unreachable(parsed);
	}
}

async function build(given: BuildArguments): Promise<number> {
	const layout = userLayout(callerEnvironment(process.env));
	const root = storeRootOf(given.instantiate.store, layout) ?? layout.storeRoot;
	const host = new EvaluationHost(layout, root);
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
			tellPlan(engine.missing(wanted));
			return 0;
		}
		await engine.realiseOutputs(wanted, { keepGoing: given.keepGoing, onEvent: tellEvents(given.quiet) });
		linkOutputs(found, root, given.outLink);
		return 0;
	} finally {
		await host.close();
	}
}

function tellPlan(missing: readonly DrvPath[]): void {
	if (missing.length === 0) return;
	const what = missing.length === 1 ? "this derivation" : `these ${missing.length} derivations`;
	process.stderr.write(`${what} will be built:\n${missing.map((path) => `  ${path}\n`).join("")}`);
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

function describe(error: unknown): number {
	if (!(error instanceof DiagnosticError)) throw error;
	for (const { message, notes = [], hint } of error.diagnostics) {
		process.stderr.write(`error: ${message}\n`);
		for (const note of notes) process.stderr.write(`       ${note.message}\n`);
		if (hint !== undefined) process.stderr.write(`       ${hint}\n`);
	}
	const codes = error.diagnostics.map(({ code }) => code);
	if (codes.includes("STORE_HASH_MISMATCH") || codes.includes("FETCH_HASH_MISMATCH")) return HASH_MISMATCH;
	return codes.some((code) => code.startsWith("BUILD_")) ? BUILD_FAILED : 1;
}
