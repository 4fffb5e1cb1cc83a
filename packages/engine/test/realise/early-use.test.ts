import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Derivation, type DrvPath, HashesModulo, instantiate, type StorePath } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import test, { type ExecutionContext } from "ava";
import type { BuiltinBuilder } from "../../src/builtin-builders/builtin-builder.ts";
import { buildEnvironment } from "../../src/builtin-builders/environment.ts";
import { BuildCancelled } from "../../src/queue/build-failure.ts";
import { placeEnvironment, type PlacedEnvironment, unregisteredDerivations } from "../../src/realise/early-use.ts";
import { type Builds, failure, makeBuilds, system } from "./build-fixture.ts";

/** A root and an environment that names it. */
interface Sample extends Builds {
	readonly environment: DrvPath;
	readonly outPath: StorePath;
	readonly root: StorePath;
	/** How often the root was composed. */
	readonly composed: () => number;
	readonly place: (signal?: AbortSignal) => Promise<PlacedEnvironment>;
}

function makeSample(t: ExecutionContext, attributes: Readonly<Record<string, string>> = {}): Sample {
	let composed = 0;
	const composeRoot: BuiltinBuilder = (_, { output, signal }) => {
		composed++;
		signal.throwIfAborted();
		mkdirSync(join(output, "usr"), { recursive: true });
		for (let file = 0; file < 100; file++) writeFileSync(join(output, "usr", String(file)), `file ${file}`);
		return Promise.resolve();
	};
	const builtins = new Map([
		["compose-root", composeRoot],
		["environment", buildEnvironment],
	]);
	const builds = makeBuilds(t, {}, builtins);
	const { store } = builds;
	const root = builtinDerivation(store, "compose-root", { name: "root", env: attributes });
	const environment = builtinDerivation(store, "environment", {
		name: "environment",
		env: { __json: JSON.stringify({ name: "x", root: root.outPath, packages: [] }) },
		input: root.drvPath,
	});
	const place: Sample["place"] = (signal) =>
		placeEnvironment(environment.drvPath, (early) => builds.realise(environment.drvPath, early), signal);
	return {
		...builds,
		environment: environment.drvPath,
		outPath: environment.outPath,
		root: root.outPath,
		composed: () => composed,
		place,
	};
}

function builtinDerivation(
	store: Store,
	builder: string,
	parts: { readonly name: string; readonly env: Readonly<Record<string, string>>; readonly input?: DrvPath },
): { readonly drvPath: DrvPath; readonly outPath: StorePath } {
	const { name, env, input } = parts;
	const drv: Derivation = {
		name,
		outputs: new Map([["out", { path: "", hashAlgo: "", hash: "" }]]),
		inputDrvs: new Map(input === undefined ? [] : [[input, ["out"]]]),
		inputSrcs: [],
		system,
		builder: `builtin:${builder}`,
		args: [],
		env: new Map(Object.entries({ ...env, out: "" })),
	};
	const { outputPaths } = instantiate(drv, new HashesModulo((path) => store.readDerivation(path)));
	return { drvPath: store.addDerivation(drv), outPath: new Map(outputPaths).get("out") as StorePath };
}

test("root and environment lie at their paths before they are valid, and are registered as ever", async (t) => {
	const early = makeSample(t);
	const { registered } = await early.place();
	t.false(early.store.isValid(early.root) || early.store.isValid(early.outPath));
	t.is(readFileSync(early.store.physical(`${early.root}/usr/7`), "utf8"), "file 7");
	t.regex(readFileSync(early.store.physical(`${early.outPath}/environment.json`), "utf8"), /"root": "\/nix\/store\//);
	using other = openStore({ root: early.store.root });
	t.is(other.tryLock([early.root]), undefined, "another daemon waits");
	await registered;
	t.deepEqual(early.store.placed(), []);
	t.is(early.composed(), 1);
	t.deepEqual(await early.store.verify({ checkContents: true }), []);
	const late = makeSample(t);
	await late.realise(late.environment);
	for (const path of [early.root, early.outPath]) {
		const [a, b] = [early.store.pathInfo(path), late.store.pathInfo(path)];
		t.deepEqual({ ...a, registrationTime: 0 }, { ...b, registrationTime: 0 });
	}
	t.deepEqual(early.store.pathInfo(early.outPath).references, [early.root]);
});

test("what is in the store already is given when it is found", async (t) => {
	const { place, realise, environment, composed, store, outPath } = makeSample(t);
	await realise(environment);
	const { registered } = await place();
	t.true(store.isValid(outPath));
	await registered;
	t.is(composed(), 1);
});

test("a root that may not be registered is taken away, with the environment", async (t) => {
	const { place, store, root, outPath } = makeSample(t, { __json: '{"outputChecks":{"out":{"maxSize":1}}}' });
	const { registered } = await place();
	t.true(store.isPlaced(root));
	const { code } = await failure(t, registered);
	t.is(code, "BUILD_FAILED");
	t.deepEqual(store.placed(), []);
	for (const path of [root, outPath]) t.false(store.isValid(path) || existsSync(store.physical(path)));
});

test("before anything is placed the signal ends the work, later it does not", async (t) => {
	const { place, store, outPath } = makeSample(t);
	const ended = new AbortController();
	ended.abort();
	await t.throwsAsync(place(ended.signal), { instanceOf: BuildCancelled });
	const late = new AbortController();
	const { registered } = await place(late.signal);
	late.abort();
	await registered;
	t.true(store.isValid(outPath));
});

test("others who want the environment wait until it is registered", async (t) => {
	const { place, realise, environment, store, outPath, composed } = makeSample(t);
	const [{ registered }] = await Promise.all([
		place(),
		realise(environment).then(() => {
			t.true(store.isValid(outPath));
		}),
	]);
	await registered;
	t.is(composed(), 1);
});

test("what a killed process had placed is registered, not made again", async (t) => {
	const { store, environment, root, outPath, composed, realise } = makeSample(t);
	const killed = openStore({ root: store.root });
	const from = killed.scratch().path;
	mkdirSync(`${from}/root`);
	writeFileSync(`${from}/root/file`, "of the killed process");
	mkdirSync(`${from}/environment`);
	writeFileSync(`${from}/environment/environment.json`, root);
	const [deriver] = store.readDerivation(environment).inputDrvs.keys();
	killed.placeOutputs([
		{ path: root, from: `${from}/root`, deriver: deriver as DrvPath },
		{ path: outPath, from: `${from}/environment`, deriver: environment },
	]);
	killed.close();
	const wanted = unregisteredDerivations(store);
	t.deepEqual([...wanted].sort(), [[deriver, ["out"]] as const, [environment, ["out"]] as const].sort());
	await Promise.all([...wanted.keys()].map((drvPath) => realise(drvPath)));
	t.is(composed(), 0);
	t.deepEqual(store.pathInfo(outPath).references, [root]);
	t.is(readFileSync(store.physical(`${root}/file`), "utf8"), "of the killed process");
	t.deepEqual(await store.verify({ checkContents: true }), []);
});

test("what was placed for a derivation that is not there any more is taken away", (t) => {
	const { store, root, environment } = makeSample(t);
	const killed = openStore({ root: store.root });
	const from = `${killed.scratch().path}/root`;
	mkdirSync(from);
	const gone = environment.replace(/[0-9a-z]{5}-/, "00000-") as DrvPath;
	killed.placeOutputs([{ path: root, from, deriver: gone }]);
	killed.close();
	t.deepEqual(unregisteredDerivations(store), new Map());
	t.false(existsSync(store.physical(root)));
});
