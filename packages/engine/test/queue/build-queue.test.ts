import test from "ava";
import type { EngineEvent } from "../../src/engine-event.ts";
import { BuildCancelled } from "../../src/queue/build-failure.ts";
import {
	BuildQueue,
	type Plan,
	type QueueBackend,
	type QueueLimits,
	type RealiseContext,
} from "../../src/queue/build-queue.ts";

/** A backend over a table of inputs, whose builds the test ends by hand or at once. */
class FakeBackend implements QueueBackend {
	readonly inputs: Readonly<Record<string, readonly string[]>>;
	readonly valid = new Set<string>();
	readonly started: string[] = [];
	readonly aborted: string[] = [];
	readonly failing = new Map<string, Error>();
	readonly held = new Set<string>();
	readonly fetches = new Set<string>();
	readonly #gates = new Map<string, () => void>();
	running = 0;
	mostRunning = 0;

	constructor(inputs: Readonly<Record<string, readonly string[]>>) {
		this.inputs = inputs;
	}

	plan(drvPath: string): Plan {
		const inputs = this.inputs[drvPath];
		if (inputs === undefined) throw new Error(`no derivation ${drvPath}`);
		if (this.valid.has(drvPath)) return { kind: "valid" };
		return {
			kind: "needed",
			name: `name-${drvPath}`,
			slot: this.fetches.has(drvPath) ? "fetch" : "build",
			inputs: wanted(...inputs),
		};
	}

	async realise(drvPath: string, { signal }: RealiseContext): Promise<void> {
		this.started.push(drvPath);
		this.running++;
		this.mostRunning = Math.max(this.mostRunning, this.running);
		try {
			for (const input of this.inputs[drvPath] ?? []) {
				if (!this.valid.has(input)) throw new Error(`${drvPath} started before ${input}`);
			}
			if (this.held.has(drvPath)) {
				await new Promise<void>((resolve, reject) => {
					this.#gates.set(drvPath, resolve);
					signal.addEventListener("abort", () => {
						this.aborted.push(drvPath);
						reject(signal.reason as Error);
					});
				});
			} else {
				await tick();
			}
			const failure = this.failing.get(drvPath);
			if (failure !== undefined) throw failure;
			this.valid.add(drvPath);
		} finally {
			this.running--;
		}
	}

	release(drvPath: string): void {
		const gate = this.#gates.get(drvPath);
		if (gate === undefined) throw new Error(`${drvPath} is not held`);
		gate();
	}
}

const limits: QueueLimits = { builds: 4, fetches: 4 };

function wanted(...drvPaths: string[]): Map<string, readonly string[]> {
	return new Map(drvPaths.map((drvPath) => [drvPath, ["out"]]));
}

