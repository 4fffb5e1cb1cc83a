/** Errors of the file system in the words that Nix has for them. Layer 3. */

import { DiagnosticError } from "@devenv/diagnostics";
import { EvalIoError } from "@devenv/evaluator";
import { isMissing, MAX_READ_BYTES } from "./logical-files.ts";
import { FileRefused } from "./read-regular-file.ts";

/** Runs an access to `path`; what it throws becomes an {@link EvalIoError}. */
export function accessing<T>(doing: string, path: string, access: () => T): T {
	try {
		return access();
	} catch (error) {
		throw wrapped(error, doing, path);
	}
}

function wrapped(error: unknown, doing: string, path: string): unknown {
	if (error instanceof DiagnosticError) {
		const message = error.diagnostics.map((each) => each.message).join("; ");
		return new EvalIoError(message, path, { cause: error });
	}
	if (!(error instanceof Error) || error instanceof EvalIoError) return error;
	if (error instanceof FileRefused) {
		const reason =
			error.reason === "too-large"
				? `the file is larger than ${MAX_READ_BYTES / 1024 / 1024} MiB`
				: "it is neither a file nor a folder";
		return new EvalIoError(`${doing} '${path}': ${reason}`, path, { cause: error });
	}
	const { code } = error as NodeJS.ErrnoException;
	if (code === undefined || typeof code !== "string") return error;
	if (code === "ENOTDIR" && doing === "reading directory") {
		return new EvalIoError(`'${path}' is not a directory`, path, { cause: error });
	}
	if (isMissing(error)) return new EvalIoError(`path '${path}' does not exist`, path, { cause: error });
	return new EvalIoError(`${doing} '${path}': ${reasons[code] ?? code}`, path, { cause: error });
}

const reasons: Readonly<Record<string, string>> = {
	EACCES: "Permission denied",
	EISDIR: "Is a directory",
	ELOOP: "Too many levels of symbolic links",
	EMFILE: "Too many open files",
	ENAMETOOLONG: "File name too long",
	ENOMEM: "Cannot allocate memory",
	EPERM: "Operation not permitted",
	EIO: "Input/output error",
};
