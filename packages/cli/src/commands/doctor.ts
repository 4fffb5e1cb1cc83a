/** `devenv doctor`. Layer 5. */

import { Flags } from "@oclif/core";
import { callerEnvironment } from "../caller.ts";
import { callerLayout } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import type { Finding } from "../doctor/finding.ts";
import {
	checkDaemon,
	checkFolders,
	checkMirrors,
	checkSettings,
	checkStore,
	checkViews,
} from "../doctor/installation-checks.ts";
import { checkClock, checkKernel, checkNamespaces, checkSpace, checkWatches } from "../doctor/machine-checks.ts";
import { bwrapPath, helperPath, installationRoot } from "../installation.ts";
import { formatTable } from "../text-table.ts";

export default class Doctor extends DevenvCommand {
	static override summary = "Look whether this machine and this installation are fit, and say what to do";
	static override description =
		"Looks at the kernel, namespaces, mirrors, clock, disk space, file watches, folders, the store and the daemon (which it does not start). The exit code is 1 where something does not work.";
	static override enableJsonFlag = true;
	static override flags = {
		offline: Flags.boolean({ description: "leave the mirrors alone", default: false }),
	};

	override async run(): Promise<{ readonly findings: readonly Finding[] }> {
		const { flags } = await this.parse(Doctor);
		const layout = callerLayout();
		const root = installationRoot();
		const { finding, settings } = checkSettings(layout);
		const mirrors =
			settings === undefined || flags.offline
				? { findings: [], probes: [] }
				: await checkMirrors(settings, callerEnvironment(process.env));
		const findings: readonly Finding[] = [
			checkKernel(),
			checkNamespaces(),
			checkViews(helperPath(root), bwrapPath(root)),
			...mirrors.findings,
			checkClock(mirrors.probes),
			checkSpace("space", layout.storeRoot),
			checkWatches(),
			...checkFolders(layout),
			await checkStore(layout),
			finding,
			...(await checkDaemon(layout)),
		];
		if (findings.some(({ state }) => state === "fail")) process.exitCode = 1;
		this.print(describe(findings));
		return { findings };
	}
}

function describe(findings: readonly Finding[]): string {
	const marks = { ok: "ok", warn: "WARN", fail: "FAIL" } as const;
	const table = formatTable(findings.map(({ name, state, found }) => [marks[state], name, found]));
	const remedies = findings
		.filter(({ remedy }) => remedy !== null)
		.map(({ name, remedy }) => `${name}: ${remedy ?? ""}\n`);
	return remedies.length === 0
		? `${table}\nNothing is wrong.\n`
		: `${table}\nWhat to do:\n${remedies.map((line) => `  ${line}`).join("")}`;
}
