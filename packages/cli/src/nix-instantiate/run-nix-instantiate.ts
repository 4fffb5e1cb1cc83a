/**
 * `nix-instantiate`: the drop-in for Nix's program. Layer 5.
 *
 * The evaluation runs in a thread of its own, since it needs a stack far larger than the main thread's; this thread only
 * waits, and builds what is imported from derivations.
 */

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { join } from "node:path";
import { userLayout } from "@devenv/client";
import { DiagnosticError, unreachable } from "@devenv/diagnostics";
import { NIX_VERSION } from "@devenv/evaluator";
import { parseDrvPath } from "@devenv/nix-formats";
import type { HomeLayout } from "@devenv/protocol";
import type { Engine } from "@devenv/engine";
import { callerEnvironment } from "../caller.ts";
import { installationRoot } from "../installation.ts";
import { parseArguments, type InstantiateArguments, type ParsedArguments } from "./arguments.ts";
import type { InstantiateAnswer, InstantiateMessage, InstantiateTask } from "./messages.ts";
import { usage } from "./usage.ts";

/** Stack of the evaluating thread, MiB; only touched pages count as memory. */
const STACK_SIZE = 256;
/** Largest heap, MiB. */
const HEAP_SIZE = 8192;

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export function runNixInstantiate(argv: readonly string[]): number | Promise<number> {
	let parsed: ParsedArguments;
	try {
		parsed = parseArguments(argv, process.env["NIX_CONFIG"]);
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
	const channel = new MessageChannel();
	const wake = new SharedArrayBuffer(4);
	const task: InstantiateTask = { arguments: given, storeRoot, wake, answers: channel.port2 };
	const worker = new Worker(new URL("./nix-instantiate-worker.ts", import.meta.url), {
		workerData: task,
		transferList: [channel.port2],
		execArgv: [],
		resourceLimits: { stackSizeMb: STACK_SIZE, maxOldGenerationSizeMb: HEAP_SIZE },
	});
	const realiser = new Realiser(layout, storeRoot, { port: channel.port1, wake });
	try {
		return await new Promise<number>((resolve, reject) => {
			let status = 1;
			worker.on("message", (message: InstantiateMessage) => {
				if (message.kind === "exit") status = message.status;
				else void realiser.realise(message.drvPath);
			});
			worker.on("error", reject);
			worker.on("exit", () => {
				resolve(status);
			});
		});
	} finally {
		channel.port1.close();
		await realiser.close();
	}
}

/** The root of the store that `--store` names; `dummy://` is none. */
function storeRootOf(given: string | undefined, layout: HomeLayout): string | undefined {
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

/** Builds imported derivations, with an engine that is made when first needed. */
class Realiser {
	readonly #layout: HomeLayout;
	readonly #storeRoot: string | undefined;
	readonly #port: MessagePort;
	readonly #wake: Int32Array;
	#engine: Promise<Engine> | undefined;

	constructor(
		layout: HomeLayout,
		storeRoot: string | undefined,
		answers: { readonly port: MessagePort; readonly wake: SharedArrayBuffer },
	) {
		this.#layout = layout;
		this.#storeRoot = storeRoot;
		this.#port = answers.port;
		this.#wake = new Int32Array(answers.wake);
	}

	async realise(drvPath: string): Promise<void> {
		let answer: InstantiateAnswer = { kind: "ok" };
		try {
			this.#engine ??= this.#start();
			const engine = await this.#engine;
			await engine.realise([parseDrvPath(drvPath)]);
		} catch (error) {
			answer = { kind: "failed", message: error instanceof Error ? error.message : String(error) };
		}
		this.#port.postMessage(answer);
		Atomics.add(this.#wake, 0, 1);
		Atomics.notify(this.#wake, 0);
	}

	async close(): Promise<void> {
		const engine = await this.#engine?.catch(() => undefined);
		await engine?.close();
	}

	async #start(): Promise<Engine> {
		const { createEngine, readSettings } = await import("@devenv/engine");
		const { state, cache, config } = this.#layout;
		return createEngine({
			storeRoot: this.#storeRoot ?? this.#layout.storeRoot,
			state,
			cache,
			settings: readSettings(join(config, "config.yaml")),
			helper: join(installationRoot(), "build/native/devenv-helper"),
			onWarning: (message) => process.stderr.write(`warning: ${message}\n`),
		});
	}
}
