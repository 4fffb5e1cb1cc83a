/**
 * Loops that try to break the store, the builder and the daemon; prints what was counted, and fails where anything was wrong.
 *
 * Usage: node scripts/conformance/faults.ts [--only kill|disk|builder|hostile|clients]… [--kills N] [--inputs N] [--rounds N] [--seed N].
 * `--kills` are of the daemon, over five kinds of work; `--inputs` are hostile ones, over five formats; `--rounds` are those of full
 * disks and of clients. Everything lies below the system's temporary folder. Real Nix (`nix-store`) is the judge of stores; full disks
 * take root.
 */

import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { removeFolder } from "@devenv/test-support";
import { builderLoop } from "./faults/builder.ts";
import { clientsLoop } from "./faults/clients.ts";
import { diskLoop } from "./faults/disk.ts";
import { hostileLoop } from "./faults/hostile.ts";
import { killLoop } from "./faults/kill.ts";
import { randomFrom, Tally } from "./faults/tally.ts";

const { values } = parseArgs({
	options: {
		only: { type: "string", multiple: true },
		kills: { type: "string", default: "200" },
		inputs: { type: "string", default: "10000" },
		"log-bytes": { type: "string", default: String(1 << 30) },
		rounds: { type: "string", default: "10" },
		seed: { type: "string", default: "1" },
	},
});

const folder = realpathSync(mkdtempSync(join(tmpdir(), "devenv-faults-")));
const tally = new Tally();
const random = randomFrom(Number(values.seed));
const rounds = Number(values.rounds);
const common = { random, tally, folder };
const loops: ReadonlyMap<string, () => Promise<void>> = new Map([
	["kill", () => killLoop({ ...common, kills: Number(values.kills) })],
	["disk", () => diskLoop({ ...common, rounds })],
	["builder", () => builderLoop({ ...common, logBytes: Number(values["log-bytes"]) })],
	["hostile", () => hostileLoop({ ...common, inputs: Number(values.inputs) })],
	["clients", () => clientsLoop({ ...common, rounds })],
]);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
	process.once(signal, () => {
		tally.print();
		process.exit(1);
	});
}
try {
	for (const name of values.only ?? loops.keys()) {
		const loop = loops.get(name);
		if (loop === undefined) throw new Error(`no loop '${name}': ${[...loops.keys()].join(", ")}`);
		await loop();
	}
} finally {
	removeFolder(folder);
	if (!tally.print()) process.exitCode = 1;
}
