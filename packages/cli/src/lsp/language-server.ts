/**
 * The language server: its life from `initialize` to `exit`, the open documents, and which request is answered by what.
 * Layer 5.
 */

import type { Decoder, HomeLayout } from "@devenv/protocol";
import type { CompletionItem } from "vscode-languageserver-types";
import { VERSION } from "../installation.ts";
import { Connection, errorCodes, ResponseError } from "./connection.ts";
import { EnvironmentService } from "./environment-service.ts";
import { EvaluationThread } from "./evaluation-thread.ts";
import type { LanguageService, Place } from "./language-service.ts";
import { NixService } from "./nix-service.ts";
import { nixWorld } from "./nix-world.ts";
import { type DocumentKind, kindOf, uriOfPath } from "./open-document.ts";
import { PackageLookup } from "./package-lookup.ts";
import {
	changeParams,
	documentParams,
	initializeParams,
	openParams,
	positionParams,
	referenceParams,
	renameParams,
	selectionParams,
} from "./requests.ts";
import { type PositionEncoding, TextDocument } from "./text-document.ts";

export interface ServerOptions {
	readonly layout: HomeLayout;
	readonly write: (text: string) => void;
	/** A line for whoever looks into what went wrong. */
	readonly log: (text: string) => void;
	/** The editor's process, once it is known: the server is not to outlive it. */
	readonly onEditor: (pid: number) => void;
	/** The process is to end with this status. */
	readonly onExit: (status: number) => void;
	/** Milliseconds without changes before diagnostics are worked out. */
	readonly pause?: number;
	/** Milliseconds that an evaluation may take. */
	readonly patience?: number;
}

/** Milliseconds after the last change. */
const PAUSE = 150;

type Answer = (params: unknown, signal: AbortSignal) => unknown;

export class LanguageServer {
	readonly #options: ServerOptions;
	readonly #connection: Connection;
	readonly #evaluation: EvaluationThread;
	readonly #services: Readonly<Record<DocumentKind, LanguageService>>;
	readonly #documents = new Map<string, TextDocument>();
	readonly #pending = new Map<string, NodeJS.Timeout>();
	#state: "new" | "running" | "shut down" = "new";
	#encoding: PositionEncoding = "utf-16";
	readonly #requests: ReadonlyMap<string, Answer>;
	readonly #notifications: ReadonlyMap<string, (params: unknown) => void>;