function tick(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

test("builds inputs before what needs them, each once", async (t) => {
	const backend = new FakeBackend({ top: ["left", "right"], left: ["base"], right: ["base"], base: [] });
	const queue = new BuildQueue(backend, limits);
	const events: EngineEvent[] = [];
	const result = await queue.request(wanted("top"), { onEvent: (event) => events.push(event) });
	t.deepEqual(result.failures, []);
	t.deepEqual([...backend.started].sort(), ["base", "left", "right", "top"]);
	t.is(backend.started[0], "base");
	t.is(backend.started.at(-1), "top");
	t.deepEqual(events[0], { kind: "planned", builds: 4, fetches: 0 });
	t.deepEqual(
		events
			.filter((event) => event.kind === "built")
			.map((event) => event.drvPath)
			.at(-1),
		"top",
	);
});

test("does not look below what is valid", async (t) => {
	const backend = new FakeBackend({ top: ["base"] });
	backend.valid.add("top");
	const queue = new BuildQueue(backend, limits);
	t.deepEqual(await queue.request(wanted("top")), { failures: [] });
	t.deepEqual(backend.started, []);
});

test("keeps to the limits of builds and of downloads", async (t) => {
	const names = Array.from({ length: 20 }, (_, index) => `d${index}`);
	const backend = new FakeBackend(Object.fromEntries(names.map((name) => [name, []])));
	const queue = new BuildQueue(backend, { builds: 3, fetches: 1 });
	await queue.request(wanted(...names));
	t.is(backend.mostRunning, 3);
	t.is(backend.started.length, 20);
	const fetching = new FakeBackend(Object.fromEntries(names.map((name) => [name, []])));
	for (const name of names) fetching.fetches.add(name);
	await new BuildQueue(fetching, { builds: 3, fetches: 1 }).request(wanted(...names));
	t.is(fetching.mostRunning, 1);
});

test("what most waits for is begun first", async (t) => {
	const backend = new FakeBackend({
		leaf1: [],
		leaf2: [],
		bottom: [],
		middle: ["bottom"],
		top: ["middle", "leaf1", "leaf2"],
	});
	const queue = new BuildQueue(backend, { builds: 1, fetches: 1 });
	await queue.request(wanted("top"));
	t.is(backend.started[0], "bottom");
	t.is(backend.started.at(-1), "top");
});

test("a small request does not wait for all of a large one", async (t) => {
	const many = Array.from({ length: 50 }, (_, index) => `many${index}`);
	const backend = new FakeBackend({ ...Object.fromEntries(many.map((name) => [name, []])), single: [] });
	const queue = new BuildQueue(backend, { builds: 2, fetches: 1 });
	const large = queue.request(wanted(...many));
	await queue.request(wanted("single"));
	t.true(backend.started.length < 10, String(backend.started.length));
	await large;
	t.is(backend.started.length, 51);
});

test("two requests share one build", async (t) => {
	const backend = new FakeBackend({ a: ["shared"], b: ["shared"], shared: [] });
	backend.held.add("shared");
	const queue = new BuildQueue(backend, limits);
	const first = queue.request(wanted("a"));
	const second = queue.request(wanted("b"));
	await tick();
	t.deepEqual(
		queue.running.map(({ drvPath }) => drvPath),
		["shared"],
	);
	backend.release("shared");
	await Promise.all([first, second]);
	t.deepEqual([...backend.started].sort(), ["a", "b", "shared"]);
});

test("a failure ends the request, names the derivation and aborts the rest", async (t) => {
	const backend = new FakeBackend({ top: ["bad", "slow"], bad: [], slow: [] });
	backend.failing.set("bad", new Error("it broke"));
	backend.held.add("slow");
	const queue = new BuildQueue(backend, limits);
	const { failures } = await queue.request(wanted("top"));
	t.deepEqual(
		failures.map(({ drvPath, name, message }) => ({ drvPath, name, message })),
		[{ drvPath: "bad", name: "name-bad", message: "it broke" }],
	);
	await queue.whenIdle();
	t.deepEqual(backend.aborted, ["slow"]);
	t.false(backend.started.includes("top"));
});

test("keeping going builds all that does not depend on the failure", async (t) => {
	const backend = new FakeBackend({ top: ["bad", "other"], bad: [], other: ["base"], base: [], apart: [] });
	backend.failing.set("bad", new Error("it broke"));
	const queue = new BuildQueue(backend, limits);
	const { failures } = await queue.request(wanted("top", "apart"), { keepGoing: true });
	t.deepEqual(
		failures.map(({ drvPath }) => drvPath),
		["bad"],
	);
	t.deepEqual([...backend.started].sort(), ["apart", "bad", "base", "other"]);
});

test("a failure reaches every request that depends on it, and no other", async (t) => {
	const backend = new FakeBackend({ a: ["bad"], b: ["bad"], c: [], bad: [] });
	backend.failing.set("bad", new Error("it broke"));
	const queue = new BuildQueue(backend, limits);
	const results = await Promise.all(["a", "b", "c"].map((name) => queue.request(wanted(name))));
	t.deepEqual(
		results.map(({ failures }) => failures.length),
		[1, 1, 0],
	);
	t.is(backend.started.filter((name) => name === "bad").length, 1);
});

test("a failed derivation is tried again by the next request", async (t) => {
	const backend = new FakeBackend({ bad: [] });
	backend.failing.set("bad", new Error("it broke"));
	const queue = new BuildQueue(backend, limits);
	t.is((await queue.request(wanted("bad"))).failures.length, 1);
	backend.failing.clear();
	t.is((await queue.request(wanted("bad"))).failures.length, 0);
});

test("cancelling a request aborts a build only when nobody else waits for it", async (t) => {
	const backend = new FakeBackend({ a: ["shared"], b: ["shared"], shared: [], own: [] });
	backend.held.add("shared");
	backend.held.add("own");
	const queue = new BuildQueue(backend, limits);
	const leaving = new AbortController();
	const first = queue.request(wanted("a", "own"), { signal: leaving.signal });
	const second = queue.request(wanted("b"));
	await tick();
	leaving.abort();
	await t.throwsAsync(first, { instanceOf: BuildCancelled });
	await tick();
	t.deepEqual(backend.aborted, ["own"]);
	backend.release("shared");
	t.deepEqual(await second, { failures: [] });
	t.false(backend.started.includes("a"));
	await queue.whenIdle();
	t.deepEqual(queue.running, []);
});

test("a request that waits for a slot can be cancelled", async (t) => {
	const backend = new FakeBackend({ first: [], second: [] });
	backend.held.add("first");
	const queue = new BuildQueue(backend, { builds: 1, fetches: 1 });
	const one = queue.request(wanted("first"));
	const leaving = new AbortController();
	const two = queue.request(wanted("second"), { signal: leaving.signal });
	await tick();
	leaving.abort();
	await t.throwsAsync(two, { instanceOf: BuildCancelled });
	backend.release("first");
	await one;
	await queue.whenIdle();
	t.deepEqual(backend.started, ["first"]);
	t.deepEqual(await queue.request(wanted("second")), { failures: [] });
});

test("what planning throws rejects the request and leaves nothing behind", async (t) => {
	const backend = new FakeBackend({ top: ["absent"] });
	const queue = new BuildQueue(backend, limits);
	await t.throwsAsync(queue.request(wanted("top")), { message: "no derivation absent" });
	await queue.whenIdle();
	t.deepEqual(backend.started, []);
});

test("chains of 20,000 derivations do not overflow the stack", async (t) => {
	const names = Array.from({ length: 20_000 }, (_, index) => `d${index}`);
	const backend = new FakeBackend(
		Object.fromEntries(names.map((name, index) => [name, index === 0 ? [] : [`d${index - 1}`]])),
	);
	const queue = new BuildQueue(backend, limits);
	t.deepEqual(await queue.request(wanted("d19999")), { failures: [] });
	t.is(backend.started.length, 20_000);
});
