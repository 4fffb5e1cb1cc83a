/** The command line of `devenv shell`, read without a parser's start time. Layer 5. */

export interface ShellRequest {
	/** A root caller appears as an ordinary user. */
	readonly asUser: boolean;
	/** Program and arguments, or null for an interactive shell. */
	readonly command: readonly string[] | null;
}

/** The arguments after `shell`, or undefined where they need the whole parser (help, mistakes). */
export function parseShellArguments(argv: readonly string[]): ShellRequest | undefined {
	let asUser = false;
	for (const [index, argument] of argv.entries()) {
		if (argument === "--user") asUser = true;
		else if (argument === "--" && index + 1 < argv.length) return { asUser, command: argv.slice(index + 1) };
		else return undefined;
	}
	return { asUser, command: null };
}
