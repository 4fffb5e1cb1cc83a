/** `nix-store`: adding, and what is said of objects one by one. Layer 5. */

import { basename, resolve } from "node:path";
import {
	type DrvPath,
	isDrvPath,
	makeFixedOutputPath,
	parseDrvPath,
	parseHash,
	parseHashAlgo,
} from "@devenv/nix-formats";
import { readBuildLog } from "@devenv/store";
import { writeOutput, writeText } from "../nix-programs/byte-output.ts";
import { failAsNix, failUsage } from "../nix-programs/nix-error.ts";
import { failInvalid, formerLogs, type ProgramStore } from "../nix-programs/program-store.ts";
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

/** Of this store, or what older versions of this program kept beside their other records. */
function findLog(world: ProgramStore, drvPath: DrvPath): Uint8Array | undefined {
	return readBuildLog([world.reading.buildLogs, formerLogs(world.layout)], drvPath);
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
