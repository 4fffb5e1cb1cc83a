/** The parameters of requests and notifications, decoded. Layer 5, pure. */

import { arrayOf, count, type Decoder, nullable, openObject, optional, string, unknown } from "@devenv/protocol";
import type { Position, Range } from "vscode-languageserver-types";
import type { TextChange } from "./text-document.ts";

/** As large as a number of the protocol may be. */
const position: Decoder<Position> = openObject<Position>({ line: count, character: count });
const range: Decoder<Range> = openObject<Range>({ start: position, end: position });

interface Identified {
	readonly uri: string;
}

const identifier: Decoder<Identified> = openObject<Identified>({ uri: string });

export interface InitializeParams {
	readonly processId?: number | null;
	readonly capabilities?: unknown;
}

export const initializeParams: Decoder<InitializeParams> = openObject<InitializeParams>({
	processId: optional(nullable(count)),
	capabilities: optional(unknown),
});

export interface OpenParams {
	readonly textDocument: { readonly uri: string; readonly version: number; readonly text: string };
}

export const openParams: Decoder<OpenParams> = openObject<OpenParams>({
	textDocument: openObject<OpenParams["textDocument"]>({ uri: string, version: integer, text: string }),
});

export interface ChangeParams {
	readonly textDocument: { readonly uri: string; readonly version?: number | null };
	readonly contentChanges: readonly TextChange[];
}

export const changeParams: Decoder<ChangeParams> = openObject<ChangeParams>({
	textDocument: openObject<ChangeParams["textDocument"]>({ uri: string, version: optional(nullable(integer)) }),
	contentChanges: arrayOf(openObject<TextChange>({ range: optional(range), text: string })),
});

export interface DocumentParams {
	readonly textDocument: Identified;
}

export const documentParams: Decoder<DocumentParams> = openObject<DocumentParams>({ textDocument: identifier });

export interface PositionParams extends DocumentParams {
	readonly position: Position;
}

export const positionParams: Decoder<PositionParams> = openObject<PositionParams>({
	textDocument: identifier,
	position,
});

export interface ReferenceParams extends PositionParams {
	readonly context?: { readonly includeDeclaration?: unknown };
}

export const referenceParams: Decoder<ReferenceParams> = openObject<ReferenceParams>({
	textDocument: identifier,
	position,
	context: optional(openObject<NonNullable<ReferenceParams["context"]>>({ includeDeclaration: optional(unknown) })),
});

export interface RenameParams extends PositionParams {
	readonly newName: string;
}

export const renameParams: Decoder<RenameParams> = openObject<RenameParams>({
	textDocument: identifier,
	position,
	newName: string,
});

export interface SelectionParams extends DocumentParams {
	readonly positions: readonly Position[];
}

export const selectionParams: Decoder<SelectionParams> = openObject<SelectionParams>({
	textDocument: identifier,
	positions: arrayOf(position),
});

/** Versions may be negative. */
function integer(value: unknown, path: string): number {
	return typeof value === "number" && Number.isInteger(value) ? value : count(value, path);
}
