/** Adds texts and collects garbage until it is killed (or nobody has done so for minutes), so that it is mostly in the midst of collecting. Argument: root. */

import { openStore } from "../../src/index.ts";

const [root = ""] = process.argv.slice(2);
const end = Date.now() + 180_000;
console.log("started");
for (let round = 0; Date.now() < end; round += 1) {
	const adding = openStore({ root });
	let last = adding.addText({ name: "text", contents: `${process.pid} ${round}` });
	for (let index = 0; index < 30; index += 1) {
		last = adding.addText({ name: "text", contents: `${last} ${index}`, references: [last] });
	}
	adding.close();
	const collecting = openStore({ root });
	collecting.collectGarbage();
	collecting.close();
}
