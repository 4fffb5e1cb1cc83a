/**
 * Holds something until its input ends. Arguments: root, then `lock`, `scratch` or `text` and what it needs; prints
 * what it holds.
 */

import { writeFileSync } from "node:fs";
import { parseStorePath } from "@devenv/nix-formats";
import { openStore } from "../../src/index.ts";

const [root = "", what = "", argument = ""] = process.argv.slice(2);
const store = openStore({ root });
if (what === "lock") {
	await store.lock([parseStorePath(argument)]);
	console.log(argument);
} else if (what === "scratch") {
	const { path } = store.scratch();
	writeFileSync(`${path}/half-written`, "x");
	console.log(path);
} else {
	console.log(store.addText({ name: "text", contents: argument }));
}
process.stdin.resume();
process.stdin.once("end", () => {
	store.close();
});
