/** `nix-prefetch-url`: the drop-in for Nix's program. Layer 5. */

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import {
	equalHashes,
	formatHash,
	makeFixedOutputPath,
	parseHash,
	parseHashAlgo,
	type Hash,
	type HashAlgo,
	type StorePath,
} from "@devenv/nix-formats";
import { parseContentAddress, type Store } from "@devenv/store";
import { nodeEnvironment } from "../caller.ts";
import { nixConfiguration } from "../nix-programs/nix-configuration.ts";
import { writeText } from "../nix-programs/byte-output.ts";
import { ArgumentReader } from "../nix-programs/nix-arguments.ts";
import { failAsNix, failUsage, reportFailure } from "../nix-programs/nix-error.ts";
import { ProgramStore } from "../nix-programs/program-store.ts";
import { tellAbout } from "../nix-programs/tell-about.ts";
import { writeError } from "../standard-error.ts";

const PROGRAM = "nix-prefetch-url";

const usage = `Usage: nix-prefetch-url [options] URL [HASH]
       nix-prefetch-url [options] -A ATTRIBUTE [FILE]

Downloads a file into the store, unless one with this hash is there, and prints its hash.

  -A, --attr ATTRIBUTE      take the URL from a call of fetchurl in FILE (./default.nix)
  --type ALGO               md5, sha1, sha256 (unless told otherwise) or sha512
  --unpack                  unpack an archive, and hash what is in it
  --executable              make the file executable
  --name NAME               name in the store, instead of the URL's last part
  --print-path              print the store path too
  --store ROOT              use the store below ROOT
  --version, --help
`;

interface Prefetch {
	readonly url: string;
	readonly name: string | undefined;
	readonly algo: HashAlgo;
	readonly expected: Hash | undefined;
	readonly unpack: boolean;
	readonly executable: boolean;
}

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export async function runNixPrefetchUrl(argv: readonly string[]): Promise<number> {
	let world: ProgramStore | undefined;
	try {
		if (await tellAbout(PROGRAM, usage, argv)) return 0;
		const { request, printPath, store } = parsePrefetchArguments(argv);
		world = new ProgramStore({ store });
		const { path, hash } = await prefetch(world, request);
		if (!printPath) writeError(`path is '${path}'\n`);
		// As Nix: base 32, but for MD5.
		writeText(`${formatHash(hash, hash.algo === "md5" ? "base16" : "base32")}\n${printPath ? `${path}\n` : ""}`);
		return 0;
	} catch (error) {
		return reportFailure(error);
	} finally {
		await world?.close();
	}
}

const ownLetters: ReadonlySet<string> = new Set(["-A"]);

/** Fails with `USAGE`. */
function parsePrefetchArguments(argv: readonly string[]): {
	readonly request: Prefetch;
	readonly printPath: boolean;
	readonly store: string | undefined;
} {
	const reader = new ArgumentReader(PROGRAM, argv, nixConfiguration());
	let algo: HashAlgo = "sha256";
	let printPath = process.env["PRINT_PATH"] === "1";
	let [unpack, executable] = [false, false];
	let [attribute, name]: (string | undefined)[] = [];
	const words: string[] = [];
	for (let word = reader.next(ownLetters); word !== undefined; word = reader.next(ownLetters)) {
		if (word === "--type") algo = parseHashAlgo(reader.value(word));
		else if (word === "--print-path") printPath = true;
		else if (word === "-A" || word === "--attr") attribute = reader.value(word);
		else if (word === "--unpack") unpack = true;
		else if (word === "--executable") executable = true;
		else if (word === "--name") name = reader.value(word);
		else if (word.startsWith("-")) failUsage(PROGRAM, `unrecognised flag '${word}'`);
		else words.push(word);
	}
	const [first, digits, ...more] = words;
	if (more.length > 0) failUsage(PROGRAM, "too many arguments");
	const expected = digits === undefined ? undefined : parseHash(digits, /[:-]/.test(digits) ? undefined : algo);
	const { store } = reader.common();
	if (attribute !== undefined) {
		const found = evaluateCall(first ?? ".", attribute);
		const request = { url: found.url, unpack: found.recursive ?? unpack, name, algo, expected, executable };
		return { request, printPath, store };
	}
	if (first === undefined) failUsage(PROGRAM, "you must specify a URL");
	return { request: { url: first, name, algo, expected, unpack, executable }, printPath, store };
}

