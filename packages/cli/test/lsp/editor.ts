/** An editor for tests: the server as a process, spoken to over its pipes. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { nodeEnvironment, temporaryFolder } from "@devenv/test-support";
import type { ExecutionContext } from "ava";
import type { Diagnostic } from "vscode-languageserver-types";
import { MessageReader } from "../../src/lsp/message-reader.ts";

const entry = JSON.stringify(new URL("../../src/lsp-main.ts", import.meta.url).href);

/** What `devenv lsp` runs, without what only a command line needs. */
function program(patience: number): string {
	return `const { main } = await import(${entry}); process.exit(await main({ patience: ${patience} }));`;
}

/** Milliseconds that an answer is waited for. */
const PATIENCE = 60_000;

export interface Answer {
	readonly id?: number | string | null;
	readonly result?: unknown;
	readonly error?: { readonly code: number; readonly message: string };
	readonly method?: string;
	readonly params?: unknown;
}

export interface EditorOptions {
	readonly environment?: Readonly<Record<string, string>>;
	/** Milliseconds that an evaluation may take; on a busy machine more than a user would wait. */
	readonly patience?: number;
}

export class Editor {
	readonly folder: string;
	readonly process: ChildProcessWithoutNullStreams;
	/** What came in and was not waited for. */
	readonly #received: Answer[] = [];
	readonly #waiting = new Set<() => void>();
	readonly exit: Promise<number | null>;
	errors: string = "";
	#next = 1;
	readonly #versions = new Map<string, number>();

	constructor(folder: string, { environment = {}, patience = 10_000 }: EditorOptions = {}) {
		this.folder = folder;
		this.process = spawn(process.execPath, ["--input-type=module", "--eval", program(patience)], {
			cwd: folder,
			env: { ...nodeEnvironment(), DEVENV_HOME: join(folder, "home"), HOME: folder, ...environment },
		});
		const reader = new MessageReader({
			onMessage: (text) => {
				this.#received.push(JSON.parse(text) as Answer);
				for (const wake of this.#waiting) wake();
			},
			onError: (reason) => {
				this.errors += `not a message: ${reason}\n`;
			},
		});
		this.process.stdout.on("data", (chunk: Buffer) => {
			reader.push(chunk);
		});
		this.process.stderr.on("data", (chunk: Buffer) => {
			this.errors += chunk.toString("utf8");
		});
		this.process.stdin.on("error", () => undefined);
		this.exit = new Promise((resolve) => this.process.on("exit", resolve));
	}

	/** The first message that fits, waited for. */
	async receive(fits: (answer: Answer) => boolean): Promise<Answer> {
		const limit = Date.now() + PATIENCE;
		for (;;) {
			const at = this.#received.findIndex(fits);
			if (at >= 0) return this.#received.splice(at, 1)[0] as Answer;
			const rest = limit - Date.now();
			if (rest <= 0) throw new Error(`no such answer; ${this.errors}`);
			await new Promise<void>((resolve) => {
				const wake = (): void => {
					clearTimeout(timer);
					this.#waiting.delete(wake);
					resolve();
				};
				const timer = setTimeout(wake, rest);
				this.#waiting.add(wake);
			});
		}
	}

	sendText(text: string): void {
		this.process.stdin.write(text);
	}

	send(message: object): void {
		const text = JSON.stringify({ jsonrpc: "2.0", ...message });
		this.sendText(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
	}

	notify(method: string, params: object = {}): void {
		this.send({ method, params });
	}

	async request(method: string, params: object = {}): Promise<Answer> {
		const id = this.#next++;
		this.send({ id, method, params });
		return this.receive((answer) => answer.id === id && answer.method === undefined);
	}

	/** The result of a request that is to succeed. */
	async ask<T>(method: string, params: object = {}): Promise<T> {
		const { result, error } = await this.request(method, params);
		if (error !== undefined) throw new Error(`${method}: ${error.message}`);
		return result as T;
	}

	async initialize(encodings?: readonly string[]): Promise<void> {
		const general = encodings === undefined ? {} : { general: { positionEncodings: encodings } };
		await this.ask("initialize", { processId: process.pid, rootUri: null, capabilities: general });
		this.notify("initialized");
	}

	uri(file: string): string {
		return pathToFileURL(join(this.folder, file)).href;
	}

	/** Writes a file of the project. */
	write(file: string, text: string): void {
		const path = join(this.folder, file);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, text);
	}

	/** Opens a text, or changes the whole of it; `|` in it is the cursor. */
	show(file: string, marked: string): { textDocument: { uri: string }; position: { line: number; character: number } } {
		const at = marked.indexOf("|");
		const text = at < 0 ? marked : marked.slice(0, at) + marked.slice(at + 1);
		const uri = this.uri(file);
		const version = (this.#versions.get(uri) ?? 0) + 1;
		this.#versions.set(uri, version);
		if (version === 1) {
			this.notify("textDocument/didOpen", { textDocument: { uri, languageId: "nix", version, text } });
		} else this.notify("textDocument/didChange", { textDocument: { uri, version }, contentChanges: [{ text }] });
		const lines = text.slice(0, Math.max(0, at)).split("\n");
		return { textDocument: { uri }, position: { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 } };
	}

	/** Those of the text that was shown last. */
	async diagnostics(file: string): Promise<readonly Diagnostic[]> {
		const uri = this.uri(file);
		const { params } = await this.receive(({ method, params: each }) => {
			const { uri: of, version } = (each ?? {}) as { uri?: string; version?: number };
			return method === "textDocument/publishDiagnostics" && of === uri && version === this.#versions.get(uri);
		});
		return (params as { diagnostics: readonly Diagnostic[] }).diagnostics;
	}
}

/** A server in a folder of its own, initialised. */
export async function startEditor(
	t: ExecutionContext,
	options: EditorOptions & { readonly encodings?: readonly string[] } = {},
): Promise<Editor> {
	const editor = openEditor(t, options);
	await editor.initialize(options.encodings);
	return editor;
}

export function openEditor(t: ExecutionContext, options: EditorOptions = {}): Editor {
	const editor = new Editor(temporaryFolder(t), options);
	t.teardown(async () => {
		editor.process.kill("SIGKILL");
		await editor.exit;
	});
	return editor;
}
