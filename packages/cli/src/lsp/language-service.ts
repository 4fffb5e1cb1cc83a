/** What the server asks of each kind of document. Layer 5. */

import type {
	CompletionItem,
	CompletionList,
	Diagnostic,
	DocumentHighlight,
	DocumentSymbol,
	FoldingRange,
	Hover,
	Location,
	Position,
	Range,
	SelectionRange,
	TextEdit,
} from "vscode-languageserver-types";
import type { TextDocument } from "./text-document.ts";

/** Where in a document something is asked about. */
export interface Place {
	readonly document: TextDocument;
	readonly position: Position;
	/** Aborted when the answer is not wanted any more. */
	readonly signal: AbortSignal;
}

export interface LanguageService {
	readonly diagnose: (document: TextDocument) => readonly Diagnostic[];
	readonly hover: (place: Place) => Promise<Hover | undefined>;
	readonly definition: (place: Place) => Promise<readonly Location[]>;
	readonly references: (place: Place, withDeclaration: boolean) => readonly Location[];
	readonly highlights: (place: Place) => readonly DocumentHighlight[];
	/** Throws a ResponseError where nothing can be renamed. */
	readonly prepareRename: (place: Place) => Range;
	readonly rename: (place: Place, newName: string) => readonly TextEdit[];
	readonly complete: (place: Place) => Promise<CompletionList>;
	/** Adds documentation to an item that {@link complete} gave. */
	readonly resolve: (item: CompletionItem, signal: AbortSignal) => Promise<CompletionItem>;
	readonly symbols: (document: TextDocument) => readonly DocumentSymbol[];
	readonly foldings: (document: TextDocument) => readonly FoldingRange[];
	readonly selections: (document: TextDocument, position: Position) => SelectionRange;
	/** Throws a ResponseError where the text cannot be formatted. */
	readonly format: (document: TextDocument) => readonly TextEdit[];
}
