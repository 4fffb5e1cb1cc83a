import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import { skip } from "@devenv/test-support";
import test from "ava";
import type { IndexJob } from "../../src/debian/build-index.ts";
import { buildIndexInProcess } from "../../src/debian/index-process.ts";
import { packagesText } from "./stanzas.ts";

async function withJob(text: string, run: (job: IndexJob) => Promise<void>): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "devenv-index-process-"));
	const file = { archive: "debian", suite: "trixie", path: "dists/trixie/main/binary-amd64/Packages" } as const;
	try {
		await run({
			description: { suite: "trixie", system: "x86_64-linux", architecture: "amd64", suites: [] },
			packages: [{ ...file, contents: Buffer.from(text) }],
			folder: join(folder, "index"),
		});
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

test("writes the object and answers with its name and hash", async (t) => {
	await withJob(packagesText([{ Package: "jq" }]), async (job) => {
		const built = await buildIndexInProcess(job);
		t.is(built.name, "debian-index-trixie-x86_64-linux");
		t.regex(built.narHash, /^sha256-/);
		t.is(readFileSync(join(job.folder, "versions.json"), "utf8"), '{"jq":"1.0-1"}\n');
	});
});

test("diagnostics come back as they are", async (t) => {
	await withJob("no stanza\n", async (job) => {
		const error = await t.throwsAsync(buildIndexInProcess(job), { instanceOf: DiagnosticError });
		t.is(error.diagnostics[0]?.code, "DEBIAN_PACKAGES_MALFORMED");
	});
});

test("an abort ends the process", async (t) => {
	await withJob(packagesText([{ Package: "jq" }]), async (job) => {
		const reason = new Error("stopped");
		const controller = new AbortController();
		const building = buildIndexInProcess(job, controller.signal);
		setImmediate(() => {
			controller.abort(reason);
		});
		t.is(await t.throwsAsync(building), reason);
	});
});

test("a folder that cannot be written is told with the process's own words", async (t) => {
	await withJob(packagesText([{ Package: "jq" }]), async (job) => {
		writeFileSync(job.folder, "in the way");
		const error = await t.throwsAsync(buildIndexInProcess(job));
		t.regex(error.message, /^building the index ended with status 1: [^]*(ENOTDIR|EEXIST)/);
	});
});

test("a full disk is one diagnostic", async (t) => {
	await withJob(packagesText([{ Package: "jq" }]), async (job) => {
		const disk = dirname(job.folder);
		if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", disk]).status !== 0) {
			skip(t, "a small tmpfs cannot be mounted here (it takes root)");
			return;
		}
		try {
			const error = await t.throwsAsync(buildIndexInProcess(job), { instanceOf: DiagnosticError });
			t.deepEqual(
				error.diagnostics.map(({ code, message }) => `${code}: ${message}`),
				["DISK_FULL: the disk or quota is full"],
			);
		} finally {
			execFileSync("umount", ["--lazy", disk]);
		}
	});
});
