/** `devenv up`. Layer 5. */

import { isatty } from "node:tty";
import { applyProcesses, type ApplyResult, type PrepareParams, prepareProcesses } from "@devenv/protocol";
import { fail } from "@devenv/diagnostics";
import { Args, Flags } from "@oclif/core";
import { callerIds } from "../caller.ts";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { formatProcesses } from "../process-table.ts";
import { writeError } from "../standard-error.ts";
import { becomeSupervisor, findSupervisor, requireSupervisor, startSupervisor } from "../supervisor-connection.ts";
import { terminalOf } from "../terminal.ts";

export default class Up extends DevenvCommand {
	static override summary = "Run the project's processes and services";
	static override description =
		"Runs what env.yaml declares under `processes` and `services`, each after what it waits for, on this terminal until Ctrl-C, or in the background with -d. Where they run already, what changed in env.yaml is started again and the rest goes on; all are where a variable of the project changed. What only packages changed takes effect at the next start (`devenv processes restart NAME`). A caller who is root runs them as an ordinary user, as `devenv shell --user` does, since servers refuse to run as root.";
	static override examples = ["<%= config.bin %> up", "<%= config.bin %> up -d postgres"];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = {
		processes: Args.string({ description: "processes to run, with what they come after (default: all)" }),
	};
	static override flags = {
		detach: Flags.boolean({
			char: "d",
			description: "run them in the background; `devenv down` ends them",
			default: false,
		}),
		profile: Flags.string({ description: "merge this profile of env.yaml over the rest", helpValue: "NAME" }),
	};

	override async run(): Promise<ApplyResult | undefined> {
		const { flags, argv } = await this.parse(Up);
		const names = argv as string[];
		const { project, variables } = this.projectParams();
		const ids = callerIds();
		const params: PrepareParams = { project, variables, ...ids, asUser: ids.uid === 0, ...profileParam(flags) };
		const { stamp, processes, diagnostics, lockWritten } = await callDaemon(prepareProcesses, params);
		this.showDiagnostics(diagnostics);
		if (lockWritten) writeError("devenv: wrote env.lock; commit it together with env.yaml\n");
		if (processes.length === 0) {
			fail("PROCESSES_NONE", "env.yaml declares no processes", {
				hint: "for example `processes: { web: npm start }` or `services: { postgres: true }`",
			});
		}
		const known = processes.map(({ name }) => name);
		for (const name of names) {
			if (!known.includes(name)) {
				fail("PROCESS_UNKNOWN", `there is no process '${name}'`, { hint: `declared are: ${known.join(", ")}` });
			}
		}
		const running = await findSupervisor(project);
		const asked = { project, stamp, processes, names };
		if (running === undefined) {
			if (!flags.detach) {
				process.exitCode = await becomeSupervisor(asked, terminalOf(isatty(1), process.env).color);
				return undefined;
			}
			await startSupervisor(asked);
		}
		const supervisor = running ?? (await requireSupervisor(project));
		try {
			const result = await supervisor.call(applyProcesses, { stamp, processes, names });
			if (running !== undefined) this.print(summary(result));
			this.print(formatProcesses(result.processes));
			if (running === undefined) this.print("`devenv processes logs -f` shows what they say, `devenv down` ends them.");
			return result;
		} finally {
			supervisor.close();
		}
	}
}

function profileParam({ profile }: { readonly profile?: string | undefined }): Pick<PrepareParams, "profile"> {
	return profile === undefined ? {} : { profile };
}

function summary({ started, restarted, ended, supervisor }: ApplyResult): string {
	const parts = [
		["started", started],
		["started again", restarted],
		["ended", ended],
	] as const;
	const said = parts.filter(([, names]) => names.length > 0).map(([verb, names]) => `${verb}: ${names.join(", ")}`);
	return `They run already (process ${supervisor})${said.length === 0 ? ", unchanged" : `; ${said.join("; ")}`}.`;
}
