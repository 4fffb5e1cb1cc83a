/** What a test passes on of its environment to the pinned node, and nothing else of it. */

/** `PATH`, and where the libraries lie that the system lacks (see `scripts/install`). */
export function nodeEnvironment(): Record<string, string> {
	const environment: Record<string, string> = {};
	for (const name of ["PATH", "LD_LIBRARY_PATH"]) {
		const value = process.env[name];
		if (value !== undefined) environment[name] = value;
	}
	return environment;
}
