/**
 * Where the client begins. `shell` loads only what talks to the daemon, `nix-instantiate` only the evaluator, the drop-ins
 * that evaluate nothing only the store, every other command oclif. Each of the four is a bundle of its own (scripts/build.ts), loaded with its compiled code. Layer 5.
 */

import { addAccountVariables, removeAccountVariables } from "./account-variables.ts";
import { storePrograms } from "./nix-programs/program-names.ts";
import { type Entry, type LoadedEntry, loadCached, loadCompiled } from "./load-compiled.ts";

const sources: Readonly<Record<string, () => Promise<Entry>>> = {
	"shell-main": () => import("./shell-main.ts"),
	"nix-instantiate-main": () => import("./nix-instantiate-main.ts"),
	"nix-store-main": () => import("./nix-store-main.ts"),
	"oclif-main": () => import("./oclif-main.ts"),
};

const [command, ...rest] = process.argv.slice(2);
const direct = command === "shell" || command === "nix-instantiate";
const storeProgram = command !== undefined && storePrograms.includes(command);
const name = storeProgram ? "nix-store-main" : direct ? `${command}-main` : "oclif-main";
const argv = direct ? rest : process.argv.slice(2);

void load().then(({ entry, keepCompiled }) => entry.main(argv, keepCompiled));

async function load(): Promise<LoadedEntry> {
	const bundled = import.meta.filename.endsWith(".cjs");
	if (bundled && (direct || storeProgram)) return loadCompiled(import.meta.dirname, name);
	addAccountVariables();
	try {
		const entry = bundled ? loadCached(import.meta.dirname, name) : await sources[name]?.();
		if (entry === undefined) throw new Error(`no such bundle: ${name}`);
		return { entry, keepCompiled: () => undefined };
	} finally {
		removeAccountVariables();
	}
}
