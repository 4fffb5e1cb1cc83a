/** `devenv shims`: launchers of the environment's programs for what cannot enter a shell. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { printEnvironment } from "@devenv/protocol";
import { callerIds } from "../caller.ts";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";

export interface ShimsResult {
	/** The folder of shims. */
	readonly folder: string;
}

export default class Shims extends DevenvCommand {
	static override summary = "Print a folder with a launcher for each program of the environment";
	static override description = [
		"Each launcher runs its program inside the environment, in milliseconds, for whoever cannot enter `devenv shell`: an editor, a git hook, a cron job. Programs that every system has are left out.",
		"They are of the last content that was allowed (`devenv allow`), and are renewed by this command, by `devenv print-env`, and while something follows the project. The folder lies outside the project, where a repository cannot put a program of its own.",
	].join("\n\n");
	static override examples = [
		'git config core.hooksPath .hooks && PATH="$(<%= config.bin %> shims):$PATH" git commit',
		"<%= config.bin %> shims --json",
	];
	static override enableJsonFlag = true;

	override async run(): Promise<ShimsResult> {
		await this.parse(Shims);
		const { report, diagnostics } = await callDaemon(printEnvironment, {
			...this.projectParams(),
			...callerIds(),
			consent: "needed",
		});
		this.showDiagnostics(diagnostics);
		const [folder] = report.path;
		if (folder === undefined) {
			return fail("SHIMS_UNSUPPORTED", "there are no shims, since the native helper was not built", {
				hint: "install a C compiler and run `scripts/install` in devenv's folder again; until then: `devenv shell -- PROGRAM`",
			});
		}
		this.print(folder);
		return { folder };
	}
}
