/** `nix-store --serve`: this machine's store for others that come by ssh, on standard input and output. Layer 5. */

import type { BuildResult, BuildWishes, Realisation } from "@devenv/engine";
import { fail } from "@devenv/diagnostics";
import {
	type ByteSource,
	type DrvPath,
	formatHash,
	isDrvPath,
	parseDrvPath,
	parseHash,
	parseStorePath,
	ProtocolError,
	readBasicDerivation,
	readStorePaths,
	type StorePath,
	WireEncoder,
} from "@devenv/nix-formats";
import { type Store, StreamSource } from "@devenv/store";
import { writeOutput } from "../nix-programs/byte-output.ts";
import { failAsNix, failUsage } from "../nix-programs/nix-error.ts";
import type { ProgramStore } from "../nix-programs/program-store.ts";
import type { StoreArguments } from "../nix-store/store-arguments.ts";
import { commands, SERVE_ANSWER, SERVE_MAGIC, SERVE_MAJOR, SERVE_MINOR, SERVE_VERSION } from "./serve-protocol.ts";

/** Answers until the other side leaves. Fails with `STORE_SERVE` and what the requests fail with. */
export async function serve(world: ProgramStore, { flags, args }: StoreArguments): Promise<void> {
	const unknown = flags.find((flag) => flag !== "--write");
	if (unknown !== undefined) failUsage("nix-store", `unknown flag '${unknown}'`);
	if (args.length > 0) failUsage("nix-store", "no arguments expected");
	const gone = new AbortController();
	const source = new StreamSource(process.stdin, () => {
		gone.abort(new Error("the other side left"));
	});
	try {
		await new Server(world, { source, signal: gone.signal, writes: flags.includes("--write") }).run();
	} catch (error) {
		// In the middle of a build: nobody is there any more to be told.
		if (gone.signal.aborted && (await isCancelled(error, gone.signal))) return;
		if (error instanceof ProtocolError) fail("STORE_SERVE", `what came is not of the protocol: ${error.message}`);
		throw error;
	} finally {
		process.stdin.destroy();
	}
}

async function isCancelled(error: unknown, signal: AbortSignal): Promise<boolean> {
	if (error === signal.reason) return true;
	const { BuildCancelled } = await import("@devenv/engine");
	return error instanceof BuildCancelled;
}

class Server {
	readonly #world: ProgramStore;
	readonly #store: Store;
	readonly #source: StreamSource;
	readonly #signal: AbortSignal;
	readonly #writes: boolean;
	/** The minor version that both sides speak. */
	#minor = 0;

	constructor(
		world: ProgramStore,
		options: { readonly source: StreamSource; readonly signal: AbortSignal; readonly writes: boolean },
	) {
		this.#world = world;
		this.#store = options.writes ? world.writing : world.reading;
		this.#source = options.source;
		this.#signal = options.signal;
		this.#writes = options.writes;
	}

	async run(): Promise<void> {
		const source = this.#source;
		if ((await source.number()) !== SERVE_MAGIC) throw new ProtocolError("it begins otherwise");
		writeOutput(new WireEncoder().number(SERVE_ANSWER, SERVE_VERSION).take());
		const version = await source.number();
		if (version >> 8 !== SERVE_MAJOR)
			throw new ProtocolError(`version ${version >> 8}.${version & 0xff} is not spoken here`);
		this.#minor = Math.min(version & 0xff, SERVE_MINOR);
		while (await source.hasMore()) {
			const sink = new WireEncoder();
			await this.#answer(await source.number(), sink);
			writeOutput(sink.take());
		}
	}

