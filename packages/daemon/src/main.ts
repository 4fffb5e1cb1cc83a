/** The daemon's program. Takes no arguments; everything comes from the environment and the user's settings. Layer 4. */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { installationVersion } from "@devenv/client";
import packageFile from "../package.json" with { type: "json" };
import { engineService } from "./engine-requests.ts";
import { runDaemon } from "./run-daemon.ts";

const root = installationRoot();
// Where the compiled native helper is, if there was a C compiler.
const helper = join(root, "build/native/devenv-helper");

await runDaemon({
	version: installationVersion(root, packageFile.version),
	makeService: (context) => Promise.resolve(engineService(context, helper)),
});

function installationRoot(): string {
	let folder = import.meta.dirname;
	while (!existsSync(join(folder, "package-lock.json")) && folder !== "/") folder = dirname(folder);
	return folder;
}
