/** The supervisor's program. Its argument is the file of its order (supervisor-order.ts). Layer 4. */

import { existsSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { installationVersion } from "@devenv/client";
import { DiagnosticError, renderDiagnostic } from "@devenv/diagnostics";
import packageFile from "../../package.json" with { type: "json" };
import { closeInheritedDescriptors } from "../inherited-descriptors.ts";
import { runSupervisor } from "./run-supervisor.ts";
import { takeOrder } from "./supervisor-order.ts";

const root = installationRoot();

try {
	closeInheritedDescriptors();
	const order = takeOrder(process.argv[2] ?? "");
	process.exitCode = await runSupervisor(order, {
		version: installationVersion(root, packageFile.version),
		enterProgram: [process.execPath, join(import.meta.dirname, "enter-program.ts")],
		onListening: () => {
			// Whoever started it in the background waits for this line.
			if (!order.foreground) writeSync(1, "listening\n");
		},
	});
} catch (error) {
	if (!(error instanceof DiagnosticError)) throw error;
	for (const each of error.diagnostics) process.stderr.write(renderDiagnostic(each));
	process.exitCode = 1;
}
process.exit();

function installationRoot(): string {
	let folder = import.meta.dirname;
	while (!existsSync(join(folder, "package-lock.json")) && folder !== "/") folder = dirname(folder);
	return folder;
}
