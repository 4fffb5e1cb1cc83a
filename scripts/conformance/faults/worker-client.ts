/** The client's side of Nix's worker protocol, as far as the loops need it. */

import { connect, type Socket } from "node:net";

const CLIENT_MAGIC = 0x6e697863;
const VERSION = (1 << 8) | 34;
const [NEXT, LAST, ERROR, START, STOP, RESULT] = [
	0x6f6c6d67, 0x616c7473, 0x63787470, 0x53545254, 0x53544f50, 0x52534c54,
];
const LOG_LINE = 101;
export const operations = { addTextToStore: 8, buildPaths: 9, collectGarbage: 20, addToStoreNar: 39 } as const;

/** What a client says, put together by hand. */
export class Words {
	readonly #parts: Buffer[] = [];

	number(value: number | bigint): this {
		const bytes = Buffer.alloc(8);
		bytes.writeBigUInt64LE(BigInt(value));
		this.#parts.push(bytes);
		return this;
	}

	/** One code unit a byte. */
	string(text: string): this {
		const padded = Buffer.alloc(Math.ceil(text.length / 8) * 8);
		padded.write(text, "latin1");
		this.number(text.length);
		this.#parts.push(padded);
		return this;
	}

	strings(texts: readonly string[]): this {
		this.number(texts.length);
		for (const text of texts) this.string(text);
		return this;
	}

	/** Data in frames, ended by an empty one. */
	frames(...pieces: readonly Buffer[]): this {
		for (const piece of pieces) {
			this.number(piece.length);
			this.#parts.push(piece);
		}
		return this.number(0);
	}

	get bytes(): Buffer {
		return Buffer.concat(this.#parts);
	}
}

export function greeting(): Words {
	return new Words().number(CLIENT_MAGIC).number(VERSION).number(0).number(0);
}

/** The daemon said that it could not do what it was asked. */
export class Refused extends Error {}

/** The connection ended before the answer. */
export class Gone extends Error {}

export class WorkerClient {
	readonly #socket: Socket;
	/** Called with each line of a build's log. */
	onLine: (line: string) => void = () => undefined;
	#pieces: Buffer[] = [];
	/** What was taken off the first piece. */
	#taken = 0;
	#size = 0;
	#ended = false;
	#wake: () => void = () => undefined;

	private constructor(socket: Socket) {
		this.#socket = socket;
		const end = (): void => {
			this.#ended = true;
			this.#wake();
		};
		socket.on("data", (piece: Buffer) => {
			this.#pieces.push(piece);
			this.#size += piece.length;
			this.#wake();
		});
		socket.on("error", end);
		socket.on("close", end);
	}

	static async connect(path: string): Promise<WorkerClient> {
		const client = new WorkerClient(connect(path));
		client.#socket.write(greeting().bytes);
		await client.#number();
		await client.#number();
		await client.#string();
		await client.#untilLast();
		return client;
	}

	/** Builds all outputs of store derivations. */
	async build(drvPaths: readonly string[]): Promise<void> {
		const words = new Words().number(operations.buildPaths).strings(drvPaths.map((path) => `${path}!*`));
		this.#socket.write(words.number(0).bytes);
		await this.#untilLast();
		await this.#number();
	}

	/** Deletes all that is dead; which paths. */
	async collectGarbage(): Promise<readonly string[]> {
		const words = new Words().number(operations.collectGarbage).number(2).number(0).number(0);
		this.#socket.write(words.number(0xffffffffffffffffn).number(0).number(0).number(0).bytes);
		await this.#untilLast();
		const deleted: string[] = [];
		for (let left = await this.#number(); left > 0; left--) deleted.push(await this.#string());
		await this.#number();
		await this.#number();
		return deleted;
	}

	/** Adds a text; its path. */
	async addText(name: string, contents: string): Promise<string> {
		this.#socket.write(new Words().number(operations.addTextToStore).string(name).string(contents).number(0).bytes);
		await this.#untilLast();
		return await this.#string();
	}

	/** Sends a NAR with what is said of it. */
	async addNar(info: { readonly path: string; readonly narHash: string; readonly nar: Buffer }): Promise<void> {
		const words = new Words().number(operations.addToStoreNar).string(info.path).string("").string(info.narHash);
		words.number(0).number(0).number(info.nar.length).number(0).number(0).string("").number(0).number(1);
		this.#socket.write(words.frames(info.nar).bytes);
		await this.#untilLast();
	}

	/** Takes nothing more of what the daemon says. */
	pause(): void {
		this.#socket.pause();
	}

	close(): void {
		this.#socket.destroy();
	}

	async #untilLast(): Promise<void> {
		for (;;) {
			const kind = await this.#number();
			if (kind === LAST) return;
			if (kind === NEXT) this.onLine(await this.#string());
			else if (kind === ERROR) throw new Refused(await this.#error());
			else if (kind === START) {
				await this.#read(24);
				await this.#string();
				await this.#fields();
				await this.#number();
			} else if (kind === STOP) await this.#number();
			else if (kind === RESULT) {
				await this.#number();
				const type = await this.#number();
				const fields = await this.#fields();
				if (type === LOG_LINE) this.onLine(fields.join());
			} else throw new Error(`the daemon said ${kind.toString(16)}`);
		}
	}

	async #error(): Promise<string> {
		await this.#string();
		await this.#number();
		await this.#string();
		const message = await this.#string();
		await this.#number();
		for (let traces = await this.#number(); traces > 0; traces--) {
			await this.#number();
			await this.#string();
		}
		return message;
	}

	async #fields(): Promise<readonly (number | string)[]> {
		const fields: (number | string)[] = [];
		for (let left = await this.#number(); left > 0; left--) {
			fields.push((await this.#number()) === 0 ? await this.#number() : await this.#string());
		}
		return fields;
	}

	async #number(): Promise<number> {
		return Number((await this.#read(8)).readBigUInt64LE());
	}

	async #string(): Promise<string> {
		const length = await this.#number();
		return (await this.#read(Math.ceil(length / 8) * 8)).toString("latin1", 0, length);
	}

	async #read(length: number): Promise<Buffer> {
		while (this.#size < length) {
			if (this.#ended) throw new Gone("the daemon left");
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		this.#size -= length;
		let [first] = this.#pieces;
		if (first !== undefined && first.length - this.#taken < length) {
			first = Buffer.concat(this.#pieces).subarray(this.#taken);
			this.#pieces = [first];
			this.#taken = 0;
		}
		const bytes = first?.subarray(this.#taken, this.#taken + length) ?? Buffer.alloc(0);
		this.#taken += length;
		if (first !== undefined && this.#taken === first.length) {
			this.#pieces.shift();
			this.#taken = 0;
		}
		return bytes;
	}
}
