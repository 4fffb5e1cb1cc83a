/** Short turns of `scripts/conformance/faults.ts`: killed daemons, full disks, many clients, bad builders and hostile inputs. */

import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findProgram, nodeEnvironment, skip } from "@devenv/test-support";
import test from "ava";

const top = join(import.meta.dirname, "../..");
const hasHelper = existsSync(join(top, "build/native/devenv-helper"));

const turns: readonly {
	readonly args: readonly string[];
	readonly rows: number;
	readonly programs?: readonly string[];
}[] = [
	{ args: ["kill", "--kills", "5"], rows: 6, programs: ["dpkg-deb"] },
	{ args: ["disk", "--rounds", "1"], rows: 10 },
	{ args: ["clients", "--rounds", "1"], rows: 3 },
	{ args: ["builder", "--log-bytes", "20000000"], rows: 24, programs: ["gcc", "perl"] },
	{ args: ["hostile", "--inputs", "300"], rows: 5 },
];

for (const { args, rows, programs = [] } of turns) {
	test.serial(`nothing breaks: ${args.join(" ")}`, async (t) => {
		t.timeout(300_000);
		const missing = ["nix-store", "setsid", ...programs].filter((name) => findProgram(name) === undefined);
		if (missing.length > 0 || !hasHelper) {
			skip(
				t,
				missing.length > 0
					? `no ${missing.join(", no ")} here`
					: "builds with paths of the host are tried with the native helper",
			);
			return;
		}
		if (args[0] === "disk" && !canMount()) {
			skip(t, "a small tmpfs cannot be mounted here (it takes root)");
			return;
		}
		const command = [join(top, "scripts/conformance/faults.ts"), "--seed", "11", "--only", ...args];
		const { code, output } = await run(command);
		t.is(code, 0, output);
		t.is(output.match(/^.* {2} +[1-9]\d* *$/gm)?.length, rows, output);
	});
}

function canMount(): boolean {
	return (
		spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0 && process.getuid?.() === 0
	);
}

function run(args: readonly string[]): Promise<{ readonly code: number | string; readonly output: string }> {
	return new Promise((resolve) => {
		execFile(process.execPath, args, { env: nodeEnvironment(), maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
			resolve({ code: error === null ? 0 : (error.code ?? 1), output: stdout + stderr });
		});
	});
}
