/** How a request to build ended, as Nix's protocols say it. Layer 3. Source: `src/libstore/build-result.hh` of Nix. */

import { DiagnosticError, type Diagnostic } from "@devenv/diagnostics";
import { type Derivation, hashDerivationModulo, HashesModulo, storePathBase } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";

/** `BuildResult::Status`. */
export const buildStatus = {
	built: 0,
	alreadyValid: 2,
	permanentFailure: 3,
	inputRejected: 4,
	outputRejected: 5,
	timedOut: 8,
	miscFailure: 9,
	notDeterministic: 12,
} as const;

export interface BuildResult {
	readonly status: number;
	/** Empty where it succeeded. */
	readonly message: string;
	/** Seconds since 1970. */
	readonly started: number;
	readonly stopped: number;
}

/** Does the work; what it fails with by a Diagnostic is the result. */
export async function buildResultOf(work: () => Promise<unknown>): Promise<BuildResult> {
	const started = Math.floor(Date.now() / 1000);
	const failure = await work().then(
		() => undefined,
		(error: unknown) => {
			if (error instanceof DiagnosticError) return error;
			throw error;
		},
	);
	const [status, message] = failure === undefined ? [buildStatus.built, ""] : [statusOf(failure), textOf(failure)];
	return { status, message, started, stopped: Math.floor(Date.now() / 1000) };
}

function textOf({ diagnostics }: DiagnosticError): string {
	return diagnostics.map(({ message }) => message).join("\n");
}

/** Of a failure: that of the first of what went wrong. */
function statusOf({ diagnostics }: DiagnosticError): number {
	return statusOfCode(diagnostics[0]?.code ?? "");
}

function statusOfCode(code: Diagnostic["code"]): number {
	switch (code) {
		case "BUILD_TIMED_OUT":
			return buildStatus.timedOut;
		case "BUILD_NOT_DETERMINISTIC":
			return buildStatus.notDeterministic;
		case "STORE_HASH_MISMATCH":
		case "FETCH_HASH_MISMATCH":
			return buildStatus.outputRejected;
		case "BUILD_SYSTEM":
		case "STORE_PATH_NOT_VALID":
		case "WIRE_DERIVATION":
			return buildStatus.inputRejected;
		default:
			return code.startsWith("BUILD_") ? buildStatus.permanentFailure : buildStatus.miscFailure;
	}
}

/** Which output of a derivation is which object: its identity, as `sha256:…!out`, and what clients are told, as JSON. */
export type Realisation = readonly [id: string, json: string];

/** The outputs of a derivation as realisations: of these names, all of which have a path. */
export function realisationsOf(store: Store, derivation: Derivation, names: readonly string[]): Realisation[] {
	const hashes = new HashesModulo((path) => store.readDerivation(path));
	const { digest } = hashDerivationModulo(derivation, (input) => hashes.of(input));
	return names.flatMap((name): Realisation[] => {
		const path = derivation.outputs.get(name)?.path ?? "";
		if (path === "") return [];
		const id = `sha256:${digest}!${name}`;
		return [[id, JSON.stringify({ id, outPath: storePathBase(path), signatures: [], dependentRealisations: {} })]];
	});
}
