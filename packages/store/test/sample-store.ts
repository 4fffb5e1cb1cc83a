/** Stores and derivations of the tests' own. */

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { temporaryFolder, type Teardown } from "@devenv/test-support";
import { HashesModulo, instantiate, type Derivation, type DrvPath, type StorePath } from "@devenv/nix-formats";
import { openStore, type Store } from "../src/index.ts";

/** A new store in a folder of its own; both are gone after the test. */
export function sampleStore(t: Teardown): Store {
	const folder = temporaryFolder(t);
	const store = openStore({ root: `${folder}/root` });
	t.teardown(() => {
		store.close();
	});
	return store;
}

/** An output-less derivation; the texts become variables, and its sources where they are store paths. */
export function sampleDerivation(
	name: string,
	inputs: { readonly sources?: readonly StorePath[]; readonly drvs?: readonly DrvPath[] } = {},
	outputs: readonly string[] = ["out"],
): Derivation {
	const { sources = [], drvs = [] } = inputs;
	return {
		name,
		outputs: new Map(outputs.map((output) => [output, { path: "", hashAlgo: "", hash: "" }])),
		inputDrvs: new Map(drvs.map((drv) => [drv, ["out"]])),
		inputSrcs: sources,
		system: "x86_64-linux",
		builder: "/bin/sh",
		args: ["-c", "true"],
		env: new Map([
			["name", name],
			["sources", sources.join(" ")],
		]),
	};
}

/** Fills in and adds a derivation. */
export function addSample(
	store: Store,
	drv: Derivation,
): { readonly path: DrvPath; readonly outputs: Map<string, StorePath> } {
	const hashes = new HashesModulo((path) => store.readDerivation(path));
	const { outputPaths } = instantiate(drv, hashes, store.storeDir);
	return { path: store.addDerivation(drv), outputs: new Map(outputPaths) };
}

/** Writes files below a folder, parents included. */
export function writeTree(folder: string, files: Readonly<Record<string, string>>): void {
	mkdirSync(folder, { recursive: true });
	for (const [name, contents] of Object.entries(files)) {
		mkdirSync(dirname(`${folder}/${name}`), { recursive: true });
		writeFileSync(`${folder}/${name}`, contents);
	}
}

/** Registers a one-file output of a sample derivation, with the given contents. */
export async function buildSample(store: Store, drv: Derivation, contents: string): Promise<StorePath> {
	const { path, outputs } = addSample(store, drv);
	const out = outputs.get("out");
	if (out === undefined) throw new Error("no output out");
	const scratch = store.scratch();
	writeFileSync(`${scratch.path}/out`, contents);
	const candidates = store.computeClosure([path]);
	await store.registerOutputs([{ path: out, from: `${scratch.path}/out`, candidates, deriver: path }]);
	scratch.remove();
	return out;
}

/** The names of what lies in the store folder, sorted; without the folder of links. */
export function objectNames(store: Store): string[] {
	return readdirSync(store.physical(store.storeDir))
		.filter((name) => name !== ".links")
		.sort();
}
