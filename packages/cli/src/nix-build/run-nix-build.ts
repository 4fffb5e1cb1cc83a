/**
 * `nix-build`: the drop-in for Nix's program. Layer 5.
 *
 * Expressions are instantiated as `nix-instantiate` does it; this process then builds with an engine of its own on the same store
 * as the daemon: locks on the outputs keep the two apart.
 */

import { resolve } from "node:path";
import { userLayout } from "@devenv/client";
import { DiagnosticError, fail, unreachable } from "@devenv/diagnostics";
import type { Settings } from "@devenv/engine";
import { NIX_VERSION } from "@devenv/evaluator";
import { type DrvPath, parseDrvPath } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import { callerEnvironment } from "../caller.ts";
import { EvaluationHost } from "../evaluation/evaluation-host.ts";
import type { FoundDerivation } from "../nix-instantiate/derivation-search.ts";
import { instantiateInThread, storeRootOf } from "../nix-instantiate/run-nix-instantiate.ts";
import { nixConfiguration } from "../nix-programs/nix-configuration.ts";
import { reportFailure } from "../nix-programs/nix-error.ts";
import { tellPlan } from "../nix-programs/tell-plan.ts";
import { tellEvents } from "../nix-store/store-realise.ts";
import { type BuildArguments, type ParsedBuild, parseBuildArguments } from "./build-arguments.ts";
import { correctHashes } from "./correct-hashes.ts";
import { buildUsage } from "./build-usage.ts";

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export async function runNixBuild(argv: readonly string[]): Promise<number> {
	let parsed: ParsedBuild;
	try {
		parsed = parseBuildArguments(argv, nixConfiguration());
	} catch (error) {
		return reportFailure(error);
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
				const status = reportFailure(error);
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
		using store = openStore({ root });
		// Most of the time an engine would take longer to start than there is to do.
		const toLink = !given.dryRun && given.outLink !== undefined;
		if (!given.check && found.every((each) => isBuilt(store, each, toLink))) {
			if (!given.dryRun) linkOutputs(found, store, given.outLink);
			return 0;
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
		linkOutputs(found, store, given.outLink);
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

/** Whether an output is valid; if it is to be kept it stays so as long as the store is open. */
function isBuilt(store: Store, { drvPath, outputName }: FoundDerivation, keep: boolean): boolean {
	const parsed = parseDrvPath(drvPath);
	if (!store.isValid(parsed)) return false;
	const path = store.readDerivation(parsed).outputs.get(outputName)?.path;
	if (path === undefined || path === "") return false;
	if (keep) store.addTempRoot(path);
	return store.isValid(path);
}

/** Prints the outputs; links keep them: `result`, `result-dev`, and for further derivations `result-2`, `result-2-dev`. */
function linkOutputs(found: readonly FoundDerivation[], store: Store, outLink: string | undefined): void {
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
