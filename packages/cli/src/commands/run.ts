/** `devenv run`: the project's own commands. Layer 5. */

import { fail, nearestNames } from "@devenv/diagnostics";
import { environmentInfo, type InfoResult, prepareProcesses } from "@devenv/protocol";
import { join } from "node:path";
import { enterStamp, scriptFolder } from "@devenv/shell";
import { Args, Flags } from "@oclif/core";
import { callerEnvironment, callerIds } from "../caller.ts";
import { callDaemon, callerLayout } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { bwrapPath, helperPath, installationRoot } from "../installation.ts";
import { makeErrorBlocking, writeError } from "../standard-error.ts";
import { withTrace } from "../trace/trace-file.ts";
import { formatTable } from "../text-table.ts";

export default class Run extends DevenvCommand {
	static override summary = "Run one of the project's scripts, or list them";
	static override description =
		"Runs a script that env.yaml declares under `scripts`, in the environment and in the project's folder. All that follows its name is its own: the exit code and signals pass through.";
	static override examples = [
		"<%= config.bin %> run",
		"<%= config.bin %> run test --watch",
		"<%= config.bin %> run --profile ci test",
	];
	static override usage = ["run [--profile NAME]", "run [--profile NAME] SCRIPT [ARGUMENTS...]"];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = { script: Args.string({ description: "the script, and its arguments" }) };
	static override flags = {
		profile: Flags.string({ description: "merge this profile of env.yaml over the rest", helpValue: "NAME" }),
	};

	override async run(): Promise<InfoResult["scripts"] | undefined> {
		// The parser would take options that are the script's.
		const [first = "", second] = this.argv;
		const joined = /^--profile=(.+)$/s.exec(first)?.[1];
		const chosen = joined ?? (first === "--profile" ? second : undefined);
		const own = chosen === undefined ? 0 : joined === undefined ? 2 : 1;
		const [name, ...rest] = this.argv.slice(own);
		if (name === undefined || name.startsWith("-")) return this.#list();
		const profile = chosen === undefined ? {} : { profile: chosen };
		const { project, variables } = this.projectParams();
		const prepared = await callDaemon(prepareProcesses, { project, variables, ...callerIds(), ...profile });
		this.showDiagnostics(prepared.diagnostics);
		if (prepared.lockWritten) writeError("devenv: wrote env.lock; commit it together with env.yaml\n");
		const script = prepared.scripts.find((each) => each.name === name);
		if (script === undefined) {
			const names = prepared.scripts.map((each) => each.name);
			const near = nearestNames(name, names, { most: 1 })[0];
			const known = names.length === 0 ? "env.yaml declares no `scripts`" : `declared are: ${names.join(", ")}`;
			fail("SCRIPT_UNKNOWN", `there is no script '${name}'`, {
				hint: near === undefined ? known : `did you mean '${near}'?`,
			});
		}
		const root = installationRoot();
		const helper = helperPath(root);
		process.chdir(project);
		makeErrorBlocking();
		process.exitCode = await enterStamp({
			helper,
			bwrap: bwrapPath(root),
			stamp: prepared.stamp,
			command: [
				...(script.interpreter === ""
					? ["/bin/sh", "-c", script.exec, name]
					: [join(scriptFolder(callerLayout().state, project, chosen), name)]),
				...(rest[0] === "--" ? rest.slice(1) : rest),
			],
			env: withTrace({ ...callerEnvironment(process.env), PWD: project }, helper),
		});
		return undefined;
	}

	async #list(): Promise<InfoResult["scripts"]> {
		const { profile } = (await this.parse(Run)).flags;
		const chosen = profile === undefined ? {} : { profile };
		const { scripts } = await callDaemon(environmentInfo, { ...this.projectParams(), ...chosen });
		this.print(
			scripts.length === 0
				? "env.yaml declares no scripts; for example `scripts: { test: npm test }`."
				: formatTable(scripts.map(({ name, description }) => [name, description])),
		);
		return scripts;
	}
}
