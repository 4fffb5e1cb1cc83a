/**
 * What a user is told when something is wrong: one diagnostic, with a stable code, a place and what to do next.
 *
 * Layer 0: no imports, no I/O. A diagnostic is plain data, so that it crosses worker and socket borders unchanged.
 */

/** How bad it is. Only an `error` makes a command fail. */
export type Severity = "error" | "warning" | "note";

/** A place in a text. Lines and columns count from 1; columns count UTF-16 code units. */
export interface Location {
	/** Path as the user would type it, or a name in angle brackets such as `<stdin>`. */
	readonly file: string;
	readonly line: number;
	readonly column: number;
	/** Number of code units to underline on that line; at least 1. */
	readonly length: number;
	/** The text of the line, without its line end; absent where the text is not at hand. */
	readonly lineText?: string;
}

/** A further place or remark that explains a diagnostic. */
export interface DiagnosticNote {
	readonly message: string;
	readonly location?: Location;
}

export interface Diagnostic {
	/** Stable, upper-case, area first: `ENV_UNKNOWN_KEY`, `LOCK_SYNTAX`, `FETCH_HASH_MISMATCH`. */
	readonly code: string;
	readonly severity: Severity;
	/** One sentence without a full stop, in the user's terms. */
	readonly message: string;
	readonly location?: Location;
	readonly notes?: readonly DiagnosticNote[];
	/** What the user can do next, as one sentence or a few lines. */
	readonly hint?: string;
}

/** Options of {@link diagnose}: everything of a diagnostic but its code, message and severity `error`. */
export type DiagnosticDetail = Partial<Omit<Diagnostic, "code" | "message">>;

/** Makes a diagnostic; the severity is `error` unless told otherwise. */
export function diagnose(code: string, message: string, detail: DiagnosticDetail = {}): Diagnostic {
	return { code, severity: "error", message, ...detail };
}

/**
 * An error that is the user's to mend: it carries the diagnostics to show. Any other Error that reaches a boundary is
 * a bug of this program and is reported as one.
 */
export class DiagnosticError extends Error {
	readonly diagnostics: readonly Diagnostic[];
	/** Tells it where another copy of this module made it. */
	readonly isDiagnosticError: boolean = true;

	/** Also for errors of another copy of this module: the client is a bundle, and loads the engine from source. */
	static override [Symbol.hasInstance](value: unknown): boolean {
		if (this !== DiagnosticError) return Function.prototype[Symbol.hasInstance].call(this, value);
		return value instanceof Error && "isDiagnosticError" in value;
	}

	constructor(diagnostics: Diagnostic | readonly Diagnostic[], options?: ErrorOptions) {
		const list: readonly Diagnostic[] = Array.isArray(diagnostics) ? diagnostics : [diagnostics as Diagnostic];
		super(list.map((each) => `${each.code}: ${each.message}`).join("\n"), options);
		this.name = "DiagnosticError";
		this.diagnostics = list;
	}
}

/** Throws a {@link DiagnosticError} with one diagnostic. */
export function fail(code: string, message: string, detail: DiagnosticDetail = {}): never {
	throw new DiagnosticError(diagnose(code, message, detail));
}
