/** The command line of `devenv shell`, read without a parser's start time. Layer 5. */

export interface ShellRequest {
	/** A root caller appears as an ordinary user. */
	readonly asUser: boolean;
	/** Nobody asked for it by name (the hook): only what is allowed is entered. */
	readonly ambient: boolean;
	/** env.lock is not written. */
	readonly locked: boolean;
	/** Nothing is fetched. */
	readonly offline: boolean;
	/** Program and arguments, or null for an interactive shell. */
	readonly command: readonly string[] | null;
}

/** The arguments after `shell`, or undefined where they need the whole parser (help, mistakes). */
export function parseShellArguments(argv: readonly string[]): ShellRequest | undefined {
	let asUser = false;
	let ambient = false;
	let locked = false;
	let offline = false;
	for (const [index, argument] of argv.entries()) {
		if (argument === "--user") asUser = true;
		else if (argument === "--ambient") ambient = true;
		else if (argument === "--locked") locked = true;
		else if (argument === "--offline") offline = true;
		else if (argument === "--" && index + 1 < argv.length) {
			return { asUser, ambient, locked, offline, command: argv.slice(index + 1) };
		} else return undefined;
	}
	return { asUser, ambient, locked, offline, command: null };
}
