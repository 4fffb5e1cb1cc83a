/** Adds texts and collects garbage until it is killed, so that it is mostly in the midst of collecting. Argument: root. */

import { openStore } from "../../src/index.ts";

const [root = ""] = process.argv.slice(2);
console.log("started");
for (let round = 0; ; round += 1) {
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
