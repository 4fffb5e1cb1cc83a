/** What `devenv add` and `devenv remove` share. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { type EditParams, editPackages, type EditResult } from "@devenv/protocol";
import { callDaemon } from "./daemon-connection.ts";
import { DevenvCommand } from "./devenv-command.ts";
import { formatTable } from "./text-table.ts";

export abstract class EditCommand extends DevenvCommand {
	/** Edits env.yaml, says what was done, and fails where the environment cannot be evaluated afterwards. */
	protected async edit(edit: EditParams["edit"], packages: readonly string[]): Promise<EditResult> {
		const project = this.projectParams();
		if (packages.length === 0) {
			fail("USAGE_PACKAGE", `there is nothing to ${edit}`, { hint: `for example: devenv ${edit} jq` });
		}
		const result = await callDaemon(editPackages, { ...project, edit, packages });
		this.print(formatEdit(edit, result));
		this.showDiagnostics(result.diagnostics);
		if (result.diagnostics.some(({ severity }) => severity === "error")) process.exitCode = 1;
		return result;
	}
}

/** For people: a line a package. */
function formatEdit(edit: EditParams["edit"], { edited, present, lockWritten }: EditResult): string {
	const rows = edited.map(({ package: name, version }) => [name, ...(version === null ? [] : [version])]);
	return [
		rows.length === 0 ? "" : `${edit === "add" ? "Added to" : "Removed from"} env.yaml:\n${formatTable(rows, "  ")}`,
		present.length === 0 ? "" : `Already in env.yaml: ${present.join(", ")}\n`,
		lockWritten ? "Wrote env.lock; commit it together with env.yaml.\n" : "",
	].join("");
}
