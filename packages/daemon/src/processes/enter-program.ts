/** Runs shell text in a view that bwrap makes: `BWRAP STAMP TEXT`. For machines without the compiled helper. Layer 4. */

import { enterStamp } from "@devenv/shell";
import { unpackLibraries } from "./carried-libraries.ts";

const [bwrap = "bwrap", stamp = "", text = ""] = process.argv.slice(2);
process.exitCode = await enterStamp({
	helper: null,
	bwrap,
	stamp,
	command: ["/bin/sh", "-c", text],
	env: unpackLibraries(process.env),
});
