/** Adds texts, folders and derivations with outputs until it is killed, or nobody has done so for minutes. Arguments: root, a number that makes names new. */

import { mkdirSync, writeFileSync } from "node:fs";
import { openStore } from "../../src/index.ts";
import { addSample, sampleDerivation } from "../sample-store.ts";

const [root = "", round = ""] = process.argv.slice(2);
const store = openStore({ root });
const end = Date.now() + 180_000;
console.log("started");
for (let index = 0; Date.now() < end; index += 1) {
	const text = store.addText({ name: "text", contents: `${round} ${index}` });
	const source = `${store.scratch().path}/tree`;
	mkdirSync(source);
	for (let file = 0; file < 20; file += 1) writeFileSync(`${source}/${file}`, `${round} ${index} ${text}`);
	const tree = store.addPath({ name: "tree", source });
	const { path, outputs } = addSample(store, sampleDerivation(`x${round}-${index}`, { sources: [text, tree].sort() }));
	const out = outputs.get("out");
	if (out === undefined) throw new Error("no output");
	await store.registerOutputs([{ path: out, from: source, candidates: [text], deriver: path }]);
}
