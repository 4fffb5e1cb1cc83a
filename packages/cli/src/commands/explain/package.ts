/** `devenv explain package`. Layer 5. */

import { explainPackage, type ExplainedChain, type ExplainPackageResult } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callDaemon } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";

export default class ExplainPackage extends DevenvCommand {
	static override summary = "Say why a package is in the environment";
	static override description =
		"Shows the shortest way to it from each package that the project asks for: who depends on whom, in the packages' own words. Nothing is built for that.";
	static override examples = ["<%= config.bin %> explain package libssl3t64"];
	static override enableJsonFlag = true;
	static override args = {
		name: Args.string({
			description: "package of the environment, by its own name or as it is asked for",
			required: true,
		}),
	};
	static override flags = {
		profile: Flags.string({ description: "profile of env.yaml", helpValue: "NAME" }),
		offline: Flags.boolean({ description: "fail rather than use the network", default: false }),
	};

	override async run(): Promise<ExplainPackageResult> {
		const { args, flags } = await this.parse(ExplainPackage);
		const { offline, profile } = flags;
		const chosen = profile === undefined ? {} : { profile };
		const result = await callDaemon(explainPackage, { ...this.projectParams(), ...chosen, offline, name: args.name });
		this.showDiagnostics(result.diagnostics);
		this.print(formatReasons(result));
		return result;
	}
}

const unwritten: Readonly<Record<Exclude<ExplainedChain["start"]["kind"], "requested">, string>> = {
	essential: "essential: every environment has it",
	shell: "your shell",
	locales: "for your locale",
};

/** For people. */
export function formatReasons({ name, version, chains, more }: ExplainPackageResult): string {
	const texts = chains.map(({ start, version: own, steps }) => {
		const why = start.kind === "requested" ? (start.place ?? "asked for") : unwritten[start.kind];
		const lines = [`${start.text} ${own}   (${why})`];
		for (const [index, step] of steps.entries()) {
			const indent = "  ".repeat(index + 1);
			// What is asked for by another name is provided by the package.
			const needs = step.relation === null ? step.kind : `${step.kind} on ${step.relation}`;
			lines.push(`${indent}${needs}`, `${indent}→ ${step.name} ${step.version}`);
		}
		return `${lines.join("\n")}\n`;
	});
	const rest = more === 0 ? "" : `\nand ${more} more ${more === 1 ? "way" : "ways"}\n`;
	return `${name} ${version} is there because of\n\n${texts.join("\n")}${rest}`;
}
