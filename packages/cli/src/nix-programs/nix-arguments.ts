/** The command line of those of Nix's programs that evaluate nothing: flags of their own, and those that all have. Layer 5, no I/O. */

import { expandFlags, ignoredFlags, shortFlags, switches, valued } from "./common-flags.ts";
import { failUsage } from "./nix-error.ts";

/** What all programs are told. */
export interface CommonArguments {
	/** `--store`, as given. */
	readonly store: string | undefined;
	/** Settings by `--option`, by a flag of their own or by Nix's configuration; later ones win. */
	readonly settings: ReadonlyMap<string, string>;
	/** How much is said: 0 with `--quiet`, one more for each `--verbose`; 1 is usual. */
	readonly verbosity: number;
	/** What builds write is not shown. */
	readonly noBuildOutput: boolean;
}

/** The words of a command line, taken one by one. */
export class ArgumentReader {
	readonly program: string;
	readonly #pending: string[];
	readonly #settings = new Map<string, string>();
	#store: string | undefined;
	#verbosity = 1;
	#noBuildOutput = false;

	/** `config` is the text of Nix's configuration. */
	constructor(program: string, argv: readonly string[], config = "") {
		this.program = program;
		this.#pending = [...argv];
		for (const line of config.split("\n")) {
			const [, name, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*(?:#.*)?$/.exec(line) ?? [];
			if (name !== undefined && value !== undefined) this.#settings.set(name, value);
		}
	}

	/** The next word that is not a flag of all programs; `own` are letters that mean something else here. */
	next(own: ReadonlySet<string>): string | undefined {
		for (let word = this.#pending.shift(); word !== undefined; word = this.#pending.shift()) {
			const [flag = "", ...rest] = expandFlags(word);
			this.#pending.unshift(...rest);
			if (own.has(flag) || !this.#common(shortFlags[flag] ?? flag)) return flag;
		}
		return undefined;
	}

	/** The word after a flag. */
	value(flag: string): string {
		return this.#pending.shift() ?? failUsage(this.program, `'${flag}' requires an argument`);
	}

	common(): CommonArguments {
		return {
			store: this.#store,
			settings: this.#settings,
			verbosity: this.#verbosity,
			noBuildOutput: this.#noBuildOutput,
		};
	}

	#common(flag: string): boolean {
		if (flag === "--store") this.#store = this.value(flag);
		else if (flag === "--verbose") this.#verbosity += 1;
		else if (flag === "--quiet") this.#verbosity = Math.max(0, this.#verbosity - 1);
		else if (flag === "--no-build-output") this.#noBuildOutput = true;
		else if (flag === "--option") this.#settings.set(this.value(flag), this.value(flag));
		else if (flag === "--readonly-mode" || flag === "--no-gc-warning") this.#settings.set(flag.slice(2), "true");
		else if (ignoredFlags[flag] === undefined) return this.#setting(flag);
		return true;
	}

	#setting(flag: string): boolean {
		if (!flag.startsWith("--")) return false;
		const name = flag.slice(2);
		if (switches.has(name)) this.#settings.set(name, "true");
		else if (name.startsWith("no-") && switches.has(name.slice(3))) this.#settings.set(name.slice(3), "false");
		else if (valued.has(name)) this.#settings.set(name, this.value(flag));
		else return false;
		return true;
	}
}
