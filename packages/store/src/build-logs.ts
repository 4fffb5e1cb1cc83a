/**
 * Logs of builds, where real Nix has them: a plain file for each derivation, `ab/cdef…-name.drv` below one folder. Layer 2.
 *
 * Read are also the compressed ones of real Nix (`.bz2`) and of older versions of this program (`.zst`). Source of the format: Nix
 * manual, "Files and folders"; `LocalFSStore::getBuildLog` of Nix.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { zstdDecompressSync } from "node:zlib";
import { fail } from "@devenv/diagnostics";
import { storePathBase, type DrvPath } from "@devenv/nix-formats";

/** Bytes of a log after decompression by a program. */
const LARGEST: number = 2 ** 30;

/** The file of a derivation's log, below the folder of all logs. */
export function buildLogPath(folder: string, drvPath: DrvPath): string {
	const base = storePathBase(drvPath);
	return `${folder}/${base.slice(0, 2)}/${base.slice(2)}`;
}

/** What the first of these folders that has a log of it has; undefined where none does. Fails with `STORE_NO_LOG`. */
export function readBuildLog(folders: readonly string[], drvPath: DrvPath): Buffer | undefined {
	for (const folder of folders) {
		const file = buildLogPath(folder, drvPath);
		if (existsSync(file)) return readFileSync(file);
		if (existsSync(`${file}.zst`)) return zstdDecompressSync(readFileSync(`${file}.zst`));
		if (existsSync(`${file}.bz2`)) return readBzip2(`${file}.bz2`);
	}
	return undefined;
}

function readBzip2(file: string): Buffer {
	const { stdout, status } = spawnSync("bzip2", ["-dc", file], { maxBuffer: LARGEST });
	if (status === 0) return stdout;
	return fail("STORE_NO_LOG", `${file} cannot be decompressed: is bzip2 installed?`);
}
