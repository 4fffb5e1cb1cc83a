/** Reading files of variables. Layer 2. */

import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { DOTENV_LIMIT, type DotenvFile, parseDotenv } from "./dotenv.ts";

/** Undefined where there is no such file, or one that cannot be read or is too large. Its last component may be no link. */
export function readDotenvFile(path: string): DotenvFile | undefined {
	let descriptor: number;
	try {
		descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	} catch {
		return undefined; // as the helper does: not there, not ours, a link
	}
	try {
		const info = fstatSync(descriptor);
		if (!info.isFile() || info.size > DOTENV_LIMIT) return undefined;
		return parseDotenv(readFileSync(descriptor, "utf8"));
	} finally {
		closeSync(descriptor);
	}
}