/** What a call of fetchurl says: its first URL, and whether the hash is that of an archive (undefined where it does not say). */
function evaluateCall(
	file: string,
	attribute: string,
): { readonly url: string; readonly recursive: boolean | undefined } {
	const urls = evaluate(file, `${attribute}.urls`);
	if (urls === undefined) failAsNix("USAGE_URL", `'${attribute}' in '${file}' has no URLs`);
	const [url] = Array.isArray(urls) ? (urls as unknown[]) : [];
	if (typeof url !== "string") failAsNix("USAGE_URL", "'urls' list is empty");
	const mode = evaluate(file, `${attribute}.outputHashMode`, "ignore");
	if (mode === undefined) writeError("warning: this does not look like a fetchurl call\n");
	return { url, recursive: mode === undefined ? undefined : mode === "recursive" };
}

/** The value of an attribute, by the drop-in for nix-instantiate; undefined where that fails, which has said why unless ignored. */
function evaluate(file: string, attribute: string, said: "inherit" | "ignore" = "inherit"): unknown {
	const main = join(import.meta.dirname, "main.cjs");
	const program = existsSync(main) ? main : join(import.meta.dirname, "../main.ts");
	const argv = ["nix-instantiate", "--eval", "--strict", "--json", file, "-A", attribute];
	const { status, stdout } = spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...argv], {
		encoding: "utf8",
		env: nodeEnvironment(process.env),
		stdio: ["ignore", "pipe", said],
	});
	return status === 0 ? (JSON.parse(stdout) as unknown) : undefined;
}

async function prefetch(
	world: ProgramStore,
	request: Prefetch,
): Promise<{ readonly path: StorePath; readonly hash: Hash }> {
	const { url, expected, unpack, executable } = request;
	const name = request.name ?? basename(url);
	if (name === "") failAsNix("USAGE_URL", `cannot figure out file name for '${url}'`);
	const method = unpack || executable ? "recursive" : "flat";
	const { storeDir } = world.reading;
	if (expected !== undefined) {
		const path = makeFixedOutputPath({ name, method, hash: expected, storeDir });
		if (world.reading.isValid(path)) return { path, hash: expected };
	}
	const store = world.writing;
	using scratch = store.scratch();
	const source = await download(world, request, scratch.path);
	const path = store.addPath({ name, source, method, algo: expected?.algo ?? request.algo });
	const hash = hashOf(store, path);
	if (expected !== undefined && !equalHashes(hash, expected)) {
		const [wanted, got] = [expected, hash].map((each) => `${each.algo}:${formatHash(each, "base32")}`);
		failAsNix("STORE_HASH_MISMATCH", `hash mismatch for '${path}'\n  expected: ${wanted}\n  got:      ${got}`);
	}
	return { path, hash };
}

/** Fetches into a folder; what is to be added. The one folder at an archive's top is what it unpacks to. */
async function download(world: ProgramStore, { url, unpack, executable }: Prefetch, folder: string): Promise<string> {
	const engine = await world.engine();
	if (!unpack) {
		const file = join(folder, "file");
		await engine.answer({ kind: "fetch", url, destination: file });
		chmodSync(file, executable ? 0o755 : 0o644);
		return file;
	}
	const unpacked = join(folder, "unpacked");
	mkdirSync(unpacked);
	await engine.answer({ kind: "unpack", url, destination: unpacked });
	return unpacked;
}

function hashOf(store: Store, path: StorePath): Hash {
	const { contentAddress = "" } = store.pathInfo(path);
	return parseContentAddress(contentAddress).hash;
}
