/** `nix-hash`: the drop-in for Nix's program. Layer 5. */

import { resolve } from "node:path";
import { createHash } from "node:crypto";
import {
	encodeBase32,
	formatHash,
	parseHash,
	parseHashAlgo,
	type Hash,
	type HashAlgo,
	type HashFormat,
} from "@devenv/nix-formats";
import { dumpFiles, hashFile } from "@devenv/store";
import { writeText } from "../nix-programs/byte-output.ts";
import { ArgumentReader } from "../nix-programs/nix-arguments.ts";
import { failUsage, reportFailure } from "../nix-programs/nix-error.ts";
import { tellAbout } from "../nix-programs/tell-about.ts";

/** The bytes that `--truncate` leaves. */
const TRUNCATED = 20;

const usage = `Usage: nix-hash [options] PATH…
       nix-hash --to-base16|--to-base32|--to-base64|--to-sri [--type ALGO] HASH…

Prints the hash of each file's or folder's archive (NAR), or writes hashes in another notation.

  --flat                    hash the bytes of a file, not its archive
  --type ALGO               md5 (unless told otherwise), sha1, sha256 or sha512
  --base16, --base32, --base64, --sri
                            how the hash is written (base 16 unless told otherwise)
  --truncate                fold hashes into ${TRUNCATED} bytes
  --version, --help
`;

interface HashArguments {
	readonly algo: HashAlgo;
	readonly flat: boolean;
	readonly truncate: boolean;
	readonly format: HashFormat;
	/** The notation that hashes are to be written in; undefined where files are to be hashed. */
	readonly convert: HashFormat | undefined;
	readonly words: readonly string[];
}

const formats: Readonly<Record<string, HashFormat>> = {
	"--base16": "base16",
	"--base32": "base32",
	"--base64": "base64",
	"--sri": "sri",
};

const conversions: Readonly<Record<string, HashFormat>> = {
	"--to-base16": "base16",
	"--to-base32": "base32",
	"--to-base64": "base64",
	"--to-sri": "sri",
};

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export async function runNixHash(argv: readonly string[]): Promise<number> {
	try {
		if (await tellAbout("nix-hash", usage, argv)) return 0;
		const given = parseHashArguments(argv);
		for (const word of given.words) writeText(`${answer(given, word)}\n`);
		return 0;
	} catch (error) {
		return reportFailure(error);
	}
}

/** Fails with `USAGE`, and `HASH_ALGORITHM`. */
function parseHashArguments(argv: readonly string[]): HashArguments {
	const reader = new ArgumentReader("nix-hash", argv);
	let algo: HashAlgo = "md5";
	let [flat, truncate] = [false, false];
	let format: HashFormat = "base16";
	let convert: HashFormat | undefined;
	const words: string[] = [];
	for (let word = reader.next(new Set()); word !== undefined; word = reader.next(new Set())) {
		if (word === "--flat") flat = true;
		else if (word === "--truncate") truncate = true;
		else if (word === "--type") algo = parseHashAlgo(reader.value(word));
		else if (Object.hasOwn(formats, word)) format = formats[word] ?? format;
		else if (Object.hasOwn(conversions, word)) convert = conversions[word];
		else if (word.startsWith("-")) failUsage("nix-hash", `unrecognised flag '${word}'`);
		else words.push(word);
	}
	return { algo, flat, truncate, format, convert, words };
}

function answer({ algo, flat, truncate, format, convert }: HashArguments, word: string): string {
	if (convert !== undefined) return formatHash(parseHash(word, /[:-]/.test(word) ? undefined : algo), convert);
	const hash = flat ? hashFile(resolve(word), algo) : hashArchive(resolve(word), algo);
	if (!truncate || hash.bytes.length <= TRUNCATED) return formatHash(hash, format);
	return writeBytes(fold(hash.bytes), format, algo);
}

function hashArchive(path: string, algo: HashAlgo): Hash {
	const hash = createHash(algo);
	dumpFiles(path, (piece) => hash.update(piece));
	return { algo, bytes: hash.digest() };
}

/** As Nix makes the digests in store paths shorter. */
function fold(bytes: Uint8Array): Uint8Array {
	const folded = new Uint8Array(TRUNCATED);
	for (const [index, byte] of bytes.entries()) folded[index % TRUNCATED] = (folded[index % TRUNCATED] ?? 0) ^ byte;
	return folded;
}

function writeBytes(bytes: Uint8Array, format: HashFormat, algo: HashAlgo): string {
	if (format === "base32") return encodeBase32(bytes);
	const text = Buffer.from(bytes).toString(format === "base16" ? "hex" : "base64");
	return format === "sri" ? `${algo}-${text}` : text;
}
