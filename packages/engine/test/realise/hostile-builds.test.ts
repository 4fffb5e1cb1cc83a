/** Builds that try to have something else than what they made registered as their output. */

import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { detectSandbox } from "@devenv/builder";
import { DiagnosticError } from "@devenv/diagnostics";
import { type Derivation, HashesModulo, hashBytes, instantiate } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { removeFolder } from "@devenv/test-support";
import test from "ava";
import { createFetcher } from "../../src/fetch/http-fetcher.ts";
import { usualPolicy } from "../../src/realise/build-policy.ts";
import { realiseDerivation } from "../../src/realise/realise-derivation.ts";
import { defaultSettings } from "../../src/settings.ts";
import { addHostShell } from "./host-shell.ts";

const helper = fileURLToPath(new URL("../../../../build/native/devenv-helper", import.meta.url));

for (const fixed of [false, true]) {
	test(`the store folder may not be moved away by a build (${fixed ? "fixed" : "computed"} output)`, async (t) => {
		const sandbox = await detectSandbox({ helper });
		if (sandbox.kind === "none") {
			t.log("skipped: no sandbox works here");
			t.pass();
			return;
		}
		const folder = mkdtempSync(join(tmpdir(), "devenv-hostile-"));
		const store = openStore({ root: join(folder, "root") });
		t.teardown(() => {
			store.close();
			removeFolder(folder);
		});
		const shell = addHostShell(store);
		const moved = `/moved/store/${basename(shell.path)}`;
		const victim = join(folder, "victim");
		const script = `mv /nix /moved; ${moved}/${basename(shell.builder)} --library-path ${moved} ${moved}/ln -s ${victim} /nix`;
		const hash = Buffer.from(hashBytes("sha256", Buffer.from("foreign")).bytes).toString("hex");
		const drv: Derivation = {
			name: "mover",
			outputs: new Map([["out", { path: "", hashAlgo: fixed ? "sha256" : "", hash: fixed ? hash : "" }]]),
			inputDrvs: new Map(),
			inputSrcs: [shell.path],
			system: "x86_64-linux",
			builder: shell.builder,
			args: shell.args(script),
			env: new Map([["out", ""]]),
		};
		instantiate(drv, new HashesModulo((path) => store.readDerivation(path)));
		const drvPath = store.addDerivation(drv);
		const output = store.readDerivation(drvPath).outputs.get("out")?.path ?? "";
		const foreign = join(victim, "store", basename(output));
		mkdirSync(join(victim, "store"), { recursive: true });
		writeFileSync(foreign, "foreign");
		const realise = realiseDerivation(
			drvPath,
			{
				store,
				fetcher: createFetcher({ mirrors: { user: new Map(), apt: new Map() } }),
				sandbox: () => Promise.resolve(sandbox),
				builtins: new Map(),
				logs: join(folder, "logs"),
				policy: { ...usualPolicy(defaultSettings()), cores: 1 },
				system: "x86_64-linux",
				onWarning: (message) => {
					t.log(message);
				},
			},
			{ wishes: {}, signal: new AbortController().signal, emit: () => undefined },
		);
		const error = await t.throwsAsync(realise, { instanceOf: DiagnosticError });
		t.regex(error.message, /its builder left with status [1-9]/);
		t.true(existsSync(foreign), "nothing of the host was taken");
	});
}
