import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import test, { type ExecutionContext } from "ava";
import { EvaluatorPool, type PoolOptions } from "../../src/evaluation/evaluator-pool.ts";
import type { Answering } from "../../src/evaluation/evaluator-thread.ts";
import type { ExpressionTask, Question } from "../../src/evaluation/messages.ts";

const program = new URL("fake-evaluator.ts", import.meta.url);

function makePool(
	t: ExecutionContext,
	options: Partial<PoolOptions> = {},
): (text: string, more?: More) => Promise<string> {
	const pool = new EvaluatorPool({
		place: { root: "/nonexistent" },
		cache: "/nonexistent",
		system: "x86_64-linux",
		memory: 64,
		program,
		...options,
	});
	t.teardown(() => pool.close());
	return async (text, { answer, signal } = {}) => {
		const reply = await pool.run(task(text), answer ?? (() => Promise.reject(new Error("asked"))), signal);
		return reply.text;
	};
}

interface More {
	readonly answer?: Answering;
	readonly signal?: AbortSignal;
}

function task(text: string): ExpressionTask {
	return {
		kind: "expression",
		set: null,
		text,
		name: "<test>",
		baseDir: "/",
		attrPath: "",
		format: "nix",
		strict: false,
		variables: {},
	};
}

test("the first thread is kept and used again", async (t) => {
	const run = makePool(t);
	const first = await run("thread");
	t.is(await run("thread"), first);
	t.is(await run("echo x"), "x");
});

test("a second thread serves while the first is busy, and no third", async (t) => {
	const run = makePool(t);
	await run("thread");
	const [, , ...threads] = await Promise.all([
		run("spin 300"),
		run("spin 300"),
		run("thread"),
		run("thread"),
		run("thread"),
	]);
	t.true(new Set(threads).size <= 2);
});

test("questions are answered while the evaluator sleeps", async (t) => {
	const run = makePool(t);
	const asked: Question[] = [];
	const text = await run("ask /nix/store/x.drv", {
		answer: async (question) => {
			asked.push(question);
			await new Promise((resolve) => setTimeout(resolve, 20));
			return null;
		},
	});
	t.is(text, "answered");
	t.deepEqual(asked, [
		{ kind: "realise", drvPath: "/nix/store/x.drv", outputs: ["out"] },
		{ kind: "realise", drvPath: "/nix/store/x.drv-2", outputs: ["out"] },
	]);
});

test("a refused question is an error of the evaluation", async (t) => {
	const run = makePool(t);
	const answer: Answering = () => Promise.reject(new DiagnosticError(diagnose("BUILD_FAILED", "it broke")));
	t.is(await run("ask d", { answer }), "refused: it broke");
	t.is(await run("echo on"), "on");
});

test("failures, bugs, crashes and too much memory end the task, not the pool", async (t) => {
	const run = makePool(t);
	const failed = await t.throwsAsync(run("fail no"), { instanceOf: DiagnosticError });
	t.is(failed.message, "EVAL_THROWN: no");
	await t.throwsAsync(run("bug"), { message: "a bug" });
	await t.throwsAsync(run("crash"), { message: "the evaluator ended with status 3" });
	t.is(await run("echo again"), "again");
	const hoarded = await t.throwsAsync(run("hoard"), { instanceOf: DiagnosticError });
	t.regex(hoarded.message, /^EVAL_OUT_OF_MEMORY: the evaluation needs more than 64 MiB/);
	t.is(await run("echo after"), "after");
});

test("an abandoned task that ends soon leaves its thread warm", async (t) => {
	const run = makePool(t, { most: 1, patience: 10_000 });
	const thread = await run("thread");
	const controller = new AbortController();
	const spinning = run("spin 200", { signal: controller.signal });
	setTimeout(() => controller.abort(new Error("enough")), 20);
	await t.throwsAsync(spinning, { message: "enough" });
	t.is(await run("thread"), thread);
});

test("an abandoned task that goes on is ended with its thread", async (t) => {
	const run = makePool(t, { most: 1, patience: 50 });
	const thread = await run("thread");
	const controller = new AbortController();
	const spinning = run("spin 60000", { signal: controller.signal });
	setTimeout(() => controller.abort(new Error("enough")), 20);
	await t.throwsAsync(spinning, { message: "enough" });
	const next = await run("thread");
	t.not(next, thread);
});

test("a further thread is ended when it is idle", async (t) => {
	const run = makePool(t, { idle: 20 });
	const first = await run("thread");
	await Promise.all([run("spin 100"), run("spin 100")]);
	await new Promise((resolve) => setTimeout(resolve, 200));
	const [again, other] = await Promise.all([run("thread"), run("thread")]);
	t.is(again, first);
	t.true(Number(other) > Number(first) + 1);
});
