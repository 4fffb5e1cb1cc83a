import { mkdirSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { findProgram, skip, temporaryFolder } from "@devenv/test-support";
import { parseDrvPath } from "@devenv/nix-formats";
import test from "ava";
import { buildLogPath, readBuildLog } from "../src/index.ts";
import { testWithNix, nixStore } from "./real-nix-program.ts";
import { addSample, sampleDerivation, sampleStore } from "./sample-store.ts";

const drvPath = parseDrvPath("/nix/store/bwdp24bvfnh8c4rg3ks2sa4r2bvg82ij-jq.drv");

test("a log lies under the first two characters of the derivation's hash", (t) => {
	t.is(buildLogPath("/log", drvPath), "/log/bw/dp24bvfnh8c4rg3ks2sa4r2bvg82ij-jq.drv");
});

function write(file: string, data: string | Uint8Array): void {
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, data);
}

test("the first folder that has one counts, whoever wrote it", (t) => {
	const [first, second] = [temporaryFolder(t), temporaryFolder(t)];
	const read = (): string | undefined => readBuildLog([first, second], drvPath)?.toString();
	t.is(read(), undefined);
	write(`${buildLogPath(second, drvPath)}.zst`, zstdCompressSync(Buffer.from("of an older version\n")));
	t.is(read(), "of an older version\n");
	write(buildLogPath(first, drvPath), "plain\n");
	t.is(read(), "plain\n");
});

test("what real Nix compressed is read, and what is damaged is a diagnostic", (t) => {
	if (findProgram("bzip2") === undefined) {
		skip(t, "there is no bzip2");
		return;
	}
	const folder = temporaryFolder(t);
	const file = `${buildLogPath(folder, drvPath)}.bz2`;
	write(file, spawnSync("bzip2", ["-c"], { input: "compressed\n" }).stdout);
	t.is(readBuildLog([folder], drvPath)?.toString(), "compressed\n");
	write(file, "not so");
	t.throws(() => readBuildLog([folder], drvPath), { message: /^STORE_NO_LOG: .*cannot be decompressed/ });
});

testWithNix("real Nix reads ours", (t) => {
	const store = sampleStore(t);
	const { path } = addSample(store, sampleDerivation("x"));
	write(buildLogPath(store.buildLogs, path), "said by a build\n");
	t.is(nixStore(store.root, ["--read-log", path]).toString(), "said by a build\n");
});
