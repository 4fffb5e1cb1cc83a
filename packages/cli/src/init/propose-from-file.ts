/** `devenv init --from FILE`: loaded at its first use, since it needs the parsers of Nix and TOML. Layer 5. */

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { DiagnosticError, diagnose, fail, renderDiagnostic } from "@devenv/diagnostics";
import { searchPackages } from "@devenv/protocol";
import { callDaemon } from "../daemon-connection.ts";
import { type Lookup, proposal, readSource } from "./propose.ts";
import { standardErrorTerminal, writeError } from "../standard-error.ts";

/** Bytes; such files are small. */
const LIMIT = 4 << 20;

/** The text of an env.yaml for what the file says. */
export async function propose(file: string): Promise<string> {
	return proposal(basename(file), readSource(file, readText(file)), packageLookup());
}

function readText(file: string): string {
	try {
		const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
		try {
			const info = fstatSync(descriptor);
			if (!info.isFile() || info.size > LIMIT) {
				return fail("INIT_SOURCE", `${file} cannot be read: it is ${info.isFile() ? "too large" : "not a file"}`);
			}
			return readFileSync(descriptor, "utf8");
		} finally {
			closeSync(descriptor);
		}
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (error instanceof DiagnosticError || code === undefined) throw error;
		return fail("INIT_SOURCE", `${file} cannot be read: ${code === "ENOENT" ? "there is no such file" : code}`);
	}
}

/** Asks the package set; where that cannot be had, says so once and takes names as they are. */
function packageLookup(): Lookup {
	const known = new Map<string, { readonly version: string } | undefined>();
	let cannot = false;
	return async (name) => {
		if (cannot) return { version: null };
		if (known.has(name)) return known.get(name);
		try {
			const { hits } = await callDaemon(searchPackages, { project: null, query: name, limit: 1 });
			const hit = hits.find(({ attr }) => attr === name);
			known.set(name, hit === undefined ? undefined : { version: hit.version });
			return known.get(name);
		} catch (error) {
			if (!(error instanceof DiagnosticError) || error.diagnostics.some(({ code }) => code === "CANCELLED"))
				throw error;
			cannot = true;
			const [cause] = error.diagnostics;
			const warning = diagnose("INIT_UNCHECKED", "the names of packages could not be checked", {
				severity: "warning",
				...(cause === undefined ? {} : { notes: [{ message: cause.message }] }),
				hint: "`devenv shell` says which of them do not exist",
			});
			writeError(renderDiagnostic(warning, { color: standardErrorTerminal().color }));
			return { version: null };
		}
	};
}
