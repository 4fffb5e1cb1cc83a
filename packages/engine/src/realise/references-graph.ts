/**
 * `exportReferencesGraph`: what a build is told of the closures of its inputs. Layer 3. Source: Nix manual, "Advanced attributes".
 */

import { DiagnosticError } from "@devenv/diagnostics";
import {
	type Derivation,
	formatHash,
	isDrvPath,
	splitStorePath,
	type StorePath,
	textFromBytes,
} from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { buildFailed } from "./build-error.ts";

/** The files for a derivation without structured attributes, by name: as `nix-store --load-db` reads them. */
export function referencesGraphFiles(drv: Derivation, store: Store, inputs: readonly StorePath[]): Map<string, string> {
	const words = (drv.env.get("exportReferencesGraph") ?? "").split(/[ \t\n\r]+/).filter((word) => word !== "");
	if (words.length % 2 !== 0) fail(drv, "the value of exportReferencesGraph is no list of names and paths");
	const files = new Map<string, string>();
	for (let index = 0; index < words.length; index += 2) {
		const name = textFromBytes(words[index] ?? "");
		if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) fail(drv, `'${name}' in exportReferencesGraph is no name of a file`);
		const closure = closureOf({ drv, store, inputs }, [words[index + 1] ?? ""]);
		const text = closure
			.map((path) => {
				const { references } = store.pathInfo(path);
				return [path, "", String(references.length), ...references].map((line) => `${line}\n`).join("");
			})
			.join("");
		files.set(name, text);
	}
	return files;
}

/** The same for structured attributes: objects in the place of the lists of paths. */
export function referencesGraphJson(
	drv: Derivation,
	store: Store,
	inputs: readonly StorePath[],
): Readonly<Record<string, unknown>> {
	const { exportReferencesGraph: asked } = JSON.parse(textFromBytes(drv.env.get("__json") ?? "{}")) as {
		readonly exportReferencesGraph?: Readonly<Record<string, string | readonly string[]>>;
	};
	return Object.fromEntries(
		Object.entries(asked ?? {}).map(([name, paths]) => {
			const closure = closureOf({ drv, store, inputs }, typeof paths === "string" ? [paths] : paths);
			return [name, closure.map((path) => describe(store, path))];
		}),
	);
}

function describe(store: Store, path: StorePath): object {
	const { narHash, narSize, references } = store.pathInfo(path);
	const closureSize = store.computeClosure([path]).reduce((sum, each) => sum + store.pathInfo(each).narSize, 0);
	return { closureSize, narHash: `sha256:${formatHash(narHash, "base32")}`, narSize, path, references };
}

interface Asking {
	readonly drv: Derivation;
	readonly store: Store;
	readonly inputs: readonly StorePath[];
}

/** With derivations their outputs come too. */
function closureOf({ drv, store, inputs }: Asking, texts: readonly string[]): StorePath[] {
	const roots = texts.map((text) => {
		const path = splitStorePath(text, store.storeDir)?.storePath;
		if (path === undefined || !inputs.includes(path)) {
			return fail(drv, `exportReferencesGraph asks for '${textFromBytes(text)}', which is not among its inputs`);
		}
		return path;
	});
	const closure = store.computeClosure(roots);
	const outputs = closure
		.filter((path) => isDrvPath(path, store.storeDir))
		.flatMap((path) => [...store.queryDerivationOutputs(path).values()])
		.filter((path) => store.isValid(path));
	return [...new Set([...closure, ...store.computeClosure(outputs)])].sort();
}

function fail(drv: Derivation, why: string): never {
	throw new DiagnosticError(buildFailed({ name: drv.name, tail: [] }, why));
}
