/** `nix-copy-closure`: the drop-in for Nix's program, which copies store objects to or from a machine that ssh reaches. Layer 5. */

import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_STORE_DIR, type StorePath } from "@devenv/nix-formats";
import { type PathInfo, referencesFirst, type Store } from "@devenv/store";
import { RemoteStore } from "../nix-serve/serve-client.ts";
import { nixConfiguration } from "../nix-programs/nix-configuration.ts";
import { ArgumentReader } from "../nix-programs/nix-arguments.ts";
import { failUsage, reportFailure } from "../nix-programs/nix-error.ts";
import { ProgramStore } from "../nix-programs/program-store.ts";
import { tellAbout } from "../nix-programs/tell-about.ts";
import { writeError } from "../standard-error.ts";

const PROGRAM = "nix-copy-closure";

const usage = `Usage: nix-copy-closure [--to | --from] [USER@]HOST PATH…

Copies store objects, with all that they refer to, to or from another machine's store, by ssh.

  --to                       to that machine; what is meant where neither is said
  --from                     from it
  --include-outputs          of store derivations also the outputs that are valid
  -s, --use-substitutes      have the other machine ask its binary caches first
  --gzip                     compress on the way
  --dry-run                  say what would be copied
  --store ROOT               use the store below ROOT here
  --version, --help

NIX_SSHOPTS are further options of ssh. The other machine needs nix-store, of Nix or of devenv.
`;

interface CopyArguments {
	readonly from: boolean;
	readonly includeOutputs: boolean;
	readonly substitute: boolean;
	readonly compress: boolean;
	readonly dryRun: boolean;
	readonly host: string;
	readonly words: readonly string[];
}

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export async function runNixCopyClosure(argv: readonly string[]): Promise<number> {
	let world: ProgramStore | undefined;
	let remote: RemoteStore | undefined;
	try {
		if (await tellAbout(PROGRAM, usage, argv)) return 0;
		const reader = new ArgumentReader(PROGRAM, argv, nixConfiguration());
		const given = parseCopyArguments(reader);
		world = new ProgramStore(reader.common());
		remote = await RemoteStore.connect({
			host: given.host,
			options: (process.env["NIX_SSHOPTS"] ?? "").split(/\s+/).filter((word) => word !== ""),
			compress: given.compress,
			storeDir: world.place.storeDir ?? DEFAULT_STORE_DIR,
		});
		const paths = given.words.map((word) => (world as ProgramStore).find(word));
		if (given.from) await copyFrom(world.writing, remote, { ...given, paths });
		else await copyTo(world.reading, remote, { ...given, paths });
		return 0;
	} catch (error) {
		return reportFailure(error);
	} finally {
		await remote?.close();
		await world?.close();
	}
}

function parseCopyArguments(reader: ArgumentReader): CopyArguments {
	let [from, includeOutputs, substitute, compress, dryRun] = [false, false, false, false, false];
	const words: string[] = [];
	const own = new Set(["-s"]);
	for (let word = reader.next(own); word !== undefined; word = reader.next(own)) {
		if (word === "--from") from = true;
		else if (word === "--to") from = false;
		else if (word === "--include-outputs") includeOutputs = true;
		else if (word === "--use-substitutes" || word === "-s") substitute = true;
		else if (word === "--gzip" || word === "--bzip2" || word === "--xz") compress = true;
		else if (word === "--dry-run") dryRun = true;
		else if (word === "--show-progress") writeError("warning: '--show-progress' has no effect\n");
		else if (word.startsWith("-")) failUsage(PROGRAM, `unrecognised flag '${word}'`);
		else words.push(word);
	}
	const [host, ...rest] = words;
	if (host === undefined) failUsage(PROGRAM, "no host name specified");
	return { from, includeOutputs, substitute, compress, dryRun, host, words: rest };
}

interface CopyRequest extends Pick<CopyArguments, "includeOutputs" | "substitute" | "dryRun" | "host"> {
	readonly paths: readonly StorePath[];
}

async function copyTo(store: Store, remote: RemoteStore, request: CopyRequest): Promise<void> {
	const { substitute, host } = request;
	const closure = store.computeClosure(request.paths, { includeOutputs: request.includeOutputs });
	const there = new Set(await remote.queryValidPaths(closure, { substitute }));
	const missing = referencesFirst(
		closure.filter((path) => !there.has(path)),
		(path) => store.pathInfo(path).references,
	);
	if (tellCount(missing, `to '${host}'`, request.dryRun)) return;
	const folder = mkdtempSync(join(tmpdir(), "nix-copy-closure-"));
	try {
		for (const path of missing) {
			writeError(`copying path '${path}' to '${host}'...\n`);
			const info = store.pathInfo(path);
			await remote.add(info, narOf(store, info, join(folder, "nar")));
		}
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** Bytes of an archive up to which it is held in memory. */
const HELD_LIMIT: number = 8 * 1024 * 1024;

/** The archive of an object, a large one by way of a file. */
function narOf(
	store: Store,
	{ path, narSize }: PathInfo,
	file: string,
): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
	if (narSize <= HELD_LIMIT) {
		const pieces: Uint8Array[] = [];
		store.dumpNar(path, (piece) => pieces.push(Buffer.from(piece)));
		return pieces;
	}
	const descriptor = openSync(file, "w", 0o600);
	try {
		store.dumpNar(path, (piece) => {
			for (let at = 0; at < piece.length; ) at += writeSync(descriptor, piece, at);
		});
	} finally {
		closeSync(descriptor);
	}
	return createReadStream(file, { highWaterMark: 1 << 20 });
}

async function copyFrom(store: Store, remote: RemoteStore, request: CopyRequest): Promise<void> {
	const { host, includeOutputs, dryRun } = request;
	const closure = await remote.queryClosure(request.paths, { includeOutputs });
	for (const path of closure) store.addTempRoot(path);
	const wanted = closure.filter((path) => !store.isValid(path));
	const infos = new Map((await remote.queryPathInfos(wanted)).map((info) => [info.path, info]));
	const missing = referencesFirst(infos.keys(), (path) => infos.get(path)?.references ?? []);
	if (tellCount(missing, `from '${host}'`, dryRun)) return;
	for (const path of missing) {
		const info = infos.get(path);
		if (info === undefined) continue;
		writeError(`copying path '${path}' from '${host}'...\n`);
		await store.importNar(info, remote.dump(info));
	}
}

/** Whether that is all that is wanted. */
function tellCount(paths: readonly StorePath[], where: string, dryRun: boolean): boolean {
	if (paths.length === 0) return true;
	writeError(`copying ${paths.length} paths ${where}...\n`);
	if (dryRun) for (const path of paths) writeError(`  ${path}\n`);
	return dryRun;
}
