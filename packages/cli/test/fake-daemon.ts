/** A daemon that answers as a test says, on the socket of a home folder of its own; and devenv run against it. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { type Server, type Socket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PROTOCOL_VERSION } from "@devenv/protocol";
import { nodeEnvironment } from "@devenv/test-support";
import { daemonVersion } from "../src/installation.ts";

/** What a request is answered with; `progress` sends an event first. */
export type Answer = (params: Record<string, unknown>, progress: (event: object) => void) => unknown;

/** An answer that is an error. */
export class Refusal extends Error {
	readonly code: number;
	readonly data: unknown;

	constructor(code: number, data: unknown) {
		super("refused");
		this.code = code;
		this.data = data;
	}
}

interface Message {
	readonly id?: number;
	readonly method: string;
	readonly params: Record<string, unknown>;
}

export interface Outcome {
	readonly code: number | null;
	readonly signal: string | null;
	readonly stdout: string;
	readonly stderr: string;
}

export class FakeDaemon {
	/** DEVENV_HOME of what is run; holds a folder `project` too. */
	readonly home: string;
	readonly project: string;
	/** Methods that came, notifications too. */
	readonly received: string[] = [];
	readonly #answers: Readonly<Record<string, Answer>>;
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	readonly #children = new Set<ChildProcess>();

	private constructor(answers: Readonly<Record<string, Answer>>) {
		this.#answers = answers;
		this.home = mkdtempSync(join(tmpdir(), "devenv-cli-"));
		this.project = join(this.home, "project");
		mkdirSync(this.project);
		mkdirSync(join(this.home, "run"), { mode: 0o700 });
		this.#server = createServer((socket) => {
			this.#serve(socket);
		});
	}

	static async start(answers: Readonly<Record<string, Answer>>): Promise<FakeDaemon> {
		const daemon = new FakeDaemon(answers);
		await new Promise<void>((resolve) => daemon.#server.listen(join(daemon.home, "run/daemon.sock"), resolve));
		return daemon;
	}

	/** Starts devenv in the project, through the command `prefix`; the returned process is the caller's to wait for. */
	spawn(
		args: readonly string[],
		environment: Readonly<Record<string, string | undefined>> = {},
		prefix: readonly string[] = [],
	): ChildProcess {
		const main = join(import.meta.dirname, "../src/main.ts");
		const [program = "", ...rest] = [...prefix, process.execPath, main, ...args];
		const child = spawn(program, rest, {
			cwd: this.project,
			env: { ...nodeEnvironment(), HOME: this.home, DEVENV_HOME: this.home, ...environment },
		});
		this.#children.add(child);
		return child;
	}

	/** Runs devenv in the project to its end. */
	async run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Outcome> {
		return collect(this.spawn(args, environment));
	}

	close(): void {
		for (const child of this.#children) child.kill("SIGKILL");
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		rmSync(this.home, { recursive: true, force: true });
	}

	#serve(socket: Socket): void {
		this.#sockets.add(socket);
		socket.on("error", () => undefined);
		const lines = createInterface({ input: socket });
		// A client that is ended hangs up, and a line reader passes that on.
		lines.on("error", () => undefined);
		lines.on("line", (line) => void this.#receive(socket, JSON.parse(line) as Message));
	}

	async #receive(socket: Socket, { id, method, params }: Message): Promise<void> {
		this.received.push(method);
		if (id === undefined) return;
		const send = (message: object): void => {
			if (!socket.destroyed) socket.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
		};
		if (method === "handshake") {
			const result = { protocol: PROTOCOL_VERSION, version: daemonVersion(), pid: process.pid, retiring: false };
			send({ id, result });
			return;
		}
		try {
			const progress = (event: object): void => {
				send({ method: "progress", params: { request: id, event } });
			};
			const result = await this.#answers[method]?.(params, progress);
			send({ id, result });
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			send({ id, error: { code: error.code, message: error.message, data: error.data } });
		}
	}
}

export async function collect(child: ChildProcess): Promise<Outcome> {
	let stdout = "";
	let stderr = "";
	child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
	child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
	return new Promise((resolve) => {
		child.on("close", (code, signal) => {
			resolve({ code, signal, stdout, stderr });
		});
	});
}
