/** Runs shell text in a view that bwrap makes: `BWRAP STAMP TEXT`. For machines without the compiled helper. Layer 4. */

import { enterStamp } from "@devenv/shell";

const [bwrap = "bwrap", stamp = "", text = ""] = process.argv.slice(2);
const environment = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
process.exitCode = await enterStamp({
	helper: null,
	bwrap,
	stamp,
	command: ["/bin/sh", "-c", text],
	env: Object.fromEntries(environment),
});
