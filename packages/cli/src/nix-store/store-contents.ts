/** `nix-store`: adding, and what is said of objects one by one. Layer 5. */

import { existsSync, readFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { basename, join, resolve } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import {
	isDrvPath,
	makeFixedOutputPath,
	parseDrvPath,
	parseHash,
	parseHashAlgo,
	storePathBase,
	type StorePath,
} from "@devenv/nix-formats";
import { writeOutput, writeText } from "../nix-programs/byte-output.ts";
import { failAsNix, failUsage } from "../nix-programs/nix-error.ts";
import { failInvalid, logFolder, type ProgramStore } from "../nix-programs/program-store.ts";
import { refuseFlags } from "./store-archives.ts";
import type { StoreArguments } from "./store-arguments.ts";

const PROGRAM = "nix-store";

export function add(world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags);
	for (const word of args) {
		const source = resolve(word);
		writeText(`${world.writing.addPath({ name: basename(source), source })}\n`);
	}
}

export function addFixed(world: ProgramStore, { flags, args }: StoreArguments): void {
	const method = fixedMethod(flags);
	const [algo, ...words] = args;
	if (algo === undefined) failUsage(PROGRAM, "first argument must be hash algorithm");
	for (const word of words) {
		const source = resolve(word);
		const path = world.writing.addPath({ name: basename(source), source, method, algo: parseHashAlgo(algo) });
		writeText(`${path}\n`);
	}
}

export function printFixedPath(world: ProgramStore, { flags, args }: StoreArguments): void {
	const method = fixedMethod(flags);
	const [algo, digits, name, ...more] = args;
	if (algo === undefined || digits === undefined || name === undefined || more.length > 0) {
		failUsage(PROGRAM, "'--print-fixed-path' requires three arguments");
	}
	const hash = parseHash(digits, parseHashAlgo(algo));
	const { storeDir } = world.place;
	writeText(`${makeFixedOutputPath({ name, method, hash, ...(storeDir === undefined ? {} : { storeDir }) })}\n`);
}

function fixedMethod(flags: readonly string[]): "flat" | "recursive" {
	refuseFlags(flags.filter((flag) => flag !== "--recursive"));
	return flags.length > 0 ? "recursive" : "flat";
}

/** The variables and arguments of a derivation, for a shell to read. */
export function printEnvironment(world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags);
	const [word, ...more] = args;
	if (word === undefined || more.length > 0) failUsage(PROGRAM, "'--print-env' requires one derivation store path");
	const path = world.find(word);
	if (!world.reading.isValid(path)) failInvalid(path);
	const derivation = world.reading.readDerivation(parseDrvPath(path, world.reading.storeDir));
	const variables = [...derivation.env]
		.sort(([left], [right]) => (left < right ? -1 : 1))
		.map(([name, value]) => `export ${name}; ${name}=${quote(value)}\n`);
	const all = `${variables.join("")}export _args; _args='${derivation.args.map(quote).join(" ")}'\n`;
	writeOutput(Buffer.from(all, "latin1"));
}

function quote(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

/** What building said: of a derivation, or of what one made. */
export function readLog(world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags);
	for (const word of args) {
		const path = world.find(word);
		const drvPath = isDrvPath(path, world.reading.storeDir) ? path : world.reading.queryPathInfo(path)?.deriver;
		const log = drvPath === undefined ? undefined : findLog(world, drvPath);
		if (log === undefined) failAsNix("STORE_NO_LOG", `build log of derivation '${path}' is not available`);
		writeOutput(log);
	}
}

/** A build's own log, compressed, one that another program handed over, or one of real Nix on the same store. */
function findLog(world: ProgramStore, drvPath: StorePath): Uint8Array | undefined {
	const base = storePathBase(drvPath);
	const file = `${logFolder(world.layout)}/${base.slice(0, 2)}/${base.slice(2)}`;
	if (existsSync(`${file}.zst`)) return zstdDecompressSync(readFileSync(`${file}.zst`));
	if (existsSync(file)) return readFileSync(file);
	const folder = process.env["NIX_LOG_DIR"] ?? join(world.place.root, "nix/var/log/nix");
	const foreign = join(folder, "drvs", base.slice(0, 2), base.slice(2));
	if (existsSync(foreign)) return readFileSync(foreign);
	if (!existsSync(`${foreign}.bz2`)) return undefined;
	const { stdout, status } = spawnSync("bzip2", ["-dc", `${foreign}.bz2`], { maxBuffer: 2 ** 30 });
	return status === 0
		? stdout
		: failAsNix("STORE_NO_LOG", `${foreign}.bz2 cannot be decompressed: is bzip2 installed?`);
}

export function checkValidity(world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags.filter((flag) => flag !== "--print-invalid"));
	for (const word of args) {
		const path = world.find(word);
		if (world.reading.isValid(path)) continue;
		if (flags.length === 0) failInvalid(path);
		writeText(`${path}\n`);
	}
}
