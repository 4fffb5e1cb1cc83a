/** Decoder of diagnostics that cross the socket. Layer 1 (pure). */

import type { Diagnostic, DiagnosticNote, Location } from "@devenv/diagnostics";
import { arrayOf, count, type Decoder, object, oneOf, optional, string } from "./decoder.ts";

const location: Decoder<Location> = object<Location>({
	file: string,
	line: count,
	column: count,
	length: count,
	lineText: optional(string),
});

const note: Decoder<DiagnosticNote> = object<DiagnosticNote>({ message: string, location: optional(location) });

export const diagnostic: Decoder<Diagnostic> = object<Diagnostic>({
	code: string,
	severity: oneOf("error", "warning", "note"),
	message: string,
	location: optional(location),
	notes: optional(arrayOf(note)),
	hint: optional(string),
});
