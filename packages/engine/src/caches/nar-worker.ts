/** The thread of {@link NarThread}: one command after the other. Layer 3. */

import { createHash } from "node:crypto";
import { closeSync, createReadStream, openSync, rmSync, statSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { DiagnosticError, fail } from "@devenv/diagnostics";
import { openStore, type Store, type StorePlace } from "@devenv/store";
import { compressFile, decompressFile } from "./nar-compression.ts";
import type { ExportedNar, ExportJob, ImportJob, NarCommand, NarReply } from "./nar-thread.ts";

const store = openStore(workerData as StorePlace);
let last: Promise<void> = Promise.resolve();

parentPort?.on("message", (command: NarCommand) => {
	last = last.then(async () => {
		if (command.kind !== "end") {
			parentPort?.postMessage(await answer(command));
			return;
		}
		store.close();
		parentPort?.close();
	});
});

async function answer(command: Exclude<NarCommand, { readonly kind: "end" }>): Promise<NarReply> {
	const { id } = command;
	try {
		if (command.kind === "export") return { id, kind: "done", exported: await exportNar(store, command) };
		if (command.kind === "optimise") store.optimise();
		else await importNar(store, command);
		return { id, kind: "done", exported: null };
	} catch (error) {
		if (error instanceof DiagnosticError) return { id, kind: "refused", diagnostics: error.diagnostics };
		const message = error instanceof Error ? error.message : String(error);
		return { id, kind: "bug", message, stack: error instanceof Error ? (error.stack ?? message) : message };
	}
}

async function importNar(into: Store, { info, file, compression }: ImportJob): Promise<void> {
	into.addTempRoot(info.path);
	const lock = await into.lock([info.path]);
	try {
		if (into.isValid(info.path) && info.replace !== true) return;
		await into.importNar(info, decompressed({ info, file, compression }));
	} finally {
		lock.release();
	}
}

/** The decoders' own errors come as a diagnostic. */
async function* decompressed({ info, file, compression }: Omit<ImportJob, "kind">): AsyncGenerator<Uint8Array> {
	try {
		yield* await decompressFile(file, { compression, size: info.narSize });
	} catch (error) {
		if (error instanceof DiagnosticError) throw error;
		const reason = error instanceof Error ? error.message : String(error);
		fail("CACHE_NAR_DAMAGED", `the archive of ${info.path} cannot be decompressed: ${reason}`, {
			hint: "the binary cache is damaged; it is built instead where that can be done",
		});
	}
}

async function exportNar(from: Store, { path, file, compression }: ExportJob): Promise<ExportedNar> {
	const plain = compression === "none" ? file : `${file}.nar`;
	try {
		const fd = openSync(plain, "wx", 0o600);
		try {
			from.dumpNar(path, (piece) => {
				for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done);
			});
		} finally {
			closeSync(fd);
		}
		if (compression !== "none") await compressFile(plain, file, compression);
	} finally {
		if (compression !== "none") rmSync(plain, { force: true });
	}
	const hash = createHash("sha256");
	for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer);
	return { fileHash: { algo: "sha256", bytes: hash.digest() }, fileSize: statSync(file).size };
}
