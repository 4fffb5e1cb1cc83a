/** `devenv info`: what the environment of the current folder is. Layer 5. */

import { type InfoResult, environmentInfo } from "@devenv/protocol";
import { Flags } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { formatTable } from "../text-table.ts";

export default class Info extends DevenvCommand {
	static override summary = "Show the environment: its packages, inputs and variables";
	static override description = "Evaluates the environment without fetching or building it.";
	static override examples = ["<%= config.bin %> info", "<%= config.bin %> info --json"];
	static override enableJsonFlag = true;
	static override flags = {
		offline: Flags.boolean({ description: "fail rather than use the network", default: false }),
	};

	override async run(): Promise<InfoResult> {
		const { flags } = await this.parse(Info);
		const info = await callDaemon(environmentInfo, { ...this.projectParams(), offline: flags.offline });
		this.showDiagnostics(info.diagnostics);
		this.print(formatInfo(info));
		return info;
	}
}

/** For people; what is empty is left out. */
export function formatInfo(info: InfoResult): string {
	const head = formatTable([
		["name", info.name],
		["project", info.project],
		["environment", `${info.environment}${info.ready ? "" : " (not built yet)"}`],
		...(info.root === null ? [] : [["root", info.root]]),
		["store", info.storeRoot],
	]);
	const section = (title: string, rows: readonly (readonly string[])[]): string =>
		rows.length === 0 ? "" : `\n${title}\n${formatTable(rows, "  ")}`;
	return [
		head,
		section(
			"inputs",
			info.inputs.map(({ name, url, revision }) => [name, url, revision ?? "(not locked)"]),
		),
		section(
			"packages",
			info.packages.map(({ attr, name, version }) =>
				attr === name ? [attr, version] : [attr, `${version} (${name})`],
			),
		),
		section(
			"scripts",
			info.scripts.map(({ name, description }) => [name, description]),
		),
		section(
			"variables",
			info.variables.map((name) => [name]),
		),
	].join("");
}
