/** Opens a store, adds a text and closes it, over and over for some seconds. Arguments: root, milliseconds. */

import { openStore } from "../../src/index.ts";

const [root = "", milliseconds = ""] = process.argv.slice(2);
const end = Date.now() + Number(milliseconds);
console.log("started");
for (let index = 0; Date.now() < end; index += 1) {
	using store = openStore({ root });
	store.addText({ name: "text", contents: `${process.pid} ${index % 5}` });
}
