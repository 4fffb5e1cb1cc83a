/** `devenv explain variable`. Layer 5. */

import { printable } from "@devenv/diagnostics";
import { explainVariable, type ExplainVariableResult, type VariableSource } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callDaemon } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";
import { formatTable } from "../../text-table.ts";

export default class ExplainVariable extends DevenvCommand {
	static override summary = "Say who sets a variable of the environment, and where";
	static override description =
		"Lists what gives it a value, the one that counts first: a line of env.yaml, env.nix or env.local.yaml, a package, a service, a file of variables (whose values are not shown), devenv itself.";
	static override examples = ["<%= config.bin %> explain variable DATABASE_URL"];
	static override enableJsonFlag = true;
	static override args = {
		name: Args.string({ description: "the variable", required: true }),
	};
	static override flags = {
		profile: Flags.string({ description: "profile of env.yaml", helpValue: "NAME" }),
		offline: Flags.boolean({ description: "fail rather than use the network", default: false }),
	};

	override async run(): Promise<ExplainVariableResult> {
		const { args, flags } = await this.parse(ExplainVariable);
		const { offline, profile } = flags;
		const chosen = profile === undefined ? {} : { profile };
		const result = await callDaemon(explainVariable, { ...this.projectParams(), ...chosen, offline, name: args.name });
		this.showDiagnostics(result.diagnostics);
		this.print(formatSources(result));
		return result;
	}
}

const kinds: Readonly<Record<VariableSource["kind"], string>> = {
	env: "env",
	package: "package",
	service: "service",
	file: "dotenv",
	devenv: "devenv",
	tool: "devenv",
};

/** For people. */
export function formatSources({ name, sources, inherited }: ExplainVariableResult): string {
	if (sources.length === 0) {
		const own = inherited ? "a shell has yours, if you have set it" : "and this environment is clean: it has none";
		return `Nothing in the project sets ${name}: ${own}.\n`;
	}
	const rows = sources.map(({ kind, place, value, note }) => [
		kinds[kind],
		place ?? "",
		value === null ? note : printable(value),
		value === null ? "" : note,
	]);
	return `${name}\n${formatTable(rows, "  ")}${sources.length > 1 ? "The first one counts.\n" : ""}`;
}
