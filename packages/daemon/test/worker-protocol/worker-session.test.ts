import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError, diagnose } from "@devenv/diagnostics";
import { NarThread } from "@devenv/engine";
import { NarEncoder } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import test from "ava";
import { CLIENT_MAGIC, messages, operations, SERVER_MAGIC } from "../../src/worker-protocol/operations.ts";
import { type StoreRequestOptions, storeRequests } from "../../src/worker-protocol/store-requests.ts";
import { WorkerSession } from "../../src/worker-protocol/worker-session.ts";

/** What a client says, put together by hand. */
class Words {
	readonly parts: Buffer[] = [];

	number(value: number | bigint): this {
		const bytes = Buffer.alloc(8);
		bytes.writeBigUInt64LE(BigInt(value));
		this.parts.push(bytes);
		return this;
	}

	string(text: string): this {
		this.number(text.length);
		const bytes = Buffer.alloc(Math.ceil(text.length / 8) * 8);
		bytes.write(text, "latin1");
		this.parts.push(bytes);
		return this;
	}

	frames(...pieces: readonly Buffer[]): this {
		for (const piece of pieces) {
			this.number(piece.length);
			this.parts.push(piece);
		}
		return this.number(0);
	}

	get bytes(): Buffer {
		return Buffer.concat(this.parts);
	}
}

const greeting = (minor = 34): Words =>
	new Words()
		.number(CLIENT_MAGIC)
		.number((1 << 8) | minor)
		.number(0)
		.number(0);

function narOf(text: string): Buffer {
	const pieces: Buffer[] = [];
	const encoder = new NarEncoder((piece) => pieces.push(Buffer.from(piece)));
	const bytes = Buffer.from(text);
	encoder.file(false, bytes.length);
	let at = 0;
	encoder.fill((buffer, offset, length) => {
		const count = bytes.copy(buffer, offset, at, at + length);
		at += count;
		return count;
	});
	encoder.finish();
	return Buffer.concat(pieces);
}

/** A server with a store in a folder of its own, and an engine that builds nothing. */
class Server {
	readonly folder = mkdtempSync(join(tmpdir(), "devenv-worker-"));
	readonly store: Store = openStore({ root: join(this.folder, "root") });
	readonly logged: string[] = [];
	/** What clients are told in place of being served. */
	refusal: DiagnosticError | undefined;
	readonly #nars = new NarThread({ root: join(this.folder, "root") });
	readonly #path = join(this.folder, "socket");
	readonly #server = createServer((socket) => {
		const options = {
			store: this.store,
			engine: {
				plan: () => Promise.resolve({ builds: [], substitutes: [], unknown: [] }),
				substitute: () => Promise.resolve(),
				substitutable: () => Promise.resolve([]),
				realiseOutputs: () => Promise.resolve(),
				collectGarbage: () => Promise.resolve({ deleted: [], bytesFreed: 0, sizes: [] }),
			},
			nars: this.#nars,
		} as unknown as StoreRequestOptions;
		new WorkerSession(socket, {
			handlers: () => {
				if (this.refusal !== undefined) throw this.refusal;
				return storeRequests(options);
			},
			version: "test",
			log: {
				write: (level, _, fields) => {
					this.logged.push(`${level} ${String(fields?.["message"])}`);
				},
				close: () => undefined,
			},
			onActivity: () => undefined,
			onEnd: () => undefined,
		});
	});

	listen(): Promise<void> {
		return new Promise((resolve) => {
			this.#server.listen(this.#path, resolve);
		});
	}

	/**
	 * What the server says to these bytes: until it leaves, or has said what is waited for. Without that the client leaves at
	 * once.
	 */
	say(bytes: Buffer, until?: (answer: Buffer) => boolean): Promise<Buffer> {
		return new Promise((resolve, reject) => {
			let answer = Buffer.alloc(0);
			const socket: Socket = connect(this.#path);
			socket.setTimeout(30_000, () => socket.destroy());
			socket.on("data", (piece: Buffer) => {
				answer = Buffer.concat([answer, piece]);
				if (until?.(answer) === true) socket.end();
			});
			socket.on("error", (error: NodeJS.ErrnoException) => {
				if (error.code !== "EPIPE" && error.code !== "ECONNRESET") reject(error);
			});
			socket.on("close", () => {
				resolve(answer);
			});
			if (until === undefined) socket.end(bytes);
			else socket.write(bytes);
		});
	}

	async close(): Promise<void> {
		this.#server.close();
		await this.#nars.close();
		this.store.close();
		rmSync(this.folder, { recursive: true, force: true });
	}
}

let server: Server;

test.before(async () => {
	server = new Server();
	await server.listen();
});

test.after.always(() => server.close());

/** The numbers of an answer, as far as it is made of numbers. */
function numbers(answer: Buffer): number[] {
	return Array.from({ length: Math.floor(answer.length / 8) }, (_, index) => Number(answer.readBigUInt64LE(index * 8)));
}

/** A server that refuses says so, and leaves by itself. */
const isRefused = (): boolean => false;

function endsWith(answer: Buffer, value: number): boolean {
	return numbers(answer.subarray(answer.length - 16)).join() === [messages.last, value].join();
}

/** A conversation with everything that changes the store. */
function conversation(): Buffer {
	const nar = narOf("hello\n");
	const words = greeting();
	words.number(operations.addTextToStore).string("text").string("contents").number(0);
	words
		.number(operations.addToStore)
		.string("framed")
		.string("text:sha256")
		.number(0)
		.number(0)
		.frames(Buffer.from("x"), Buffer.from("yz"));
	words
		.number(operations.addToStore)
		.string("tree")
		.string("fixed:r:sha256")
		.number(0)
		.number(0)
		.frames(nar.subarray(0, 50), nar.subarray(50));
	words
		.number(operations.addToStore)
		.string("flat")
		.string("fixed:sha1")
		.number(0)
		.number(0)
		.frames(Buffer.from("flat file"));
	words.number(operations.queryAllValidPaths);
	return words.bytes;
}

