/** Places an output, prints its path and its derivation's, and waits until its input ends. Argument: root. */

import { mkdirSync, writeFileSync } from "node:fs";
import { openStore } from "../../src/index.ts";
import { addSample, sampleDerivation } from "../sample-store.ts";

const [root = ""] = process.argv.slice(2);
const store = openStore({ root });
const { path: deriver, outputs } = addSample(store, sampleDerivation("placed"));
const path = outputs.get("out");
if (path === undefined) throw new Error("no output");
const from = `${store.scratch().path}/out`;
mkdirSync(from);
writeFileSync(`${from}/file`, deriver);
store.addTempRoot(path);
store.placeOutputs([{ path, from, deriver }]);
console.log(`${path} ${deriver}`);
process.stdin.resume();
process.stdin.once("end", () => {
	store.close();
});
