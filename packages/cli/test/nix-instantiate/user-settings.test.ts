import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatHash, hashBytes } from "@devenv/nix-formats";
import { nodeEnvironment, removeFolder } from "@devenv/test-support";
import test from "ava";

const program = `
	import { runNixInstantiate } from ${JSON.stringify(new URL("../../src/nix-instantiate/run-nix-instantiate.ts", import.meta.url).href)};
	process.exitCode = await runNixInstantiate(JSON.parse(process.env.TEST_ARGUMENTS));
`;

test("what is imported from a derivation is fetched from the user's mirrors", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-user-settings-"));
	t.teardown(() => removeFolder(folder));
	const text = "{ a = 42; }";
	mkdirSync(join(folder, "mirror"));
	mkdirSync(join(folder, "home/config"), { recursive: true });
	writeFileSync(join(folder, "mirror/file.nix"), text);
	const hash = formatHash(hashBytes("sha256", Buffer.from(text)), "sri");
	const expression = `(import (import <nix/fetchurl.nix> { url = "mirror://own/file.nix"; hash = "${hash}"; })).a`;
	const run = (): ReturnType<typeof spawnSync> =>
		spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
			cwd: folder,
			encoding: "utf8",
			env: {
				...nodeEnvironment(),
				DEVENV_HOME: join(folder, "home"),
				TEST_ARGUMENTS: JSON.stringify(["--eval", "--read-write-mode", "-E", expression]),
			},
		});
	writeFileSync(join(folder, "home/config/config.yaml"), "mirrors: 1\n");
	const refused = run();
	t.is(refused.status, 1);
	t.regex(String(refused.stderr), /mirrors/);
	writeFileSync(join(folder, "home/config/config.yaml"), `mirrors: { own: ["file://${join(folder, "mirror")}"] }\n`);
	const found = run();
	t.is(found.stdout, "42\n", String(found.stderr));
});
