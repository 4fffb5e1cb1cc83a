/**
 * Store objects from the stream of `nix-store --export`. Layer 2. Each is restored to the session's folder while it is hashed,
 * and registered with what follows its archive, before the next begins: what came before a fault stays, and is whole.
 */

import { createHash, type Hash as Digest } from "node:crypto";
import { readFileSync } from "node:fs";
import { bytesFromText, type ExportedObject, ExportParser, isDrvPath, type StorePath } from "@devenv/nix-formats";
import type { AddContext } from "./add-path.ts";
import { deleteTree } from "./file-tree.ts";
import { NarRestorer } from "./nar-restore.ts";

export async function importPaths(
	context: AddContext,
	stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
	onRest?: (bytes: Uint8Array) => void,
): Promise<StorePath[]> {
	const importer = new Importer(context);
	const parser = new ExportParser(
		{
			begin: () => {
				importer.begin();
			},
			bytes: (piece) => {
				importer.bytes(piece);
			},
			event: (event) => {
				importer.restorer?.write(event);
			},
			object: (object) => {
				importer.end(object);
			},
		},
		context.storeDir,
	);
	try {
		for await (const piece of stream) {
			const after = parser.push(piece);
			if (!parser.done) continue;
			// As in Nix, what follows is left to who reads next.
			onRest?.(piece.subarray(piece.length - after));
			break;
		}
		parser.finish();
	} finally {
		importer.abandon();
	}
	return importer.imported;
}

class Importer {
	readonly imported: StorePath[] = [];
	readonly #context: AddContext;
	restorer: NarRestorer | undefined;
	#from: string | undefined;
	#hash: Digest | undefined;
	#size = 0;

	constructor(context: AddContext) {
		this.#context = context;
	}

	begin(): void {
		this.#from = this.#context.newPath();
		this.restorer = new NarRestorer(bytesFromText(this.#from));
		this.#hash = createHash("sha256");
		this.#size = 0;
	}

	bytes(piece: Uint8Array): void {
		this.#hash?.update(piece);
		this.#size += piece.length;
	}

	end({ path, references, deriver }: ExportedObject): void {
		const [from, hash] = [this.#from, this.#hash];
		if (from === undefined || hash === undefined) throw new Error("an object without an archive");
		const context = this.#context;
		if (!context.present(path)) {
			const derivation = isDrvPath(path, context.storeDir)
				? context.derivation(path, readFileSync(from, "latin1"))
				: undefined;
			const info = {
				path,
				narHash: { algo: "sha256", bytes: hash.digest() } as const,
				narSize: this.#size,
				references: [...new Set(references)].sort(),
				deriver,
				registrationTime: Math.floor(Date.now() / 1000),
				ultimate: false,
				signatures: [],
				contentAddress: undefined,
			};
			context.register([{ info, from, ...(derivation && { derivation }) }]);
		}
		this.imported.push(path);
		this.abandon();
	}

	/** Deletes what has not been registered. */
	abandon(): void {
		this.restorer?.abandon();
		this.restorer = undefined;
		if (this.#from !== undefined) deleteTree(bytesFromText(this.#from));
		this.#from = undefined;
		this.#hash = undefined;
	}
}
