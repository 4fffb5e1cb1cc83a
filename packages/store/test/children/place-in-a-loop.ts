/** Places outputs, and registers each after a while, until it is killed, or nobody has done so for minutes. Arguments: root, a number that makes names new. */

import { mkdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openStore } from "../../src/index.ts";
import { addSample, sampleDerivation } from "../sample-store.ts";

const [root = "", round = ""] = process.argv.slice(2);
const store = openStore({ root });
const end = Date.now() + 180_000;
console.log("started");
for (let index = 0; Date.now() < end; index += 1) {
	const { path: deriver, outputs } = addSample(store, sampleDerivation(`x${round}-${index}`));
	const path = outputs.get("out");
	if (path === undefined) throw new Error("no output");
	const from = `${store.scratch().path}/out`;
	mkdirSync(from);
	for (let file = 0; file < 100; file += 1) writeFileSync(`${from}/${file}`, `${deriver} ${file}`);
	store.placeOutputs([{ path, from, deriver }]);
	await sleep(20);
	await store.registerOutputs([{ path, from: store.physical(path), candidates: [deriver], deriver }]);
}
