/**
 * The wire: JSON-RPC 2.0, one message a line (UTF-8, no line end inside), requests from the client only, notifications
 * both ways.
 *
 * Layer 1 (pure).
 */

import { type Diagnostic, DiagnosticError, diagnose } from "@devenv/diagnostics";
import { arrayOf, count, type Decoder, number, object, openObject, optional, string, unknown } from "./decoder.ts";
import { diagnostic } from "./diagnostic-decoder.ts";
import { type ProgressEvent, progressEvent } from "./progress.ts";

/** Raised by every change that an older peer would misread. */
export const PROTOCOL_VERSION = 1;

/** Longest line in bytes that the daemon reads; a longer one ends the connection. */
export const MAX_REQUEST_BYTES: number = 8 * 1024 * 1024;
/** Longest line in bytes that the client reads. */
export const MAX_RESPONSE_BYTES: number = 64 * 1024 * 1024;

/** Notification, daemon to client: a request made progress. */
export interface ProgressNotification {
	/** Id of the request. */
	readonly request: number;
	readonly event: ProgressEvent;
}

/** Notification, client to daemon: its request is not wanted any more; it still gets an answer (`cancelled`). */
export interface CancelNotification {
	readonly request: number;
}

export const progressNotification: { readonly name: "progress"; readonly params: Decoder<ProgressNotification> } = {
	name: "progress",
	params: object<ProgressNotification>({ request: count, event: progressEvent }),
};

export const cancelNotification: { readonly name: "cancel"; readonly params: Decoder<CancelNotification> } = {
	name: "cancel",
	params: object<CancelNotification>({ request: count }),
};

/** JSON-RPC error codes: those below -32600 are the standard's. */
export const errorCodes: {
	readonly parse: -32700;
	readonly invalidRequest: -32600;
	readonly methodNotFound: -32601;
	readonly invalidParams: -32602;
	/** A bug of the daemon; its log has more. */
	readonly internal: -32603;
	/** The request failed for reasons that are the user's to mend; `data.diagnostics` says which. */
	readonly diagnostics: -32001;
	/** The client cancelled the request, or the daemon was stopped. */
	readonly cancelled: -32002;
	/** The daemon retires: connect again. */
	readonly retiring: -32003;
	/** No handshake was made, or with another protocol version. */
	readonly handshakeMissing: -32004;
} = {
	parse: -32700,
	invalidRequest: -32600,
	methodNotFound: -32601,
	invalidParams: -32602,
	internal: -32603,
	diagnostics: -32001,
	cancelled: -32002,
	retiring: -32003,
	handshakeMissing: -32004,
};

export interface WireError {
	readonly code: number;
	readonly message: string;
	readonly data?: unknown;
}

export const wireError: Decoder<WireError> = openObject<WireError>({
	code: number,
	message: string,
	data: optional(unknown),
});

const errorData: Decoder<{ readonly diagnostics: readonly Diagnostic[] }> = openObject({
	diagnostics: arrayOf(diagnostic),
});

/** The error that a failed request means for the client's caller. */
export function errorFromWire(error: WireError): DiagnosticError {
	if (error.code === errorCodes.diagnostics) {
		const { diagnostics } = errorData(error.data, "error.data");
		if (diagnostics.length > 0) return new DiagnosticError(diagnostics);
	}
	if (error.code === errorCodes.cancelled) {
		// Who cancels a request does not wait for this answer, so it was the daemon.
		return new DiagnosticError(
			diagnose("CANCELLED", "the daemon was stopped while it worked for this command", {
				hint: "run the command again",
			}),
		);
	}
	if (error.code === errorCodes.retiring) {
		return new DiagnosticError(diagnose("DAEMON_RETIRING", "the daemon is leaving", { hint: "run the command again" }));
	}
	return new DiagnosticError(
		diagnose("DAEMON_INTERNAL", `the daemon failed: ${error.message}`, {
			hint: "this is a fault of devenv; `devenv daemon logs` shows its log",
		}),
	);
}
