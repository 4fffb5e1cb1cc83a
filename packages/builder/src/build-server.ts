/**
 * The native helper's process that starts builds (`native/builds.c`), and the builds that it runs. Layer 2.
 *
 * One for this process, begun with the first build and ended some time after the last one. It ends with this process, however that
 * ends, and every build with it.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { constants } from "node:os";
import type { Readable, Writable } from "node:stream";
import type { EndedProcess, WatchedProcess } from "./watched-process.ts";

/** Milliseconds without a build until the process is ended. */
const IDLE = 10_000;

/** Milliseconds from a build's killing until the server counts as stuck; longer than {@link watchProcess} takes to insist. */
const STUCK = 20_000;

/** Bytes of a frame before its data: the build's number, the kind, the length of the data, each a 32-bit word. */
const HEADER = 12;

const servers = new Map<string, BuildServer>();

/** Starts a build with the helper at a path; `specification` is in its language. What fails is told when it has ended. */
export function startBuild(helper: string, specification: Uint8Array): WatchedProcess {
	let server = servers.get(helper);
	if (server === undefined) {
		server = new BuildServer(helper, () => {
			if (servers.get(helper) === server) servers.delete(helper);
		});
		servers.set(helper, server);
	}
	return server.start(specification);
}

class BuildServer {
	readonly #child: ChildProcess;
	readonly #requests: Socket;
	readonly #events: Socket;
	readonly #builds = new Map<number, ServedBuild>();
	readonly #onEnd: () => void;
	#last = 0;
	#unread: Buffer = Buffer.alloc(0);
	#idle: NodeJS.Timeout | undefined;

	/** `onEnd`: no build can be started any more. */
	constructor(helper: string, onEnd: () => void) {
		const child = spawn(helper, ["builds"], {
			stdio: ["pipe", "pipe", "ignore"],
			env: {},
			cwd: "/",
			/* A terminal's signals are for this process, which decides what becomes of the builds. */
			detached: true,
		});
		this.#child = child;
		this.#onEnd = onEnd;
		this.#requests = socketOf(child.stdin);
		this.#events = socketOf(child.stdout);
		let error: string | undefined;
		/* Why it ended is told by its exit. */
		this.#requests.on("error", () => undefined);
		this.#events.on("data", (chunk: Buffer) => {
			this.#receive(chunk);
		});
		child.once("exit", onEnd);
		child.once("error", (fault) => {
			error = fault.message;
			onEnd();
		});
		child.once("close", (code, signal) => {
			const reason = error ?? `it ended by ${signal ?? `status ${code}`}`;
			for (const build of this.#builds.values()) build.fail(reason);
			this.#builds.clear();
			clearTimeout(this.#idle);
		});
		this.#refer();
	}

	start(specification: Uint8Array): WatchedProcess {
		const number = (this.#last = (this.#last + 1) >>> 0);
		const build = new ServedBuild((kind, data) => {
			this.#send(number, kind, data);
			/* A server that does not even kill is none; all builds end with it. */
			if (kind === "K") setTimeout(() => this.#builds.has(number) && this.#child.kill("SIGKILL"), STUCK).unref();
		});
		this.#builds.set(number, build);
		this.#refer();
		this.#send(number, "B", specification);
		return build;
	}

	#send(build: number, kind: string, data: Uint8Array): void {
		if (!this.#requests.writable) return;
		this.#requests.cork();
		this.#requests.write(header(build, kind, data.length));
		this.#requests.write(data);
		this.#requests.uncork();
	}

	#receive(chunk: Buffer): void {
		let bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
		while (bytes.length >= HEADER) {
			const end = HEADER + bytes.readUInt32LE(8);
			if (bytes.length < end) break;
			this.#take(bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.subarray(HEADER, end));
			bytes = bytes.subarray(end);
		}
		this.#unread = bytes;
	}

	#take(number: number, kind: number, data: Buffer): void {
		const build = this.#builds.get(number);
		if (kind === kinds.output) build?.output(data);
		if (kind === kinds.report) build?.report(data);
		if (kind !== kinds.end) return;
		this.#builds.delete(number);
		this.#refer();
		build?.end(data);
	}

	/** This process waits for builds, not for the server. */
	#refer(): void {
		clearTimeout(this.#idle);
		if (this.#builds.size > 0) {
			for (const each of [this.#child, this.#requests, this.#events]) each.ref();
			return;
		}
		for (const each of [this.#child, this.#requests, this.#events]) each.unref();
		this.#idle = setTimeout(() => {
			this.#onEnd();
			this.#requests.end();
		}, IDLE).unref();
	}
}

/** Node makes Unix sockets of pipes, which its types do not say. */
function socketOf(stream: Readable | Writable): Socket {
	if (!(stream instanceof Socket)) throw new TypeError("a pipe is a socket");
	return stream;
}

const kinds = { output: codeOf("O"), report: codeOf("S"), end: codeOf("E") } as const;

function codeOf(letter: string): number {
	return letter.charCodeAt(0);
}

function header(build: number, kind: string, length: number): Buffer {
	const bytes = Buffer.alloc(HEADER);
	for (const [index, word] of [build, codeOf(kind), length].entries()) bytes.writeUInt32LE(word, 4 * index);
	return bytes;
}

class ServedBuild implements WatchedProcess {
	readonly ended: Promise<EndedProcess>;
	readonly #send: (kind: string, data: Uint8Array) => void;
	readonly #report: Buffer[] = [];
	#settle: (ended: EndedProcess) => void = () => undefined;
	#onOutput: (chunk: Buffer) => void = () => undefined;
	#paused = false;
	/** What came while it was paused. */
	#pending: Buffer[] = [];
	#end: EndedProcess | undefined;

	constructor(send: (kind: string, data: Uint8Array) => void) {
		this.#send = send;
		this.ended = new Promise((resolve) => {
			this.#settle = resolve;
		});
	}

	onOutput(listener: (chunk: Buffer) => void): void {
		this.#onOutput = listener;
	}

	pause(): void {
		if (this.#paused) return;
		this.#paused = true;
		this.#send("P", new Uint8Array());
	}

	resume(): void {
		if (!this.#paused) return;
		this.#paused = false;
		this.#send("R", new Uint8Array());
		this.#handOn();
	}

	kill(signal: "SIGTERM" | "SIGKILL"): void {
		this.#send("K", Buffer.from(String(constants.signals[signal])));
	}

	output(chunk: Buffer): void {
		this.#pending.push(chunk);
		this.#handOn();
	}

	report(chunk: Buffer): void {
		this.#report.push(chunk);
	}

	end(words: Buffer): void {
		const [how, number] = words.toString("latin1").split("\0");
		const exit = how === "killed" ? { code: null, signal: `signal ${number}` } : { code: Number(number), signal: null };
		this.#finish({ report: Buffer.concat(this.#report), exit });
	}

	fail(error: string): void {
		this.#finish({ error });
	}

	#finish(end: EndedProcess): void {
		this.#end = end;
		this.#handOn();
	}

	/** The listener may pause it in between. */
	#handOn(): void {
		while (!this.#paused) {
			const chunk = this.#pending.shift();
			if (chunk === undefined) break;
			this.#onOutput(chunk);
		}
		if (this.#end !== undefined && this.#pending.length === 0) this.#settle(this.#end);
	}
}
