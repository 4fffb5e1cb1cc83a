/**
 * Where the client begins. `shell` loads only what talks to the daemon, `nix-instantiate` only the evaluator, every other
 * command oclif. Each of the three is a bundle of its own (scripts/build.ts), loaded with its compiled code. Layer 5.
 */

import { type Entry, loadCached, loadCompiled } from "./load-compiled.ts";

const sources: Readonly<Record<string, () => Promise<Entry>>> = {
	"shell-main": () => import("./shell-main.ts"),
	"nix-instantiate-main": () => import("./nix-instantiate-main.ts"),
	"oclif-main": () => import("./oclif-main.ts"),
};

const [command, ...rest] = process.argv.slice(2);
const direct = command === "shell" || command === "nix-instantiate";
const name = direct ? `${command}-main` : "oclif-main";
const argv = direct ? rest : process.argv.slice(2);

if (import.meta.filename.endsWith(".cjs")) {
	const { entry, keepCompiled } = direct
		? loadCompiled(import.meta.dirname, name)
		: loadCached(import.meta.dirname, name);
	void entry.main(argv, keepCompiled);
} else {
	void sources[name]?.().then((entry) => entry.main(argv, () => undefined));
}
