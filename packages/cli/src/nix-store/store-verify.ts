/** `nix-store`: what is wrong with the store, and mending it. Layer 5. */

import { unlinkSync } from "node:fs";
import { basename } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import { equalHashes, formatHash, type Hash, type StorePath } from "@devenv/nix-formats";
import { digestTree, type VerifyFault } from "@devenv/store";
import { failUsage } from "../nix-programs/nix-error.ts";
import type { ProgramStore } from "../nix-programs/program-store.ts";
import { writeError } from "../standard-error.ts";
import { refuseArguments, refuseFlags } from "./store-archives.ts";
import type { StoreArguments } from "./store-arguments.ts";

/** Gives the exit status: 1 where something is still wrong. */
export async function verify(world: ProgramStore, { flags, args, common }: StoreArguments): Promise<number> {
	refuseArguments(args);
	refuseFlags(flags.filter((flag) => flag !== "--check-contents" && flag !== "--repair"));
	const repair = flags.includes("--repair");
	const checkContents = flags.includes("--check-contents");
	const tell = (text: string): void => {
		if (common.verbosity > 0) writeError(`${text}\n`);
	};
	tell("reading the Nix store...");
	tell("checking path existence...");
	for (const path of world.writing.forgetMissing()) tell(`path '${path}' disappeared, removing from database...`);
	if (checkContents) {
		tell("checking link hashes...");
		tell("checking store hashes...");
	}
	let unmended = 0;
	for (const fault of await world.writing.verify({ checkContents })) {
		writeError(`${describe(fault)}\n`);
		const mended = repair && (await mendFault(world, fault, (message) => writeError(`warning: ${message}\n`)));
		if (!mended) unmended += 1;
		else if (fault.kind === "link") writeError(`removed link '${fault.file}'\n`);
	}
	if (unmended > 0) writeError("warning: not all store errors were fixed\n");
	return unmended > 0 ? 1 : 0;
}

function describe(fault: VerifyFault): string {
	switch (fault.kind) {
		case "missing":
			return `path '${fault.path}' disappeared, but it still has valid referrers!`;
		case "modified":
			return describeModified(fault.path, fault);
		case "unreadable":
			return `error: ${fault.reason}`;
		case "link":
			return `link '${fault.file}' was modified! expected hash '${basename(fault.file)}', got '${fault.found}'`;
		case "database":
			return `error: the database is damaged: ${fault.reason}`;
	}
}

function describeModified(
	path: StorePath,
	{ expected, found }: { readonly expected: Hash; readonly found: Hash },
): string {
	const text = (hash: Hash): string => `sha256:${formatHash(hash, "base32")}`;
	return `path '${path}' was modified! expected hash '${text(expected)}', got '${text(found)}'`;
}

/** Whether it could be mended; `tell` is told why it could not. */
export async function mendFault(
	world: ProgramStore,
	fault: VerifyFault,
	tell: (message: string) => void,
): Promise<boolean> {
	if (fault.kind === "database") return false;
	if (fault.kind === "link") {
		unlinkSync(fault.file);
		return true;
	}
	try {
		await repairPath(world, fault.path);
		return true;
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		for (const { message } of error.diagnostics) tell(message);
		return false;
	}
}

async function repairPath(world: ProgramStore, path: StorePath): Promise<void> {
	await (await world.engine()).repair(path);
}

export async function repairPaths(world: ProgramStore, { flags, args }: StoreArguments): Promise<void> {
	if (flags.length > 0) failUsage("nix-store", "no flags expected");
	for (const word of args) await repairPath(world, world.find(word));
}

/** Gives the exit status: 1 where contents are not what was registered. */
export function verifyPaths(world: ProgramStore, { flags, args }: StoreArguments): number {
	if (flags.length > 0) failUsage("nix-store", "no flags expected");
	let status = 0;
	for (const word of args) {
		const path = world.find(word);
		const { narHash: expected } = world.info(path);
		const { narHash: found } = digestTree({ path: world.reading.physical(path) });
		if (equalHashes(found, expected)) continue;
		writeError(`${describeModified(path, { expected, found })}\n`);
		status = 1;
	}
	return status;
}