	async #answer(command: number, sink: WireEncoder): Promise<void> {
		switch (command) {
			case commands.queryValidPaths:
				return this.#queryValidPaths(sink);
			case commands.queryPathInfos:
				return this.#queryPathInfos(sink);
			case commands.dumpStorePath:
				this.#store.dumpNar(parseStorePath(await this.#source.string(), this.#store.storeDir), writeOutput);
				return;
			case commands.importPaths:
				return this.#importPaths(sink);
			case commands.exportPaths: {
				await this.#source.number(); // whether to sign, of old times
				this.#store.exportPaths(await readStorePaths(this.#source, this.#store.storeDir), writeOutput);
				return;
			}
			case commands.buildPaths:
				return this.#buildPaths(sink);
			case commands.queryClosure: {
				const includeOutputs = await this.#source.boolean();
				const paths = await readStorePaths(this.#source, this.#store.storeDir);
				sink.strings(this.#store.computeClosure(paths, { includeOutputs }));
				return;
			}
			case commands.buildDerivation:
				return this.#buildDerivation(sink);
			case commands.addToStoreNar:
				return this.#addToStoreNar(sink);
			default:
				throw new ProtocolError(`there is no command ${command}`);
		}
	}

	async #queryValidPaths(sink: WireEncoder): Promise<void> {
		const [lock, substitute] = [await this.#source.boolean(), await this.#source.boolean()];
		const paths = await readStorePaths(this.#source, this.#store.storeDir);
		if (lock && this.#writes) for (const path of paths) this.#store.addTempRoot(path);
		if (substitute && this.#writes && this.#store.queryValidPaths(paths).length < paths.length) {
			const engine = await this.#world.engine();
			await engine.substitute(paths, { signal: this.#signal });
		}
		sink.strings(this.#store.queryValidPaths(paths));
	}

	async #queryPathInfos(sink: WireEncoder): Promise<void> {
		for (const path of await readStorePaths(this.#source, this.#store.storeDir)) {
			const info = this.#store.queryPathInfo(path);
			if (info === undefined) continue;
			sink
				.string(path)
				.string(info.deriver ?? "")
				.strings(info.references);
			sink.number(info.narSize, info.narSize); // to be downloaded, and then
			if (this.#minor < 4) continue;
			sink
				.string(`sha256:${formatHash(info.narHash, "base32")}`)
				.string(info.contentAddress ?? "")
				.strings(info.signatures);
		}
		sink.string("");
	}

	/** What clients of old times send, and build farms. */
	async #importPaths(sink: WireEncoder): Promise<void> {
		this.#requireWriting("importing paths");
		await this.#store.importPaths(this.#source.pieces(), (rest) => {
			this.#source.putBack(rest);
		});
		sink.number(1);
	}

	async #addToStoreNar(sink: WireEncoder): Promise<void> {
		this.#requireWriting("importing paths");
		const { storeDir } = this.#store;
		const path = parseStorePath(await this.#source.string(), storeDir);
		const deriver = await this.#source.string();
		const narHash = parseHash(await this.#source.string(), "sha256");
		const references = await readStorePaths(this.#source, storeDir);
		await this.#source.number(); // the time of registration is ours
		const narSize = await this.#source.number();
		await this.#source.boolean(); // whether it was built there
		const signatures = await this.#source.strings();
		const contentAddress = await this.#source.string();
		const nar = this.#source.stream(narSize);
		this.#store.addTempRoot(path);
		if (this.#store.isValid(path)) for await (const _ of nar);
		else {
			await this.#store.importNar(
				{
					path,
					narHash,
					narSize,
					references,
					signatures,
					...(isDrvPath(deriver, storeDir) ? { deriver } : {}),
					...(contentAddress === "" ? {} : { contentAddress }),
				},
				nar,
			);
		}
		sink.number(1);
	}

	async #buildPaths(sink: WireEncoder): Promise<void> {
		this.#requireWriting("building paths");
		const wanted = new Map<DrvPath, readonly string[]>();
		const others: StorePath[] = [];
		for (const word of await this.#source.strings()) {
			const [text = "", names] = word.split("!", 2);
			const path = parseStorePath(text, this.#store.storeDir);
			this.#store.addTempRoot(path);
			if (!isDrvPath(path, this.#store.storeDir)) others.push(path);
			else wanted.set(path, this.#outputsOf(path, names));
		}
		const { wishes, onEvent } = await this.#readSettings();
		const { buildResultOf } = await import("@devenv/engine");
		const engine = await this.#world.engine();
		const signal = this.#signal;
		const result = await buildResultOf(async () => {
			await engine.substitute(others, { signal, onEvent });
			const lacking = others.find((path) => !this.#store.isValid(path));
			if (lacking !== undefined) failAsNix("STORE_NOWHERE", `don't know how to build path '${lacking}'`);
			await engine.realiseOutputs(wanted, { signal, onEvent, wishes });
		});
		sink.number(result.status);
		if (result.message !== "") sink.string(bytes(result.message));
	}

	#outputsOf(drvPath: DrvPath, names: string | undefined): readonly string[] {
		if (names !== undefined && names !== "*" && names !== "") return names.split(",");
		return [...this.#store.readDerivation(drvPath).outputs.keys()];
	}

	async #buildDerivation(sink: WireEncoder): Promise<void> {
		this.#requireWriting("building paths");
		const { storeDir } = this.#store;
		const drvPath = parseDrvPath(await this.#source.string(), storeDir);
		const derivation = await readBasicDerivation(this.#source, drvPath, storeDir);
		const { wishes, onEvent } = await this.#readSettings();
		const { buildResultOf, realisationsOf } = await import("@devenv/engine");
		for (const { path } of derivation.outputs.values()) if (path !== "") this.#store.addTempRoot(path);
		const engine = await this.#world.engine();
		const signal = this.#signal;
		const result: BuildResult = await buildResultOf(() =>
			engine.buildDerivation(drvPath, derivation, { signal, onEvent, wishes }),
		);
		sink.number(result.status).string(bytes(result.message));
		if (this.#minor >= 3) sink.number(result.message === "" ? 1 : 0, 0, result.started, result.stopped);
		if (this.#minor < 6) return;
		const made: Realisation[] =
			result.message === "" ? realisationsOf(this.#store, derivation, [...derivation.outputs.keys()]) : [];
		sink.list(made, ([id, json]) => sink.string(id).string(json));
	}

	/** How the other side wants its builds; what they say goes to its terminal, or to its log. */
	async #readSettings(): Promise<{ readonly wishes: BuildWishes; readonly onEvent: Listener }> {
		const source: ByteSource = this.#source;
		const [silence, timeout] = [await source.amount(), await source.amount()];
		const log = this.#minor >= 2 ? await source.amount() : 0;
		// How often to build, and whether results must be the same: of old times.
		if (this.#minor >= 3) for (let index = 0; index < 2; index++) await source.amount();
		const keepFailed = this.#minor >= 7 && (await source.boolean());
		const { tellEvents } = await import("../nix-store/store-realise.ts");
		const limits = {
			...(isLimit(silence) && { silentMs: silence * 1000 }),
			...(isLimit(timeout) && { timeoutMs: timeout * 1000 }),
			...(isLimit(log) && { logBytes: log }),
		};
		const show = tellEvents(false);
		const onEvent: Listener = (event) => {
			if (event.kind === "log") show(event);
		};
		return { wishes: { keepFailed, limits }, onEvent };
	}

	#requireWriting(what: string): void {
		if (!this.#writes) failAsNix("STORE_SERVE", `${what} is not allowed`);
	}
}

type Listener = ReturnType<typeof import("../nix-store/store-realise.ts").tellEvents>;

function isLimit(value: number): boolean {
	return value > 0 && Number.isSafeInteger(value * 1000);
}

function bytes(text: string): string {
	return Buffer.from(text, "utf8").toString("latin1");
}
