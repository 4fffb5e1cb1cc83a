import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes } from "@devenv/protocol";
import test from "ava";
import { FakeDaemon, Refusal } from "./fake-daemon.ts";

test("a request that a daemon refuses since it is leaving is made again, not without end", async (t) => {
	let refusals = 0;
	const daemon = await FakeDaemon.start({
		"generations.list": () => {
			if (refusals-- > 0) throw new Refusal(errorCodes.retiring, undefined);
			return { project: "/p", generations: [], rolledBackTo: null };
		},
	});
	t.teardown(() => {
		daemon.close();
	});
	writeFileSync(join(daemon.project, "env.yaml"), "packages: [jq]\n");
	for (const [times, code] of [
		[2, 0],
		[3, 1],
	] as const) {
		refusals = times;
		daemon.received.length = 0;
		const outcome = await daemon.run(["history", "--json"]);
		t.is(outcome.code, code, outcome.stdout);
		t.is(daemon.received.filter((method) => method === "generations.list").length, 3);
	}
});
