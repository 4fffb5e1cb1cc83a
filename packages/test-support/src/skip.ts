/** Tests that this machine cannot run. */

/** The part of ava's `t` that is needed. */
export interface Skippable {
	log(message: string): void;
	pass(): void;
}

/**
 * Ends a test without a judgement: call it and return. ava cannot skip a test that runs already, so the test passes for
 * ava; `scripts/run-tests.ts` counts it as skipped by the logged line, and prints the reason: what is missing.
 */
export function skip(t: Skippable, reason: string): void {
	t.log(`skipped: ${reason.replaceAll(/\s+/g, " ").trim()}`);
	t.pass();
}
