/** `devenv init`: an env.yaml to begin with. Layer 5. */

import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fail } from "@devenv/diagnostics";
import { formatEnvironmentSchema } from "@devenv/env-file";
import { Trust } from "@devenv/shell";
import { Flags } from "@oclif/core";
import { callerLayout } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { currentFolder } from "../find-project.ts";
import { installationRoot } from "../installation.ts";

const templates = ["node", "python", "go", "rust", "java", "c", "php", "ruby"] as const;

export default class Init extends DevenvCommand {
	static override summary = "Write an env.yaml in the current folder";
	static override description = [
		"The file names two packages and shows the commonest keys. `.devenv/` beside it holds what devenv keeps for the project; git ignores it.",
		"With --template, what a small program in that language needs, and the program. With --from, what another file of the project asks for: package.json, pyproject.toml, requirements.txt, go.mod, Cargo.toml, Gemfile, composer.json, .tool-versions, devbox.json, a Dockerfile's apt-get lines, flake.nix or shell.nix; comments name what has no package here. Nothing is overwritten.",
	].join("\n\n");
	static override examples = [
		"<%= config.bin %> init",
		"<%= config.bin %> init -t python",
		"<%= config.bin %> init --from package.json",
	];
	static override flags = {
		template: Flags.string({
			char: "t",
			description: "begin with a small program",
			options: [...templates],
			exclusive: ["from"],
		}),
		from: Flags.string({ description: "propose what this file asks for", helpValue: "FILE" }),
	};

	override async run(): Promise<void> {
		const { flags } = await this.parse(Init);
		const folder = currentFolder();
		refuseExisting(folder, ["env.yaml"]);
		const files =
			flags.from === undefined
				? readTemplate(flags.template ?? "default")
				: new Map([["env.yaml", await readProposal(resolve(folder, flags.from))]]);
		refuseExisting(folder, [...files.keys()]);
		for (const [name, content] of files) writeNew(join(folder, name), content);
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
				`Wrote ${[...files.keys()].join(", ")}.`,
				"",
				"  devenv search WORD   find packages to add to it",
				"  devenv shell         enter the environment",
				"",
			].join("\n"),
		);
	}
}

async function readProposal(file: string): Promise<string> {
	const { propose } = await import("../init/propose-from-file.ts");
	return propose(file);
}

/** A template's files by their paths in it, env.yaml first. */
function readTemplate(name: string): Map<string, string> {
	const folder = join(installationRoot(), "templates", name);
	const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
		.filter((path) => lstatSync(join(folder, path)).isFile())
		.sort((a, b) => Number(b === "env.yaml") - Number(a === "env.yaml") || (a < b ? -1 : 1));
	return new Map(paths.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}

function refuseExisting(folder: string, names: readonly string[]): void {
	for (const name of names) {
		const file = join(folder, name);
		if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) refuse(file);
		// Through a link it would be written elsewhere.
		const parent = dirname(file);
		if (parent !== folder && lstatSync(parent, { throwIfNoEntry: false })?.isDirectory() === false) refuse(parent);
	}
}

function refuse(file: string): never {
	return fail("INIT_EXISTS", `${file} exists already`, {
		hint: file.endsWith("/env.yaml") ? "edit it, or run `devenv shell`" : "nothing was written; use an empty folder",
	});
}

/** Never follows a link and never replaces a file. */
function writeNew(file: string, content: string): void {
	try {
		mkdirSync(dirname(file), { recursive: true });
		writeFileSync(file, content, { flag: "wx" });
	} catch (error) {
		explainWriteError(error as NodeJS.ErrnoException, file);
	}
}

function explainWriteError(error: NodeJS.ErrnoException, file: string): never {
	switch (error.code) {
		case "EEXIST":
		case "ENOTDIR":
			return refuse(file);
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
