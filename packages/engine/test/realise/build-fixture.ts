/** A store, a queue and sandboxed builds of shell scripts, for tests. */

import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { detectSandbox, type Sandbox } from "@devenv/builder";
import { type Diagnostic, DiagnosticError } from "@devenv/diagnostics";
import { type Derivation, type DrvPath, HashesModulo, instantiate } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import { skip, removeFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import type { BuiltinBuilder } from "../../src/builtin-builders/builtin-builder.ts";
import { createFetcher } from "../../src/fetch/http-fetcher.ts";
import { BuildQueue, type QueueRequest } from "../../src/queue/build-queue.ts";
import { failuresAsError } from "../../src/realise/build-error.ts";
import { builtinBuilders } from "../../src/realise/builtin-table.ts";
import { usualPolicy } from "../../src/realise/build-policy.ts";
import { StoreBackend } from "../../src/realise/store-backend.ts";
import { defaultSettings, type Settings } from "../../src/settings.ts";
import { addHostShell, type HostShell } from "./host-shell.ts";

const helper = fileURLToPath(new URL("../../../../build/native/devenv-helper", import.meta.url));
const sandbox: Sandbox = await detectSandbox({ helper });

/** Declares a test that needs a sandbox. */
export function sandboxed(title: string, body: (t: ExecutionContext) => Promise<void>): void {
	test(title, async (t) => {
		if (sandbox.kind === "none") skip(t, "no sandbox works here");
		else await body(t);
	});
}

export const system: string = "x86_64-linux";

export interface Builds {
	readonly store: Store;
	readonly shell: HostShell;
	readonly logs: string;
	/** A derivation that runs a script. */
	readonly derivation: (name: string, script: string, more?: DerivationParts) => DrvPath;
	readonly realise: (drvPath: DrvPath, request?: QueueRequest) => Promise<void>;
	readonly read: (drvPath: DrvPath, output?: string) => string;
}

export interface DerivationParts {
	readonly inputs?: readonly DrvPath[];
	readonly env?: Readonly<Record<string, string>>;
	readonly outputs?: readonly string[];
	readonly fixed?: string;
	readonly system?: string;
}

export function makeBuilds(
	t: ExecutionContext,
	settings: Partial<Settings> = {},
	builtins: ReadonlyMap<string, BuiltinBuilder> = builtinBuilders,
): Builds {
	const folder = mkdtempSync(join(tmpdir(), "devenv-realise-"));
	const store = openStore({ root: join(folder, "root") });
	const shell = addHostShell(store);
	const logs = join(folder, "logs");
	const backend = new StoreBackend({
		store,
		fetcher: createFetcher({ mirrors: { user: new Map(), apt: new Map() }, rounds: 1 }),
		sandbox: () => Promise.resolve(sandbox),
		builtins,
		logs,
		policy: usualPolicy({ ...defaultSettings(), cores: 3, ...settings }),
		system,
		substitute: () => Promise.resolve(new Set()),
		onWarning: (message) => t.log(message),
	});
	const queue = new BuildQueue(backend, { builds: 2, fetches: 2 });
	t.teardown(async () => {
		await queue.whenIdle();
		store.close();
		removeFolder(folder);
	});
	return {
		store,
		shell,
		logs,
		derivation: (name, script, more = {}) => {
			const drv: Derivation = {
				name,
				outputs: new Map(
					(more.outputs ?? ["out"]).map((output) => [
						output,
						{ path: "", hashAlgo: more.fixed === undefined ? "" : "sha256", hash: more.fixed ?? "" },
					]),
				),
				inputDrvs: new Map((more.inputs ?? []).map((input) => [input, ["out"]])),
				inputSrcs: [shell.path],
				system: more.system ?? system,
				builder: shell.builder,
				args: shell.args(script),
				env: new Map(
					Object.entries({ ...more.env, ...Object.fromEntries((more.outputs ?? ["out"]).map((o) => [o, ""])) }),
				),
			};
			instantiate(drv, new HashesModulo((path) => store.readDerivation(path)));
			return store.addDerivation(drv);
		},
		realise: async (drvPath, request = {}) => {
			const outputs = [...store.readDerivation(drvPath).outputs.keys()];
			const { failures } = await queue.request(new Map([[drvPath, outputs]]), request);
			if (failures.length > 0) throw failuresAsError(failures);
		},
		read: (drvPath, output = "out") => {
			const path = store.readDerivation(drvPath).outputs.get(output)?.path ?? "";
			return readFileSync(store.physical(path), "utf8");
		},
	};
}

export async function failure(t: ExecutionContext, promise: Promise<unknown>): Promise<Diagnostic> {
	const error = await t.throwsAsync(promise, { instanceOf: DiagnosticError });
	const [diagnostic] = error.diagnostics;
	if (diagnostic === undefined) throw new Error("no diagnostic");
	return diagnostic;
}
