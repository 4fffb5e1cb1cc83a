/**
 * The store of another machine, where `nix-store --serve` is asked by ssh. Layer 5.
 *
 * As with Nix, NIX_SSHOPTS are options for ssh, and `localhost` is reached without it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fail } from "@devenv/diagnostics";
import {
	type DrvPath,
	formatHash,
	isDrvPath,
	NarParser,
	parseHash,
	parseStorePath,
	ProtocolError,
	readStorePaths,
	type StorePath,
	WireEncoder,
} from "@devenv/nix-formats";
import { type NarImport, type PathInfo, StreamSource } from "@devenv/store";
import { commands, SERVE_ANSWER, SERVE_MAGIC, SERVE_MAJOR, SERVE_MINOR, SERVE_VERSION } from "./serve-protocol.ts";

/** Below that, hashes of archives are not told, and objects are sent otherwise. */
const OLDEST_MINOR = 5;

export interface RemotePlace {
	/** `host` or `user@host`. */
	readonly host: string;
	/** `NIX_SSHOPTS`. */
	readonly options: readonly string[];
	readonly compress: boolean;
	readonly storeDir: string;
}

export class RemoteStore {
	readonly #place: RemotePlace;
	readonly #child: ChildProcess;
	readonly #output: Writable;
	readonly #source: StreamSource;
	#ended = false;

	private constructor(
		place: RemotePlace,
		child: ChildProcess,
		pipes: { readonly input: Readable; readonly output: Writable },
	) {
		this.#place = place;
		this.#child = child;
		this.#output = pipes.output;
		// A far side that leaves is seen by who reads from it.
		this.#output.on("error", () => undefined);
		this.#source = new StreamSource(pipes.input, () => {
			this.#ended = true;
		});
	}

	/** Fails with `STORE_SSH`. */
	static async connect(place: RemotePlace): Promise<RemoteStore> {
		const { host } = place;
		if (host === "" || host.startsWith("-")) fail("STORE_SSH", `invalid SSH host name '${host}'`);
		const command = "nix-store --serve --write";
		const [program = "", ...args] =
			host === "localhost"
				? ["sh", "-c", command]
				: ["ssh", host, "-x", "-a", ...place.options, ...(place.compress ? ["-C"] : []), command];
		const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
		const started = new Promise<void>((resolve, reject) => {
			child.once("spawn", resolve).once("error", reject);
		});
		try {
			await started;
		} catch (error) {
			fail("STORE_SSH", `cannot start ${program}: ${(error as Error).message}`);
		}
		const store = new RemoteStore(place, child, { input: child.stdout, output: child.stdin });
		await store.#asking(async () => {
			await store.#send(new WireEncoder().number(SERVE_MAGIC, SERVE_VERSION));
			if ((await store.#source.number()) !== SERVE_ANSWER) throw new ProtocolError("its greeting is another");
			const version = await store.#source.number();
			const minor = Math.min(version & 0xff, SERVE_MINOR);
			if (version >> 8 !== SERVE_MAJOR || minor < OLDEST_MINOR) {
				throw new ProtocolError(`it speaks version ${version >> 8}.${version & 0xff}, which is not spoken here`);
			}
		});
		return store;
	}

	/** Those of the paths that are valid there; `substitute` has it ask its binary caches first. */
	queryValidPaths(paths: readonly StorePath[], { substitute }: { readonly substitute: boolean }): Promise<StorePath[]> {
		return this.#asking(async () => {
			await this.#send(
				new WireEncoder().number(commands.queryValidPaths).boolean(true).boolean(substitute).strings(paths),
			);
			return readStorePaths(this.#source, this.#place.storeDir);
		});
	}

	queryClosure(
		paths: readonly StorePath[],
		{ includeOutputs }: { readonly includeOutputs: boolean },
	): Promise<StorePath[]> {
		return this.#asking(async () => {
			await this.#send(new WireEncoder().number(commands.queryClosure).boolean(includeOutputs).strings(paths));
			return readStorePaths(this.#source, this.#place.storeDir);
		});
	}

	/** What is known there of those of the paths that are valid. */
	queryPathInfos(paths: readonly StorePath[]): Promise<NarImport[]> {
		return this.#asking(async () => {
			const { storeDir } = this.#place;
			const source = this.#source;
			await this.#send(new WireEncoder().number(commands.queryPathInfos).strings(paths));
			const infos: NarImport[] = [];
			for (let path = await source.string(); path !== ""; path = await source.string()) {
				const deriver = await source.string();
				const references = await readStorePaths(source, storeDir);
				await source.amount(); // to be downloaded
				const narSize = await source.number();
				const narHash = parseHash(await source.string());
				const contentAddress = await source.string();
				const signatures = await source.strings();
				infos.push({
					path: parseStorePath(path, storeDir),
					narHash,
					narSize,
					references,
					signatures,
					...(isDrvPath(deriver, storeDir) ? { deriver: deriver satisfies DrvPath } : {}),
					...(contentAddress === "" ? {} : { contentAddress }),
				});
			}
			return infos;
		});
	}

	/** The archive of an object that is valid there; has to be read to its end. */
	async *dump({ path, narSize }: NarImport): AsyncGenerator<Buffer> {
		await this.#send(new WireEncoder().number(commands.dumpStorePath).string(path));
		const parser = new NarParser(() => undefined);
		try {
			for await (const piece of this.#source.stream(narSize)) {
				parser.push(piece);
				yield piece;
			}
			parser.finish();
		} catch (error) {
			this.#fail(error);
		}
	}

	/** Sends an object with its archive; what it refers to is valid there. */
	add(info: PathInfo, nar: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
		return this.#asking(async () => {
			const sink = new WireEncoder()
				.number(commands.addToStoreNar)
				.string(info.path)
				.string(info.deriver ?? "");
			sink.string(formatHash(info.narHash, "base16")).strings(info.references);
			sink.number(info.registrationTime, info.narSize).boolean(info.ultimate);
			sink.strings(info.signatures).string(info.contentAddress ?? "");
			await this.#send(sink);
			for await (const piece of nar) await this.#write(piece);
			if ((await this.#source.number()) !== 1) throw new ProtocolError(`it did not take ${info.path}`);
		});
	}

	/** Ends the connection. */
	async close(): Promise<void> {
		this.#output.end();
		if (this.#child.exitCode === null && this.#child.signalCode === null) {
			await new Promise((resolve) => this.#child.once("exit", resolve));
		}
	}

	async #send(sink: WireEncoder): Promise<void> {
		await this.#write(sink.take());
	}

	async #write(bytes: Uint8Array): Promise<void> {
		if (this.#ended || this.#output.destroyed || this.#output.write(bytes)) return;
		await new Promise<void>((resolve) => {
			const done = (): void => {
				this.#output.removeListener("drain", done).removeListener("close", done);
				resolve();
			};
			this.#output.on("drain", done).on("close", done);
		});
	}

	async #asking<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			return this.#fail(error);
		}
	}

	/** What the far side said of its failure went to our standard error. */
	#fail(error: unknown): never {
		if (!(error instanceof ProtocolError)) throw error;
		const { host } = this.#place;
		fail("STORE_SSH", `the store at '${host}' cannot be used: ${error.message}`, {
			hint: `what went wrong there stands above; \`ssh ${host} nix-store --version\` has to work, without a word besides`,
		});
	}
}
