/** Downloads of what is made elsewhere, in the same schedule as the builds. */

import test from "ava";
import fc from "fast-check";
import type { EngineEvent } from "../../src/engine-event.ts";
import { BuildCancelled } from "../../src/queue/build-failure.ts";
import { BuildQueue, type Plan, type QueueBackend, type RealiseContext } from "../../src/queue/build-queue.ts";

interface Sample {
	readonly inputs: readonly string[];
	/** Outputs that caches say they have; those in `broken` do not come. */
	readonly offered?: readonly string[];
	readonly broken?: boolean;
	readonly fails?: boolean;
}

/** A backend over a table, each derivation with the outputs `out` and `dev`; work that is held ends when it is released. */
class FakeBackend implements QueueBackend {
	readonly table: Readonly<Record<string, Sample>>;
	readonly started: string[] = [];
	readonly held = new Set<string>();
	readonly #valid = new Set<string>();
	readonly #gates = new Map<string, () => void>();

	constructor(table: Readonly<Record<string, Sample>>) {
		this.table = table;
	}

	/** What an engine would say of a request: the first of each way down. */
	substitutable(wanted: ReadonlyMap<string, readonly string[]>): Set<string> {
		const found = new Set<string>();
		const open = [...wanted];
		for (let next = open.pop(); next !== undefined; next = open.pop()) {
			const [drvPath, outputs] = next;
			const { inputs, offered = [] } = this.#sample(drvPath);
			if (outputs.every((output) => offered.includes(output))) found.add(drvPath);
			else open.push(...wantedOf(inputs));
		}
		return found;
	}

	isValid(drvPath: string, output = "out"): boolean {
		return this.#valid.has(`${drvPath}!${output}`);
	}

	plan(drvPath: string, outputs: readonly string[]): Plan {
		if (outputs.every((output) => this.isValid(drvPath, output))) return { kind: "valid" };
		return { kind: "needed", name: drvPath, slot: "build", inputs: wantedOf(this.#sample(drvPath).inputs) };
	}

	async realise(drvPath: string, { signal }: RealiseContext): Promise<void> {
		const { inputs, fails = false } = this.#sample(drvPath);
		for (const input of inputs) if (!this.isValid(input)) throw new Error(`${drvPath} started before ${input}`);
		await this.#work(`build ${drvPath}`, signal);
		if (fails) throw new Error("it broke");
		for (const output of ["out", "dev"]) this.#valid.add(`${drvPath}!${output}`);
	}

	async substitute(
		drvPath: string,
		outputs: readonly string[],
		{ signal }: RealiseContext,
	): Promise<ReadonlySet<string>> {
		await this.#work(`fetch ${drvPath}`, signal);
		const { inputs, broken = false } = this.#sample(drvPath);
		if (broken) return this.substitutable(wantedOf(inputs));
		for (const output of outputs) this.#valid.add(`${drvPath}!${output}`);
		return new Set();
	}

	release(work: string): void {
		const gate = this.#gates.get(work);
		if (gate === undefined) throw new Error(`${work} is not held`);
		gate();
	}

	#sample(drvPath: string): Sample {
		const sample = this.table[drvPath];
		if (sample === undefined) throw new Error(`no derivation ${drvPath}`);
		return sample;
	}

	async #work(name: string, signal: AbortSignal): Promise<void> {
		this.started.push(name);
		if (!this.held.has(name)) return tick();
		await new Promise<void>((resolve, reject) => {
			this.#gates.set(name, resolve);
			signal.addEventListener("abort", () => {
				reject(signal.reason as Error);
			});
		});
	}
}

function wantedOf(drvPaths: readonly string[]): Map<string, readonly string[]> {
	return new Map(drvPaths.map((drvPath) => [drvPath, ["out"]]));
}

