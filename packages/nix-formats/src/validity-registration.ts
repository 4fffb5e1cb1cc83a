/**
 * The text by which `nix-store --dump-db` says what is valid, and `--load-db` and `--register-validity` read it. Layer 1,
 * pure. For each object: its path, the NAR's hash in base 16 and size (left out where they are to be computed), its deriver
 * (an empty line for none), the number of its references, and these; a line each.
 */

import { fail } from "@devenv/diagnostics";
import { formatHash, parseHash, type Hash } from "./hash.ts";
import { type DrvPath, parseDrvPath, parseStorePath, type StorePath } from "./store-path.ts";

export interface ValidityRegistration {
	readonly path: StorePath;
	/** Undefined where the text does not say them. */
	readonly nar: { readonly hash: Hash; readonly size: number } | undefined;
	readonly deriver: DrvPath | undefined;
	readonly references: readonly StorePath[];
}

export function formatRegistrations(registrations: Iterable<ValidityRegistration>): string {
	let text = "";
	for (const { path, nar, deriver, references } of registrations) {
		const hashed = nar === undefined ? [] : [formatHash(nar.hash, "base16"), String(nar.size)];
		text += `${[path, ...hashed, deriver ?? "", String(references.length), ...references].join("\n")}\n`;
	}
	return text;
}

/** Inverts {@link formatRegistrations}. Fails with `REGISTRATION_SYNTAX`, which names the line, `HASH_…` and `STORE_PATH…`. */
export function parseRegistrations(
	text: string,
	{ withHashes, storeDir }: { readonly withHashes: boolean; readonly storeDir?: string },
): ValidityRegistration[] {
	const lines = text.split("\n");
	if (lines.pop() !== "") failLine(lines.length + 1, "the text ends within a line");
	let at = 0;
	const next = (): string => lines[at++] ?? failLine(at, "the text ends too early");
	const amount = (): number => {
		const line = next();
		if (!/^\d{1,15}$/.test(line)) failLine(at, `"${line}" is no number`);
		return Number(line);
	};
	const found: ValidityRegistration[] = [];
	while (at < lines.length) {
		const path = parseStorePath(next(), storeDir);
		const nar = withHashes ? { hash: parseHash(next(), "sha256"), size: amount() } : undefined;
		const deriver = next();
		const count = amount();
		if (count > lines.length - at) failLine(at, "the text ends too early");
		const references = Array.from({ length: count }, () => parseStorePath(next(), storeDir));
		found.push({ path, nar, deriver: deriver === "" ? undefined : parseDrvPath(deriver, storeDir), references });
	}
	return found;
}

function failLine(line: number, reason: string): never {
	return fail("REGISTRATION_SYNTAX", `line ${line} of the registrations: ${reason}`, {
		hint: "`nix-store --dump-db` shows the form",
	});
}
