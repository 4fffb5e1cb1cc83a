/**
 * `nix-instantiate`: the drop-in for Nix's program. Layer 5.
 *
 * The evaluation runs in a thread of its own, since it needs a stack far larger than the main thread's; this thread only
 * waits, and builds what is imported from derivations.
 */

import { resolve } from "node:path";
import { MessageChannel, Worker } from "node:worker_threads";
import { userLayout } from "@devenv/client";
import { DiagnosticError, fail, unreachable } from "@devenv/diagnostics";
import { NIX_VERSION } from "@devenv/evaluator";
import { DEFAULT_STORE_DIR } from "@devenv/nix-formats";
import type { HomeLayout } from "@devenv/protocol";
import { callerEnvironment } from "../caller.ts";
import { EvaluationHost } from "../evaluation/evaluation-host.ts";
import { parseArguments, type InstantiateArguments, type ParsedArguments } from "./arguments.ts";
import type { InstantiateMessage, InstantiateTask } from "./messages.ts";
import type { FoundDerivation } from "./derivation-search.ts";
import { usage } from "./usage.ts";
import { nixConfiguration } from "../nix-programs/nix-configuration.ts";

/** Stack of the evaluating thread, MiB; only touched pages count as memory. */
const STACK_SIZE = 256;
/** Largest heap, MiB. */
const HEAP_SIZE = 8192;

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export function runNixInstantiate(argv: readonly string[]): number | Promise<number> {
	let parsed: ParsedArguments;
	try {
		parsed = parseArguments(argv, nixConfiguration());
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		for (const { message, hint } of error.diagnostics) process.stderr.write(`error: ${message}\n${hint ?? ""}\n`);
		return 1;
	}
	switch (parsed.kind) {
		case "help":
			process.stdout.write(usage);
			return 0;
		case "version":
			process.stdout.write(`nix-instantiate (Nix) ${NIX_VERSION}\n`);
			return 0;
		case "run":
			return evaluate(parsed.arguments);
		default:
			return unreachable(parsed);
	}
}

async function evaluate(given: InstantiateArguments): Promise<number> {
	const layout = userLayout(callerEnvironment(process.env));
	const storeRoot = storeRootOf(given.store, layout);
	const host = new EvaluationHost(layout, storeRoot ?? layout.storeRoot);
	try {
		return await instantiateInThread(given, { cache: layout.cache, storeRoot, host });
	} finally {
		await host.close();
	}
}

export interface ThreadWorld {
	/** Undefined: there is no store, so nothing is written. */
	readonly storeRoot: string | undefined;
	/** Folder for what can be fetched again. */
	readonly cache: string;
	readonly host: EvaluationHost;
	/** Gets the derivations, which are printed otherwise. */
	readonly onDerivation?: (derivation: FoundDerivation) => void;
}

/** Runs the evaluation to its exit status. */
export async function instantiateInThread(
	given: InstantiateArguments,
	{ storeRoot, cache, host, onDerivation }: ThreadWorld,
): Promise<number> {
	const channel = new MessageChannel();
	const wake = new SharedArrayBuffer(4);
	const collect = onDerivation !== undefined;
	const task: InstantiateTask = { arguments: given, storeRoot, cache, collect, wake, answers: channel.port2 };
	const worker = new Worker(new URL("./nix-instantiate-worker.ts", import.meta.url), {
		workerData: task,
		transferList: [channel.port2],
		execArgv: [],
		resourceLimits: { stackSizeMb: STACK_SIZE, maxOldGenerationSizeMb: HEAP_SIZE },
	});
	const thread = { port: channel.port1, wake: new Int32Array(wake) };
	try {
		return await new Promise<number>((resolve, reject) => {
			let status = 1;
			worker.on("message", (message: InstantiateMessage) => {
				if (message.kind === "exit") status = message.status;
				else if (message.kind === "derivation") onDerivation?.(message.derivation);
				else void host.answer(message.question, thread);
			});
			worker.on("error", reject);
			worker.on("exit", () => {
				resolve(status);
			});
		});
	} finally {
		channel.port1.close();
	}
}

/** The root of the store that `--store` names; `dummy://` is none. Fails with `STORE_KIND` and `STORE_DIR`. */
export function storeRootOf(
	given: string | undefined,
	layout: HomeLayout,
	environment: Readonly<NodeJS.ProcessEnv> = process.env,
): string | undefined {
	const { NIX_STORE_DIR: folder = "" } = environment;
	if (folder !== "" && resolve(folder) !== DEFAULT_STORE_DIR) {
		fail("STORE_DIR", `NIX_STORE_DIR is '${folder}', but expressions are evaluated for ${DEFAULT_STORE_DIR} only`, {
			hint: "unset it; `--store /some/root` has the store below another folder, with the same paths",
		});
	}
	if (given === undefined || given === "auto" || given === "daemon" || given === "local") return layout.storeRoot;
	if (given.startsWith("dummy://")) return undefined;
	const root = /^(?:local\?(?:.*&)?root=([^&]+)|local:\/\/(\/.*)|(\/.*))$/.exec(given);
	const found = root?.[1] ?? root?.[2] ?? root?.[3];
	if (found === undefined)
		throw new DiagnosticError({
			code: "STORE_KIND",
			severity: "error",
			message: `don't know how to open Nix store '${given}'`,
		});
	return decodeURIComponent(found);
}
