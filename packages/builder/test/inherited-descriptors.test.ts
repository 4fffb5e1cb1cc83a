/** A build gets no descriptor but its standard streams, whatever its caller inherited. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import test from "ava";
import { findBackends } from "./host-sandbox.ts";

test("what the caller inherited does not reach the helper's builds", async (t) => {
	const backends = await findBackends();
	const helper = backends.sandboxes.find(({ kind }) => kind === "helper");
	t.teardown(() => {
		backends.remove();
	});
	if (helper === undefined) {
		t.log("no C compiler: not tested");
		t.pass();
		return;
	}
	const module = (name: string): string => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
	const program = `
		import { runScript } from ${module("host-sandbox.ts")};
		const { output } = await runScript(${JSON.stringify(helper)}, "cd /proc/self/fd; for each in [0-9]*; do if [ -e $each ]; then echo $each; fi; done");
		process.stdout.write(output);`;
	const script = 'exec 200</home 201</ "$@"';
	const outcome = spawnSync("bash", ["-c", script, "sh", process.execPath, "--input-type=module", "-e", program], {
		encoding: "utf8",
	});
	t.is(outcome.status, 0, outcome.stderr);
	t.deepEqual(outcome.stdout.trim().split("\n").sort(), ["0", "1", "2"]);
});
