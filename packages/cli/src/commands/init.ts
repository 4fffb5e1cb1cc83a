/** `devenv init`: an env.yaml to begin with. Layer 5. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { formatEnvironmentSchema } from "@devenv/env-file";
import { Trust } from "@devenv/shell";
import { callerLayout } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { currentFolder } from "../find-project.ts";
import { installationRoot } from "../installation.ts";

export default class Init extends DevenvCommand {
	static override summary = "Write an env.yaml in the current folder";
	static override description =
		"The file names two packages and shows the commonest keys. `.devenv/` beside it holds what devenv keeps for the project; git ignores it.";
	static override examples = ["<%= config.bin %> init"];

	override async run(): Promise<void> {
		await this.parse(Init);
		const folder = currentFolder();
		const template = readFileSync(join(installationRoot(), "templates/default/env.yaml"));
		const file = join(folder, "env.yaml");
		try {
			// Never follows a link and never replaces a file.
			writeFileSync(file, template, { flag: "wx" });
		} catch (error) {
			explainWriteError(error as NodeJS.ErrnoException, file);
		}
		const own = join(folder, ".devenv");
		if (!existsSync(own)) {
			mkdirSync(own);
			writeFileSync(join(own, ".gitignore"), "*\n", { flag: "wx" });
			writeFileSync(join(own, "env.schema.json"), formatEnvironmentSchema(), { flag: "wx" });
		}
		// Who writes a project may change it: open shells follow without being asked.
		new Trust(callerLayout().state).decide(folder, "always");
		this.print(
			[
				"Wrote env.yaml.",
				"",
				"  devenv search WORD   find packages to add to it",
				"  devenv shell         enter the environment",
				"",
			].join("\n"),
		);
	}
}

function explainWriteError(error: NodeJS.ErrnoException, file: string): never {
	switch (error.code) {
		case "EEXIST":
			return fail("INIT_EXISTS", `${file} exists already`, { hint: "edit it, or run `devenv shell`" });
		case "EACCES":
		case "EPERM":
		case "EROFS":
			return fail("INIT_UNWRITABLE", `${file} cannot be written: permission denied`, {
				hint: "use a folder that is yours",
			});
		case "ENOSPC":
		case "EDQUOT":
			return fail("DISK_FULL", `${file} cannot be written: the disk is full`);
		default:
			throw error;
	}
}