	constructor(options: ServerOptions) {
		this.#options = options;
		this.#evaluation = new EvaluationThread(options.layout, options.patience);
		const packages = new PackageLookup(options.layout);
		this.#services = {
			nix: new NixService(nixWorld(this.#evaluation, packages)),
			environment: new EnvironmentService(packages, (path) => this.#documents.get(uriOfPath(path))?.text),
		};
		this.#requests = this.#listRequests();
		this.#notifications = this.#listNotifications();
		this.#connection = new Connection(
			{
				request: (method, params, signal) => this.#request(method, params, signal),
				notification: (method, params) => this.#notified(method, params),
			},
			options,
		);
	}

	push(chunk: Buffer): void {
		this.#connection.push(chunk);
	}

	/** The editor went away. */
	close(): void {
		this.#evaluation.close();
		for (const timer of this.#pending.values()) clearTimeout(timer);
	}

	async #request(method: string, params: unknown, signal: AbortSignal): Promise<unknown> {
		if (method === "initialize") return this.#initialize(params);
		if (this.#state === "new") throw new ResponseError(errorCodes.serverNotInitialized, "'initialize' comes first");
		if (this.#state === "shut down") throw new ResponseError(errorCodes.invalidRequest, "the server was shut down");
		const answer = this.#requests.get(method);
		if (answer === undefined) throw new ResponseError(errorCodes.methodNotFound, `there is no method '${method}'`);
		// A cancellation that has arrived already is heard before the work begins.
		await new Promise(setImmediate);
		if (signal.aborted) return null;
		return answer(params, signal);
	}

	#notified(method: string, params: unknown): void {
		if (method === "exit") {
			this.close();
			this.#options.onExit(this.#state === "shut down" ? 0 : 1);
			return;
		}
		// By the specification, others are dropped before `initialize`; what is not known is not an error.
		if (this.#state === "running") this.#notifications.get(method)?.(params);
	}

	#initialize(params: unknown): unknown {
		if (this.#state !== "new") throw new ResponseError(errorCodes.invalidRequest, "'initialize' was sent before");
		const { processId, capabilities } = initializeParams(params, "params");
		this.#state = "running";
		this.#encoding = offeredEncodings(capabilities).includes("utf-8") ? "utf-8" : "utf-16";
		if (typeof processId === "number" && processId > 0) this.#options.onEditor(processId);
		return {
			capabilities: {
				positionEncoding: this.#encoding,
				textDocumentSync: { openClose: true, change: 2, save: { includeText: false } },
				hoverProvider: true,
				definitionProvider: true,
				referencesProvider: true,
				documentHighlightProvider: true,
				renameProvider: { prepareProvider: true },
				completionProvider: { triggerCharacters: [".", "/", "#"], resolveProvider: true },
				documentSymbolProvider: true,
				foldingRangeProvider: true,
				selectionRangeProvider: true,
				documentFormattingProvider: true,
			},
			serverInfo: { name: "devenv", version: VERSION },
		};
	}

	#listRequests(): ReadonlyMap<string, Answer> {
		const at =
			(answer: (service: LanguageService, place: Place) => unknown): Answer =>
			(params, signal) => {
				const { textDocument, position } = positionParams(params, "params");
				const { document, service } = this.#known(textDocument.uri);
				return answer(service, { document, position, signal });
			};
		const of =
			(answer: (service: LanguageService, document: TextDocument) => unknown): Answer =>
			(params) => {
				const { textDocument } = documentParams(params, "params");
				const { document, service } = this.#known(textDocument.uri);
				return answer(service, document);
			};
		return new Map<string, Answer>([
			[
				"shutdown",
				() => {
					this.#state = "shut down";
					this.#evaluation.close();
					return null;
				},
			],
			["textDocument/hover", at((service, place) => service.hover(place))],
			["textDocument/definition", at((service, place) => service.definition(place))],
			["textDocument/documentHighlight", at((service, place) => service.highlights(place))],
			["textDocument/prepareRename", at((service, place) => service.prepareRename(place))],
			["textDocument/completion", at((service, place) => service.complete(place))],
			["textDocument/documentSymbol", of((service, document) => service.symbols(document))],
			["textDocument/foldingRange", of((service, document) => service.foldings(document))],
			["textDocument/formatting", of((service, document) => service.format(document))],
			["textDocument/references", (params, signal) => this.#references(params, signal)],
			["textDocument/rename", (params, signal) => this.#rename(params, signal)],
			["textDocument/selectionRange", (params) => this.#selections(params)],
			["completionItem/resolve", (params, signal) => this.#resolve(params, signal)],
		]);
	}

	#references(params: unknown, signal: AbortSignal): unknown {
		const { textDocument, position, context } = referenceParams(params, "params");
		const { document, service } = this.#known(textDocument.uri);
		return service.references({ document, position, signal }, context?.includeDeclaration === true);
	}

	#rename(params: unknown, signal: AbortSignal): unknown {
		const { textDocument, position, newName } = renameParams(params, "params");
		const { document, service } = this.#known(textDocument.uri);
		return { changes: { [document.uri]: service.rename({ document, position, signal }, newName) } };
	}

	#selections(params: unknown): unknown {
		const { textDocument, positions } = selectionParams(params, "params");
		const { document, service } = this.#known(textDocument.uri);
		return positions.map((position) => service.selections(document, position));
	}

	/** Only items of Nix texts have something to add. */
	#resolve(params: unknown, signal: AbortSignal): unknown {
		const item = params as CompletionItem | null;
		if (typeof item !== "object" || typeof item?.label !== "string") {
			throw new ResponseError(errorCodes.invalidParams, "params: expected a completion item");
		}
		return this.#services.nix.resolve(item, signal);
	}

	#known(uri: string): { readonly document: TextDocument; readonly service: LanguageService } {
		const document = this.#documents.get(uri);
		const kind = kindOf(uri);
		if (document === undefined) throw new ResponseError(errorCodes.invalidParams, `${uri} is not open`);
		if (kind === undefined)
			throw new ResponseError(errorCodes.requestFailed, "only .nix files, env.yaml and env.local.yaml");
		return { document, service: this.#services[kind] };
	}

	#listNotifications(): ReadonlyMap<string, (params: unknown) => void> {
		const decoded =
			<T>(decoder: Decoder<T>, act: (params: T) => void) =>
			(params: unknown): void => {
				act(decoder(params, "params"));
			};
		return new Map([
			[
				"textDocument/didOpen",
				decoded(openParams, ({ textDocument }) => {
					this.#documents.set(textDocument.uri, new TextDocument(textDocument, this.#encoding));
					this.#diagnoseSoon(textDocument.uri, 0);
					this.#diagnoseOthers(textDocument.uri);
					if (kindOf(textDocument.uri) === "nix") this.#evaluation.warm();
				}),
			],
			[
				"textDocument/didChange",
				decoded(changeParams, ({ textDocument, contentChanges }) => {
					const document = this.#documents.get(textDocument.uri);
					if (document === undefined) throw new Error(`${textDocument.uri} is not open`);
					const version = textDocument.version ?? document.version;
					this.#documents.set(textDocument.uri, document.changed(contentChanges, version));
					this.#diagnoseSoon(textDocument.uri, this.#options.pause ?? PAUSE);
					this.#diagnoseOthers(textDocument.uri);
				}),
			],
			[
				"textDocument/didClose",
				decoded(documentParams, ({ textDocument }) => {
					this.#documents.delete(textDocument.uri);
					clearTimeout(this.#pending.get(textDocument.uri));
					this.#pending.delete(textDocument.uri);
					this.#connection.notify("textDocument/publishDiagnostics", { uri: textDocument.uri, diagnostics: [] });
					this.#diagnoseOthers(textDocument.uri);
				}),
			],
			[
				"textDocument/didSave",
				() => {
					this.#evaluation.forget();
					this.#diagnoseOthers(undefined);
				},
			],
			["workspace/didChangeWatchedFiles", () => this.#evaluation.forget()],
		]);
	}

	/** What the files of environments say depends on each other, and on what is on the disk. */
	#diagnoseOthers(changed: string | undefined): void {
		if (changed !== undefined && kindOf(changed) !== "environment") return;
		for (const uri of this.#documents.keys()) {
			if (uri !== changed && kindOf(uri) === "environment") this.#diagnoseSoon(uri, this.#options.pause ?? PAUSE);
		}
	}

	#diagnoseSoon(uri: string, pause: number): void {
		const kind = kindOf(uri);
		if (kind === undefined) return;
		clearTimeout(this.#pending.get(uri));
		this.#pending.set(
			uri,
			setTimeout(() => {
				this.#pending.delete(uri);
				this.#diagnose(uri, kind);
			}, pause),
		);
	}

	#diagnose(uri: string, kind: DocumentKind): void {
		const document = this.#documents.get(uri);
		if (document === undefined || this.#state !== "running") return;
		try {
			const diagnostics = this.#services[kind].diagnose(document);
			this.#connection.notify("textDocument/publishDiagnostics", { uri, version: document.version, diagnostics });
		} catch (error) {
			// A fault of ours must not take the editor's other answers with it.
			this.#options.log(`${uri}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
		}
	}
}

function offeredEncodings(capabilities: unknown): readonly unknown[] {
	const general = (capabilities as { readonly general?: { readonly positionEncodings?: unknown } | null } | null)
		?.general;
	return Array.isArray(general?.positionEncodings) ? general.positionEncodings : [];
}
