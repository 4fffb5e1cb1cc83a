/**
 * The settings files of Nix that a drop-in was pointed to: those of NIX_CONF_DIR and NIX_USER_CONF_FILES, then the text of NIX_CONFIG.
 * Layer 5. Source: Nix manual, "nix.conf".
 *
 * Where neither variable is set, nothing is read: /etc/nix/nix.conf and the file in the user's home say how a real Nix works with
 * its own store. For ours, config.yaml does.
 */

import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fail } from "@devenv/diagnostics";

/** How deep files may include one another. */
const MAX_DEPTH = 16;

/** All lines, in the order in which later ones win. Fails with `NIX_CONF`. */
export function nixConfiguration(environment: Readonly<NodeJS.ProcessEnv> = process.env): string {
	const { NIX_CONF_DIR: folder = "", NIX_USER_CONF_FILES: files = "", NIX_CONFIG: own = "" } = environment;
	const system = folder === "" ? [] : [join(folder, "nix.conf")];
	// Of the user's the first goes before the others.
	const user = files.split(":").filter((file) => file !== "");
	const texts = [...system, ...user.reverse()].map((file) => readConfiguration(file, { optional: true, depth: 0 }));
	return [...texts, own].join("\n");
}

function readConfiguration(
	file: string,
	{ optional, depth }: { readonly optional: boolean; readonly depth: number },
): string {
	if (depth > MAX_DEPTH) fail("NIX_CONF", `${file} is included by itself`);
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (optional && (code === "ENOENT" || code === "ENOTDIR")) return "";
		return fail("NIX_CONF", `cannot read ${file}: ${String(code)}`);
	}
	return text
		.split("\n")
		.map((line) => {
			const [, mark, included] = /^\s*(!?)include\s+(\S+)\s*(?:#.*)?$/.exec(line) ?? [];
			if (included === undefined) return line;
			return readConfiguration(resolve(dirname(file), included), { optional: mark === "!", depth: depth + 1 });
		})
		.join("\n");
}
