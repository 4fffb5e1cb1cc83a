/** Uses a store as whoever runs it, folders without write permission included. Argument: a folder to work in. */

import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { openStore } from "../../src/index.ts";
import { addSample, sampleDerivation } from "../sample-store.ts";

const [folder = ""] = process.argv.slice(2);
const root = `${folder}/root`;
mkdirSync(`${folder}/source/deep/er`, { recursive: true });
writeFileSync(`${folder}/source/deep/er/file`, "x");
chmodSync(`${folder}/source/deep`, 0o500);
const first = openStore({ root });
const source = first.addPath({ name: "source", source: `${folder}/source` });
const { path, outputs } = addSample(first, sampleDerivation("x", { sources: [source] }));
const out = outputs.get("out");
if (out === undefined) throw new Error("no output");
const scratch = first.scratch();
mkdirSync(`${scratch.path}/out/hidden`, { recursive: true });
writeFileSync(`${scratch.path}/out/secret`, source, { mode: 0o200 });
chmodSync(`${scratch.path}/out/hidden`, 0);
chmodSync(`${scratch.path}/out`, 0o500);
const [info] = await first.registerOutputs([
	{ path: out, from: `${scratch.path}/out`, candidates: [source], deriver: path },
]);
const faults = await first.verify({ checkContents: true });
// A half-built tree that a killed process would leave, without write permission.
mkdirSync(`${scratch.path}/left/over`, { recursive: true });
chmodSync(`${scratch.path}/left`, 0o500);
scratch.remove();
first.close();

const second = openStore({ root });
const report = second.collectGarbage();
const left = [source, out].filter((each) => existsSync(second.physical(each)));
second.close();
console.log(
	JSON.stringify({
		uid: process.getuid?.(),
		references: info?.references.length,
		faults,
		deleted: report.deleted.length,
		freed: report.bytesFreed > 0,
		left,
	}),
);
