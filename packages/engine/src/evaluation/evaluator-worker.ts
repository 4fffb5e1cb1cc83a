/**
 * The program of an evaluator thread: takes one task at a time, keeps package sets evaluated between them. Layer 3.
 */

import { getHeapStatistics } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { Evaluator } from "@devenv/evaluator";
import { textFromBytes } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import { NodeEvalIO } from "../eval-io/index.ts";
import { ReadJournal } from "../eval-memory/read-journal.ts";
import { evaluationDiagnostics } from "./evaluation-diagnostics.ts";
import { cancelIdleCollection, scheduleIdleCollection } from "../idle-collection.ts";
import { ExpressionSession } from "./expression-session.ts";
import { FetchedObjects } from "../fetch-tree/fetched-objects.ts";
import { userRegistries } from "../fetch-tree/user-registries.ts";
import { MainThread } from "./main-thread.ts";
import type {
	EvaluationReply,
	EvaluationTask,
	EvaluatorMessage,
	EvaluatorSetup,
	ExpressionReply,
	ExpressionTask,
	PackageSetRequest,
	TaskMessage,
} from "./messages.ts";
import { PackageSetSession } from "./package-set-session.ts";

/** Of Nix's: what people use every day, and the language is otherwise whole without. */
const experimentalFeatures: ReadonlySet<string> = new Set(["fetch-tree", "flakes"]);

/** Package sets kept, the last used. */
const MOST_SESSIONS = 2;

/** Part of the heap's limit that may be in use for an evaluator of expressions to be kept. */
const KEPT_HEAP = 0.4;

if (parentPort === null) throw new Error("an evaluator runs on a thread of its own");
const port = parentPort;
const setup = workerData as EvaluatorSetup;
const send = (message: EvaluatorMessage): void => port.postMessage(message);
const main = new MainThread({ send, answers: setup.answers, wake: setup.wake });
const sessions = new Map<string, PackageSetSession>();
let opened: Store | undefined;
/** Of the last expressions. */
let warm: { readonly key: string; readonly expressions: ExpressionSession } | undefined;

// Errors of the evaluator carry their own frames; V8's stacks would cost more than the evaluation.
Error.stackTraceLimit = 0;
port.on("message", ({ id, task }: TaskMessage) => {
	cancelIdleCollection();
	send(answer(id, task));
	scheduleIdleCollection();
});
send({ kind: "ready" });

/** Opened when first needed, since the main thread makes the store. */
function store(): Store {
	return (opened ??= openStore(setup.place));
}

function answer(id: number, task: EvaluationTask): EvaluatorMessage {
	let session: PackageSetSession | undefined;
	try {
		const reply = perform(task, (used) => {
			session = used;
		});
		return { kind: "done", id, reply };
	} catch (error) {
		const diagnostics = evaluationDiagnostics(error, session?.evaluator);
		if (diagnostics !== undefined) {
			return { kind: "failed", id, diagnostics, tracked: session?.io.reads.reads() ?? [] };
		}
		const message = error instanceof Error ? error.message : String(error);
		return { kind: "bug", id, message, stack: error instanceof Error ? (error.stack ?? message) : message };
	}
}

function perform(task: EvaluationTask, using: (session: PackageSetSession) => void): EvaluationReply {
	if (task.kind === "expression") return performExpression(task, using);
	const session = sessionFor(task.set);
	using(session);
	return session.run(() => (task.kind === "module" ? session.module(task) : session.environment(task)));
}

function performExpression(task: ExpressionTask, using: (session: PackageSetSession) => void): ExpressionReply {
	const expressions = expressionSession(task, using);
	using(expressions.session);
	try {
		return expressions.evaluate(task);
	} finally {
		// What is kept must not be what the next task has no memory for.
		if (getHeapStatistics().used_heap_size > getHeapStatistics().heap_size_limit * KEPT_HEAP) warm = undefined;
	}
}

/** The evaluator of the last expressions, or a new one where those had another package set or other registries. */
function expressionSession(task: ExpressionTask, using: (session: PackageSetSession) => void): ExpressionSession {
	const key = JSON.stringify([task.set, userRegistries(task.variables)]);
	if (warm?.key === key && warm.expressions.renew(task)) return warm.expressions;
	warm = undefined;
	const messages: string[] = [];
	const journal = new ReadJournal(undefined);
	const environment = new Map<string, string>();
	const session = makeSession(task.set ?? { index: "", overlays: [], overrides: [], trees: [], system: setup.system }, {
		pure: false,
		variables: task.variables,
		environment,
		onMessage: (message) => messages.push(message),
		journal,
	});
	using(session);
	const expressions = new ExpressionSession({ session, journal, store: store(), environment, messages }, task);
	warm = { key, expressions };
	return expressions;
}

/** The session of a package set, as long as nothing that it read has changed. */
function sessionFor(request: PackageSetRequest): PackageSetSession {
	const key = JSON.stringify([request.index, request.system, request.overlays, request.overrides, request.trees]);
	let session = sessions.get(key);
	sessions.delete(key);
	if (session?.fresh === false) session = undefined;
	session ??= makeSession(request, { pure: true });
	sessions.set(key, session);
	const [oldest] = sessions.keys();
	if (sessions.size > MOST_SESSIONS && oldest !== undefined) sessions.delete(oldest);
	return session;
}

interface SessionWorld {
	/** Environments are: the same lock gives the same paths at all times. */
	readonly pure: boolean;
	/** What `builtins.getEnv` sees; nothing by default, so that environments do not depend on who asks. */
	readonly variables?: Readonly<Record<string, string>>;
	readonly onMessage?: (message: string) => void;
	/** The same, where it changes between tasks. */
	readonly environment?: ReadonlyMap<string, string>;
	readonly journal?: ReadJournal;
}

function makeSession(request: PackageSetRequest, world: SessionWorld): PackageSetSession {
	const warnings: string[] = [];
	const { environment: changing } = world;
	const registries = world.pure ? { files: [] } : userRegistries(world.variables ?? {});
	const fetched = new FetchedObjects({ store: store(), main, cache: setup.cache, registries });
	const io = new NodeEvalIO({
		store: store(),
		pure: world.pure,
		environment: changing === undefined ? (world.variables ?? {}) : (name) => changing.get(name),
		...(world.journal === undefined ? {} : { journal: world.journal }),
		log: (level, message) => {
			const text = textFromBytes(message);
			if (world.onMessage !== undefined) world.onMessage(text);
			else if (level !== "trace") warnings.push(text);
		},
		realise: (drvPath, outputs) => main.ask({ kind: "realise", drvPath, outputs }, drvPath),
		fetch: (fetch) => fetched.fetch(fetch),
		fetchTree: (input) => fetched.fetchTree(input),
	});
	const evaluator = new Evaluator({ io, currentSystem: request.system, experimentalFeatures });
	return new PackageSetSession({ request, evaluator, io, store: store(), warnings });
}