test("greets clients of several versions, and refuses those that are too old", async (t) => {
	t.deepEqual(numbers(await server.say(greeting(32).bytes, (answer) => answer.length >= 24)), [
		SERVER_MAGIC,
		(1 << 8) | 37,
		messages.last,
	]);
	const newest = numbers(await server.say(greeting(38).bytes, (answer) => answer.length >= 48));
	// The version's text, and that the client is trusted.
	t.deepEqual([newest[2], newest[4], newest[5]], [4, 1, messages.last]);
	const old = await server.say(greeting(20).bytes, isRefused);
	t.true(old.includes("the client speaks version 1.20"));
	const stranger = await server.say(Buffer.from("GET / HTTP/1.1\r\n\r\n"), isRefused);
	t.true(stranger.includes("no client of a Nix daemon"));
});

test.serial("a store that cannot be opened is told to the client, and to nobody else", async (t) => {
	server.refusal = new DiagnosticError(diagnose("STORE_DISK_FULL", "the disk is full"));
	const words = greeting().number(operations.queryAllValidPaths);
	t.true((await server.say(words.bytes, isRefused)).includes("the disk is full"));
	server.refusal = undefined;
	t.true(
		endsWith(
			await server.say(
				greeting().number(operations.isValidPath).string("/nix/store/00000000000000000000000000000000-none").bytes,
				(said) => endsWith(said, 0),
			),
			0,
		),
	);
});

test("adds texts, files and trees, framed as they come", async (t) => {
	const answer = await server.say(conversation(), (said) => said.includes("-flat") && said.includes("-tree"));
	for (const name of ["-text", "-framed", "-tree", "-flat"]) t.true(answer.includes(name), name);
	const paths = server.store.queryAllValidPaths();
	t.true(["-text", "-framed", "-tree", "-flat"].every((name) => paths.some((path) => path.endsWith(name))));
	t.true(paths.some((path) => server.store.pathInfo(path).contentAddress?.startsWith("fixed:r:sha256:") === true));
});

test("what cannot be done is answered, and the next request is heard", async (t) => {
	const words = greeting();
	words
		.number(operations.addToStore)
		.string("git")
		.string("fixed:git:sha1")
		.number(0)
		.number(0)
		.frames(Buffer.from("data"));
	words.number(operations.ensurePath).string("/nix/store/00000000000000000000000000000000-none");
	words.number(operations.isValidPath).string("/nix/store/00000000000000000000000000000000-none");
	const answer = await server.say(words.bytes, (said) => said.includes("is not in the store") && endsWith(said, 0));
	t.true(answer.includes("does not support adding by 'fixed:git:sha1'"));
	t.true(answer.includes("is not in the store"));
	t.deepEqual(numbers(answer.subarray(answer.length - 16)), [messages.last, 0]);
});

test("there are no realisations, and none can be registered", async (t) => {
	const id = `sha256:${"0".repeat(64)}!out`;
	const words = greeting()
		.number(operations.registerDrvOutput)
		.string(JSON.stringify({ id, outPath: "x" }));
	words.number(operations.queryRealisation).string(id);
	const answer = await server.say(
		words.bytes,
		(said) => said.includes("does not support derivations") && endsWith(said, 0),
	);
	t.deepEqual(numbers(answer.subarray(answer.length - 16)), [messages.last, 0]);
});

test("damaged conversations end in a message, never in a crash, and write nothing elsewhere", async (t) => {
	t.timeout(120_000);
	const bytes = conversation();
	let state = 20261128;
	const random = (below: number): number => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return state % below;
	};
	const before = readdirSync(server.folder).sort();
	for (let turn = 0; turn < 2000; turn++) {
		let damaged = Buffer.from(bytes);
		for (let changes = 1 + random(3); changes > 0; changes--) {
			const at = 32 + random(damaged.length - 32);
			switch (random(4)) {
				case 0:
					damaged[at] = random(256);
					break;
				case 1:
					damaged = damaged.subarray(0, at);
					break;
				case 2:
					damaged.writeBigUInt64LE(
						[0xffffffffffffffffn, 1n << 40n, 7n, 0n][random(4)] ?? 0n,
						Math.min(at & ~7, damaged.length - 8),
					);
					break;
				default:
					damaged = Buffer.concat([
						damaged.subarray(0, at),
						damaged.subarray(Math.min(damaged.length, at + random(24))),
					]);
			}
			if (damaged.length <= 40) break;
		}
		const answer = await server.say(damaged);
		t.true(answer.length >= 16, `turn ${turn}`);
	}
	t.deepEqual(readdirSync(server.folder).sort(), before);
	t.deepEqual(
		server.logged.filter((line) => line.startsWith("error")),
		[],
	);
	t.deepEqual(await server.store.verify({ checkContents: true }), []);
});

test("optimising makes equal files links of one another", async (t) => {
	const paths = ["one", "two"].map((name) => server.store.addText({ name, contents: "the same in both" }));
	const request = greeting().number(operations.optimiseStore).bytes;
	const answer = await server.say(
		request,
		(each) => numbers(each).at(-2) === messages.last && numbers(each).at(-1) === 1,
	);
	t.is(numbers(answer).at(-1), 1);
	const [first, second] = paths.map((path) => statSync(server.store.physical(path)).ino);
	t.is(first, second);
});
