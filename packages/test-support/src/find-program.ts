/** Programs of the machine that some tests can only run with. */

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** The program's path, or undefined when PATH has none of that name. */
export function findProgram(name: string): string | undefined {
	return (process.env["PATH"] ?? "")
		.split(delimiter)
		.map((folder) => join(folder, name))
		.find((path) => {
			try {
				accessSync(path, constants.X_OK);
				return true;
			} catch {
				return false;
			}
		});
}
