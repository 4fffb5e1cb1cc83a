/**
 * HOME and SHELL for a caller who has no account, as in a container that was started under any uid. Layer 5.
 *
 * oclif and what it loads ask the account database for what these variables do not say, and fail where that has no
 * answer. So they have a value while oclif is loaded and configured, and none again when a command runs.
 */

const added: string[] = [];

/** Gives a value to each of the variables that has none. */
export function addAccountVariables(): void {
	for (const name of ["HOME", "SHELL"]) {
		if (process.env[name]) continue;
		process.env[name] = "/";
		added.push(name);
	}
}

/** Takes back what {@link addAccountVariables} of the same bundle has added. */
export function removeAccountVariables(): void {
	for (const name of added.splice(0)) Reflect.deleteProperty(process.env, name);
}