function tick(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

async function settle(): Promise<void> {
	for (let turn = 0; turn < 20; turn++) await tick();
}

const limits = { builds: 2, fetches: 2 };
const out = ["out"];

function request(queue: BuildQueue, backend: FakeBackend, ...drvPaths: string[]): ReturnType<BuildQueue["request"]> {
	const wanted = wantedOf(drvPaths);
	return queue.request(wanted, { substitutable: backend.substitutable(wanted) });
}

test("what is fetched needs no inputs, and no build waits for it that does not need it", async (t) => {
	const backend = new FakeBackend({
		top: { inputs: ["fetched", "built"] },
		fetched: { inputs: ["never"], offered: out },
		never: { inputs: [] },
		built: { inputs: ["base"] },
		base: { inputs: [] },
	});
	backend.held.add("fetch fetched");
	const queue = new BuildQueue(backend, limits);
	const events: EngineEvent[] = [];
	const wanted = wantedOf(["top"]);
	const running = queue.request(wanted, {
		substitutable: backend.substitutable(wanted),
		onEvent: (event) => events.push(event),
	});
	await settle();
	t.true(backend.isValid("built"));
	t.false(backend.started.includes("build top"));
	backend.release("fetch fetched");
	t.deepEqual(await running, { failures: [] });
	t.deepEqual([...backend.started].sort(), ["build base", "build built", "build top", "fetch fetched"]);
	t.deepEqual(events[0], { kind: "planned", builds: 3, fetches: 1 });
});

test("what does not come is built, after those of its inputs that come", async (t) => {
	const backend = new FakeBackend({
		top: { inputs: ["broken"] },
		broken: { inputs: ["offered", "base"], offered: out, broken: true },
		offered: { inputs: ["never"], offered: out },
		never: { inputs: [] },
		base: { inputs: [] },
	});
	const queue = new BuildQueue(backend, limits);
	t.deepEqual(await request(queue, backend, "top"), { failures: [] });
	t.deepEqual([...backend.started].sort(), [
		"build base",
		"build broken",
		"build top",
		"fetch broken",
		"fetch offered",
	]);
	await queue.whenIdle();
});

test("a request that comes meanwhile gets its other outputs", async (t) => {
	const backend = new FakeBackend({
		part: { inputs: ["base"], offered: out },
		base: { inputs: [] },
		user: { inputs: ["part"] },
	});
	backend.held.add("fetch part");
	const queue = new BuildQueue(backend, limits);
	const first = request(queue, backend, "part");
	await settle();
	const second = queue.request(new Map([["part", ["dev"]]]));
	backend.release("fetch part");
	t.deepEqual(await Promise.all([first, second]), [{ failures: [] }, { failures: [] }]);
	t.true(backend.isValid("part", "dev"));
	t.deepEqual(backend.started, ["fetch part", "build base", "build part"]);
});

test("a request that leaves in between takes nothing from the others", async (t) => {
	const backend = new FakeBackend({
		broken: { inputs: ["base"], offered: out, broken: true },
		base: { inputs: [] },
	});
	backend.held.add("fetch broken");
	backend.held.add("build base");
	const queue = new BuildQueue(backend, limits);
	const leaving = new AbortController();
	const wanted = wantedOf(["broken"]);
	const first = queue.request(wanted, {
		substitutable: backend.substitutable(wanted),
		signal: leaving.signal,
	});
	const second = request(queue, backend, "broken");
	await settle();
	backend.release("fetch broken");
	await settle();
	leaving.abort();
	await t.throwsAsync(first, { instanceOf: BuildCancelled });
	backend.release("build base");
	t.deepEqual(await second, { failures: [] });
	const third = new AbortController();
	const fresh = new FakeBackend({ broken: { inputs: [], offered: out, broken: true } });
	fresh.held.add("fetch broken");
	const alone = new BuildQueue(fresh, limits);
	const only = alone.request(wanted, { substitutable: new Set(["broken"]), signal: third.signal });
	await settle();
	third.abort();
	await t.throwsAsync(only, { instanceOf: BuildCancelled });
	await alone.whenIdle();
	t.deepEqual(fresh.started, ["fetch broken"]);
});

test("a plan that fails after a download that did not come fails what waits for it, and nothing else", async (t) => {
	const backend = new FakeBackend({
		top: { inputs: ["broken"] },
		broken: { inputs: ["base", "absent"], offered: out, broken: true },
		base: { inputs: [] },
		other: { inputs: ["more"] },
		more: { inputs: [] },
	});
	// The walk to what caches have would stumble over it as well.
	backend.substitute = async () => Promise.resolve(new Set());
	const queue = new BuildQueue(backend, limits);
	const { failures } = await queue.request(wantedOf(["top", "other"]), {
		keepGoing: true,
		substitutable: new Set(["broken"]),
	});
	t.deepEqual(
		failures.map(({ drvPath, message }) => ({ drvPath, message })),
		[{ drvPath: "broken", message: "no derivation absent" }],
	);
	t.true(backend.isValid("other"));
	await queue.whenIdle();
});

const graphs = fc
	.array(
		fc.record({
			inputs: fc.array(fc.nat(30), { maxLength: 3 }),
			offered: fc.boolean(),
			broken: fc.boolean(),
			fails: fc.boolean(),
		}),
		{ minLength: 1, maxLength: 30 },
	)
	.map((nodes) =>
		Object.fromEntries(
			nodes.map(({ inputs, offered, broken, fails }, index): [string, Sample] => [
				`d${index}`,
				{
					inputs: [...new Set(inputs.filter((input) => input < index).map((input) => `d${input}`))],
					...(offered ? { offered: out } : {}),
					broken,
					// Few, so that much is built.
					fails: fails && index % 5 === 4,
				},
			]),
		),
	);

test("whatever comes or does not come, all is made that can be made, and nothing twice", async (t) => {
	await fc.assert(
		fc.asyncProperty(graphs, fc.array(fc.nat(29), { minLength: 1, maxLength: 4 }), async (table, picks) => {
			const names = Object.keys(table);
			const backend = new FakeBackend(table);
			const queue = new BuildQueue(backend, limits);
			const asked = picks.map((pick) => names[pick % names.length] ?? "");
			const options = { keepGoing: true };
			await Promise.all(
				asked.map((name) => {
					const wanted = wantedOf([name]);
					return queue.request(wanted, { ...options, substitutable: backend.substitutable(wanted) });
				}),
			);
			await queue.whenIdle();
			const possible = new Map<string, boolean>();
			for (const name of names) {
				const { inputs, offered, broken = false, fails = false } = table[name] ?? { inputs: [] };
				const buildable = !fails && inputs.every((input) => possible.get(input) === true);
				possible.set(name, buildable || (offered !== undefined && !broken));
			}
			if (asked.some((name) => backend.isValid(name) !== possible.get(name))) return false;
			// What failed is tried again by a request that comes to it later.
			const made = backend.started.filter((work) => possible.get(work.split(" ")[1] ?? "") === true);
			return new Set(made).size === made.length;
		}),
		{ numRuns: 2000 },
	);
	t.pass();
});
