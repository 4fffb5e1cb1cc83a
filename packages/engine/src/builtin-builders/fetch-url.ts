/**
 * `builtin:fetchurl`: one file by its hash. Attributes as of Nix's builder of that name (`url`, `outputHash`, `outputHashAlgo`,
 * `outputHashMode`, `executable`, `unpack`) and `snapshot`, the archive's time for `mirror:` URLs. Layer 3.
 */

import { chmodSync, mkdirSync, openSync, closeSync, readSync, rmSync, symlinkSync, writeSync } from "node:fs";
import { createReadStream } from "node:fs";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { DiagnosticError, fail, unreachable } from "@devenv/diagnostics";
import { type Hash, type NarEvent, NarParser, parseHash, parseHashAlgo } from "@devenv/nix-formats";
import { onDisk } from "./archives/tree-writer.ts";
import { optionalAttribute, requiredAttribute } from "./attribute.ts";
import type { BuiltinAttributes, BuiltinContext } from "./builtin-builder.ts";

/** Rejects with `FETCH_*`, `HASH_*` or `BUILTIN_ATTRIBUTE`. */
export async function fetchUrl(attributes: BuiltinAttributes, context: BuiltinContext): Promise<void> {
	const url = requiredAttribute(attributes, "url");
	const unpack = attributes.env.get("unpack") === "1";
	const executable = attributes.env.get("executable") === "1";
	const expected = flatHash(attributes);
	const snapshot = optionalAttribute(attributes, "snapshot");
	const destination = unpack ? join(context.scratch, "archive") : context.output;
	const result = await context.fetcher.fetch({
		url,
		destination,
		signal: context.signal,
		...(expected === undefined ? {} : { expected }),
		...(snapshot === undefined ? {} : { snapshot }),
		onNote: (line) => {
			context.log(line);
		},
		onProgress: (done, total) => {
			context.progress({
				phase: "fetch",
				subject: url,
				done,
				unit: "bytes",
				...(total === undefined ? {} : { total }),
			});
		},
	});
	context.log(`fetched ${result.size} bytes from ${result.url}`);
	if (unpack) await restoreArchive(destination, context.output, url);
	if (executable) chmodSync(context.output, 0o755);
}

/** The file's own hash; undefined where the output's hash is that of a tree, which only registration can check. */
function flatHash(attributes: BuiltinAttributes): Hash | undefined {
	const mode = optionalAttribute(attributes, "outputHashMode") ?? "flat";
	const text = optionalAttribute(attributes, "outputHash");
	if (text === undefined) {
		fail("BUILTIN_ATTRIBUTE", `the derivation '${attributes.name}' downloads something without saying its hash`, {
			hint: "set outputHash; a wrong one is answered with the right one",
		});
	}
	if (mode !== "flat") return undefined;
	const algo = optionalAttribute(attributes, "outputHashAlgo");
	return parseHash(text, algo === undefined ? undefined : parseHashAlgo(algo));
}

/** `unpack = "1"`: the file is a NAR, as it is or xz-compressed. */
async function restoreArchive(archive: string, output: string, url: string): Promise<void> {
	const writer = new NarWriter(output);
	const parser = new NarParser((event) => {
		writer.write(event);
	});
	try {
		for await (const chunk of narBytes(archive)) parser.push(chunk);
		parser.finish();
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		fail("FETCH_ARCHIVE", `'${url}' is not a Nix archive: ${error.diagnostics[0]?.message ?? ""}`, {
			hint: "'unpack' is for NAR files; unpack other archives in a derivation of their own",
		});
	} finally {
		writer.close();
		rmSync(archive, { force: true });
	}
}

async function* narBytes(archive: string): AsyncIterable<Buffer> {
	const head = Buffer.alloc(6);
	const fd = openSync(archive, "r");
	readSync(fd, head, 0, head.length, 0);
	closeSync(fd);
	if (head.toString("latin1") !== "\xfd7zXZ\0") {
		yield* createReadStream(archive) as AsyncIterable<Buffer>;
		return;
	}
	const child = spawn("xz", ["--decompress", "--stdout", archive], { stdio: ["ignore", "pipe", "ignore"] });
	const status = new Promise<number | null>((resolve) => {
		child.once("error", () => {
			resolve(null);
		});
		child.once("close", resolve);
	});
	yield* child.stdout as AsyncIterable<Buffer>;
	if ((await status) !== 0) fail("FETCH_ARCHIVE", "xz cannot decompress it");
}

/** NAR events to new files below a path where nothing is. */
class NarWriter {
	readonly #parents: string[] = [];
	readonly #output: string;
	/** Path below the output, as a byte string. */
	#path = "";
	#fd: number | undefined;
	#left = 0;

	constructor(output: string) {
		this.#output = output;
	}

	write(event: NarEvent): void {
		switch (event.kind) {
			case "directory":
				mkdirSync(this.#host(), 0o755);
				this.#parents.push(this.#path);
				return;
			case "entry":
				this.#path = `${this.#parents.at(-1) ?? ""}/${event.name}`;
				return;
			case "end":
				this.#path = this.#parents.pop() ?? "";
				return;
			case "file":
				this.#fd = openSync(this.#host(), "wx", event.executable ? 0o755 : 0o644);
				this.#left = event.size;
				if (event.size === 0) this.close();
				return;
			case "contents":
				for (let done = 0; done < event.bytes.length; ) {
					done += writeSync(this.#fd ?? -1, event.bytes, done, event.bytes.length - done);
				}
				this.#left -= event.bytes.length;
				if (this.#left === 0) this.close();
				return;
			case "symlink":
				symlinkSync(onDisk(event.target), this.#host());
				return;
			default:
				unreachable(event);
		}
	}

	close(): void {
		if (this.#fd !== undefined) closeSync(this.#fd);
		this.#fd = undefined;
	}

	#host(): string | Buffer {
		return onDisk(`${this.#output}${this.#path}`, this.#path);
	}
}
