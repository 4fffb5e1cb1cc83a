/** `devenv update`: pins the newest state of inputs. Layer 5. */

import { type PackageChange, type UpdateResult, updateInputs } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { formatInputChanges } from "../input-changes.ts";
import { formatTable } from "../text-table.ts";

/** Dependencies shown one by one. */
const MOST_DEPENDENCIES = 20;

export default class Update extends DevenvCommand {
	static override summary = "Pin the newest state of the inputs in env.lock";
	static override description =
		"Shows what changes for this project: versions of its packages, and what their dependencies gain and lose. Where the environment could not be evaluated any more, nothing is written.";
	static override examples = [
		"<%= config.bin %> update",
		"<%= config.bin %> update debian --dry-run",
		{ description: "the state at the end of a day", command: "<%= config.bin %> update --to 2026-11-01" },
	];
	static override strict = false;
	static override enableJsonFlag = true;
	static override args = { input: Args.string({ description: "names of inputs; all when left out" }) };
	static override flags = {
		"dry-run": Flags.boolean({ char: "n", description: "say what would change, and write nothing", default: false }),
		to: Flags.string({
			description:
				"pin this instead of the newest state: a date for Debian's archive (needs a snapshot archive), a revision for git",
			helpValue: "DATE|REV",
		}),
	};

	override async run(): Promise<UpdateResult> {
		const { flags, argv } = await this.parse(Update);
		const dryRun = flags["dry-run"];
		const result = await callDaemon(updateInputs, {
			...this.projectParams(),
			inputs: argv.map(String),
			dryRun,
			...(flags.to === undefined ? {} : { to: flags.to }),
		});
		this.showDiagnostics(result.diagnostics);
		if (result.changes.length === 0) this.print("Nothing has changed.");
		else {
			this.print(`${dryRun ? "env.lock would change:" : "Updated env.lock:"}\n${formatInputChanges(result.changes)}`);
			if (result.packages !== null) this.print(formatPackages(result.packages));
		}
		return result;
	}
}

/** For people: requested packages, then a limited number of dependencies. */
function formatPackages(changes: readonly PackageChange[]): string {
	if (changes.length === 0) return "No package of this environment has changed.\n";
	const requested = changes.filter((change) => change.requested);
	const others = changes.filter((change) => !change.requested);
	const table = (list: readonly PackageChange[]): string => formatTable(list.map(formatChange), "  ");
	const more = others.length - MOST_DEPENDENCIES;
	return [
		requested.length === 0 ? "" : `packages\n${table(requested)}`,
		others.length === 0 ? "" : `dependencies\n${table(others.slice(0, MOST_DEPENDENCIES))}`,
		more > 0 ? `  … and ${more} more; --json has them all\n` : "",
	].join("");
}

function formatChange({ name, from, to }: PackageChange): readonly [string, string] {
	if (from === null) return [name, `+ ${to ?? ""}`];
	return [name, to === null ? `- ${from}` : `${from} → ${to}`];
}
