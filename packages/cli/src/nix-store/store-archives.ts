/** `nix-store`: archives, export streams, and dumps of the database. Layer 5. */

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
	formatPublicKey,
	formatRegistrations,
	formatSecretKey,
	generateKey,
	parseRegistrations,
	publicKeyOf,
	type StorePath,
} from "@devenv/nix-formats";
import { dumpFiles, restoreFiles, type Store } from "@devenv/store";
import { readInput, readWholeInput, writeOutput, writeText } from "../nix-programs/byte-output.ts";
import { failUsage } from "../nix-programs/nix-error.ts";
import type { ProgramStore } from "../nix-programs/program-store.ts";
import type { StoreArguments } from "./store-arguments.ts";

const PROGRAM = "nix-store";

/** The one argument of an operation that has no flags. */
function onlyArgument({ flags, args }: StoreArguments): string {
	refuseFlags(flags);
	const [only, ...more] = args;
	return only === undefined || more.length > 0 ? failUsage(PROGRAM, "only one argument allowed") : only;
}

export function refuseFlags(flags: readonly string[]): void {
	if (flags[0] !== undefined) failUsage(PROGRAM, `unknown flag '${flags[0]}'`);
}

export function refuseArguments(args: readonly string[]): void {
	if (args.length > 0) failUsage(PROGRAM, "no arguments expected");
}

export function dump(_world: ProgramStore, given: StoreArguments): void {
	dumpFiles(resolve(onlyArgument(given)), writeOutput);
}

export async function restore(_world: ProgramStore, given: StoreArguments): Promise<void> {
	await restoreFiles(resolve(onlyArgument(given)), readInput());
}

export function exportObjects(world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags);
	const paths = args.map((word) => world.find(word));
	for (const path of paths) world.info(path);
	world.reading.exportPaths(paths, writeOutput);
}

export async function importObjects(world: ProgramStore, { flags, args }: StoreArguments): Promise<void> {
	refuseFlags(flags);
	refuseArguments(args);
	for (const path of await world.writing.importPaths(readInput())) writeText(`${path}\n`);
}

/** All that is valid, or what is named, in the form of {@link loadDatabase}. */
export function dumpDatabase(world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags);
	const paths = args.length > 0 ? args.map((word) => world.find(word)) : world.reading.queryAllValidPaths();
	for (const path of paths) world.info(path);
	writeText(registrationsOf(world.reading, paths));
}

export function registrationsOf(store: Store, paths: readonly StorePath[]): string {
	return formatRegistrations(
		paths.map((path) => {
			const { narHash: hash, narSize: size, deriver, references } = store.pathInfo(path);
			return { path, nar: { hash, size }, deriver, references };
		}),
	);
}

export async function loadDatabase(world: ProgramStore, { flags, args }: StoreArguments): Promise<void> {
	refuseFlags(flags);
	refuseArguments(args);
	await register(world.writing, { withHashes: true, reregister: true });
}

export async function registerGiven(world: ProgramStore, { flags, args }: StoreArguments): Promise<void> {
	refuseFlags(flags.filter((flag) => flag !== "--reregister" && flag !== "--hash-given"));
	refuseArguments(args);
	await register(world.writing, {
		withHashes: flags.includes("--hash-given"),
		reregister: flags.includes("--reregister"),
	});
}

async function register(
	store: Store,
	{ withHashes, reregister }: { readonly withHashes: boolean; readonly reregister: boolean },
): Promise<void> {
	const registrations = parseRegistrations(readWholeInput(), { withHashes, storeDir: store.storeDir });
	await store.registerValidity(registrations, { reregister });
}

export function generateBinaryCacheKey(_world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags);
	const [name, secretFile, publicFile, ...more] = args;
	if (name === undefined || secretFile === undefined || publicFile === undefined || more.length > 0) {
		failUsage(PROGRAM, "three arguments expected");
	}
	const secret = generateKey(name);
	writeFileSync(publicFile, formatPublicKey(publicKeyOf(secret)));
	writeFileSync(secretFile, formatSecretKey(secret), { mode: 0o600 });
}

/** Makes the store where there is none. */
export function initialise(world: ProgramStore, { flags, args }: StoreArguments): void {
	refuseFlags(flags);
	refuseArguments(args);
	world.make();
}
