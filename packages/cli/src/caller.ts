/**
 * The caller's own environment. The launcher keeps some variables away from the client's node, since they would slow or
 * break its start; everything that the client hands on (the daemon, the shell, commands) gets them back. Layer 5.
 */

/**
 * What the launcher puts the variables into while node runs: `=value` where the caller had set them, empty where not.
 * Shared with scripts/devenv.
 */
const carried: Readonly<Record<string, string>> = {
	DEVENV_CALLER_NODE_EXTRA_CA_CERTS: "NODE_EXTRA_CA_CERTS",
	DEVENV_CALLER_NODE_OPTIONS: "NODE_OPTIONS",
	DEVENV_CALLER_LD_LIBRARY_PATH: "LD_LIBRARY_PATH",
};

/** The file that `devenv --trace` has all of this command's processes write to; the caller's own programs know nothing of it. */
export const TRACE_VARIABLE = "DEVENV_TRACE_FILE";

/** The environment as the caller of the launcher had it. */
export function callerEnvironment(environment: Readonly<NodeJS.ProcessEnv>): Record<string, string> {
	const restored = new Map<string, string>();
	for (const [name, value] of Object.entries(environment)) {
		if (value !== undefined && !Object.hasOwn(carried, name) && name !== TRACE_VARIABLE) restored.set(name, value);
	}
	for (const [carrier, name] of Object.entries(carried)) {
		const value = environment[carrier];
		if (value?.startsWith("=") === true) restored.set(name, value.slice(1));
		else if (value !== undefined) restored.delete(name);
	}
	return Object.fromEntries(restored);
}

/** The caller's environment for a node process of this installation: with what the pinned node itself needs. */
export function nodeEnvironment(environment: Readonly<NodeJS.ProcessEnv>): Record<string, string> {
	const restored = callerEnvironment(environment);
	delete restored["NODE_OPTIONS"];
	const own = environment["LD_LIBRARY_PATH"];
	if (environment["DEVENV_CALLER_LD_LIBRARY_PATH"] !== undefined && own !== undefined) {
		restored["LD_LIBRARY_PATH"] = own;
	}
	return restored;
}

/** Who runs this process, as it sees it itself. */
export function callerIds(): { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } {
	return {
		uid: process.geteuid?.() ?? 0,
		gid: process.getegid?.() ?? 0,
		groups: process.getgroups?.() ?? [],
	};
}
