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
	/** The host's variables and programs stay out. */
	readonly pure: boolean;
	/** Variables that come in nevertheless. */
	readonly keep: readonly string[];
	/** Packages instead of a project's (`-p`); none: the project's. */
	readonly packages: readonly string[];
	/** For these: the newest state is pinned. */
	readonly fresh: boolean;
	/** The profile of env.yaml that is chosen; null: none. */
	readonly profile: string | null;
	/** Program and arguments, or null for an interactive shell. */
	readonly command: readonly string[] | null;
}

/** The arguments after `shell`, or undefined where they need the whole parser (help, mistakes). */
export function parseShellArguments(argv: readonly string[]): ShellRequest | undefined {
	let asUser = false;
	let ambient = false;
	let locked = false;
	let offline = false;
	let pure = false;
	let fresh = false;
	const keep: string[] = [];
	const packages: string[] = [];
	let profile: string | null = null;
	for (let index = 0; index < argv.length; index++) {
		const argument = argv[index];
		const value = argv[index + 1];
		if (argument === "--user") asUser = true;
		else if (argument === "--pure") pure = true;
		else if (argument === "--fresh") fresh = true;
		else if ((argument === "-p" || argument === "--package") && value !== undefined && !value.startsWith("-")) {
			packages.push(value);
			index++;
		} else if (argument === "--profile" && value !== undefined && value !== "" && !value.startsWith("-")) {
			profile = value;
			index++;
		} else if (argument === "--keep" && value !== undefined && /^[A-Za-z_]\w*$/.test(value)) {
			keep.push(value);
			index++;
		} else if (argument === "--ambient") ambient = true;
		else if (argument === "--locked") locked = true;
		else if (argument === "--offline") offline = true;
		else if (argument === "--" && value !== undefined) {
			if ((keep.length > 0 && !pure) || (fresh && packages.length === 0)) return undefined;
			return { asUser, ambient, locked, offline, pure, keep, packages, fresh, profile, command: argv.slice(index + 1) };
		} else return undefined;
	}
	if ((keep.length > 0 && !pure) || (fresh && packages.length === 0)) return undefined;
	return { asUser, ambient, locked, offline, pure, keep, packages, fresh, profile, command: null };
}
