/** `devenv lock`: env.lock brought in line with env.yaml, judged, or merged. Layer 5. */

import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { lockInputs, type LockResult, resolveLock, type ResolveResult } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { currentFolder, requireProject } from "../find-project.ts";
import { formatInputChanges } from "../input-changes.ts";
import { installationRoot } from "../installation.ts";
import { installMergeDriver, readConflict, runMergeDriver } from "../lock-conflict.ts";
import { formatTable } from "../text-table.ts";

export default class Lock extends DevenvCommand {
	static override summary = "Lock the inputs that env.lock does not have, or check and merge it";
	static override description =
		"What is locked stays as it is; `devenv update` renews it. After a git conflict, --resolve takes the newer pin of each input; --install-merge-driver has git do the same by itself, in this clone and for all who have the .gitattributes line and ran it.";
	static override examples = [
		"<%= config.bin %> lock",
		{ description: "in CI: fail where env.yaml and env.lock differ", command: "<%= config.bin %> lock --check" },
		{ description: "after a merge conflict", command: "<%= config.bin %> lock --resolve" },
	];
	static override usage = [
		"lock [--offline] [--json]",
		"lock --check",
		"lock --resolve",
		"lock --install-merge-driver",
	];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = { file: Args.string({ description: "for --merge-driver: base, ours, theirs" }) };
	static override flags = {
		check: Flags.boolean({ description: "write nothing; exit code 1 where something is not locked", default: false }),
		resolve: Flags.boolean({ description: "merge the two sides of a git conflict", default: false }),
		"merge-driver": Flags.boolean({ description: "merge three files, as git calls it", default: false }),
		"install-merge-driver": Flags.boolean({ description: "have git merge env.lock this way", default: false }),
		offline: Flags.boolean({ description: "fail rather than use the network", default: false }),
	};

	override async run(): Promise<LockResult | ResolveResult | undefined> {
		const { flags, argv } = await this.parse(Lock);
		const modes = [flags.check, flags.resolve, flags["merge-driver"], flags["install-merge-driver"]];
		if (modes.filter(Boolean).length > 1) fail("USAGE_INVALID", "only one of these options can be given");
		if (argv.length > 0 !== flags["merge-driver"]) {
			fail("USAGE_INVALID", flags["merge-driver"] ? "the merge driver needs three files" : "unexpected argument");
		}
		if (flags["merge-driver"] || flags["install-merge-driver"]) {
			if (flags["merge-driver"]) mergeFiles(argv.map(String));
			else this.#install();
			return undefined;
		}
		if (flags.resolve) return this.#resolve();
		const mode = flags.check ? "check" : "write";
		const result = await callDaemon(lockInputs, { ...this.projectParams(), mode, offline: flags.offline });
		this.showDiagnostics([...result.diagnostics, ...result.differences]);
		if (result.differences.length > 0) process.exitCode = 1;
		else if (!result.written) this.print("env.lock has every input of env.yaml.");
		else this.print(`Wrote env.lock:\n${formatInputChanges(result.changes)}`);
		return result;
	}

	async #resolve(): Promise<ResolveResult> {
		const conflict = readConflict(requireProject(currentFolder()));
		if (conflict === undefined) {
			this.print("There is no conflict in env.lock.");
			return { choices: [] };
		}
		const result = await callDaemon(resolveLock, conflict);
		const rows = result.choices.map(({ input, ours, theirs, taken }) => [
			input,
			`ours ${ours ?? "(none)"}`,
			`theirs ${theirs ?? "(none)"}`,
			`→ ${taken}`,
		]);
		this.print(`Wrote env.lock:\n${formatTable(rows, "  ")}Then: git add env.lock`);
		return result;
	}

	#install(): void {
		const done = installMergeDriver(currentFolder(), join(installationRoot(), "scripts/devenv"));
		this.print(done.length === 0 ? "git merges env.lock this way already." : `Changed: ${done.join(", ")}.`);
	}
}

function mergeFiles(files: readonly string[]): void {
	const [base, ours, theirs] = files;
	if (base === undefined || ours === undefined || theirs === undefined || files.length > 3) {
		fail("USAGE_INVALID", "the merge driver needs three files: base, ours, theirs");
	}
	runMergeDriver(base, ours, theirs);
}
