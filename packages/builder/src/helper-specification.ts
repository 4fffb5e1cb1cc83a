/**
 * A build request in the native helper's language: NUL-terminated words, an operation and its arguments (`native/build.c`).
 * Pure. Byte strings go out as bytes, other texts as UTF-8.
 */

import { fail, unreachable } from "@devenv/diagnostics";
import type { BuildRequest, SandboxBind } from "./build-request.ts";
import { seccompFilter } from "./seccomp-filter.ts";

/** What the kernel allows for one string of an environment or argument list (MAX_ARG_STRLEN), its NUL included. */
const longestString = 128 * 1024;

export interface SpecificationOptions {
	/** An empty host folder, above none of the request's sources. */
	readonly base: string;
	/** Node's `process.arch`. */
	readonly machine: string;
}

/** Fails with BUILD_STRING_TOO_LONG where the kernel would refuse to start the builder for a reason that names nothing. */
export function helperSpecification(request: BuildRequest, options: SpecificationOptions): Uint8Array {
	const words: Uint8Array[] = [];
	const text = (word: string): void => {
		append(words, Buffer.from(word, "utf8"));
	};
	const bytes = (word: string): void => {
		append(words, Buffer.from(word, "latin1"));
	};
	const root = request.root;
	switch (root.kind) {
		case "empty":
			text("root-empty");
			break;
		case "tree":
			for (const word of ["root-tree", root.path]) text(word);
			break;
		case "overlay":
			for (const word of ["root-overlay", root.lower, root.upper, root.work]) text(word);
			break;
		default:
			unreachable(root);
	}
	for (const word of ["base", options.base, "uid", String(request.uid), "gid", String(request.gid)]) text(word);
	if (request.network) text("network");
	if (request.fakeRoot === true) text("fake-root");
	const filter = seccompFilter(options.machine, { fakeRoot: request.fakeRoot === true });
	if (filter !== undefined) for (const word of ["seccomp", Buffer.from(filter).toString("hex")]) text(word);
	for (const file of request.files ?? []) {
		for (const word of ["file", file.path, (file.mode ?? 0o644).toString(8), file.text]) text(word);
	}
	for (const [path, target] of request.links ?? []) for (const word of ["link", path, target]) text(word);
	/* Last, so that they cover what the files made. */
	for (const bind of outermostFirst(request.binds)) {
		for (const word of [bind.writable === true ? "bind-rw" : "bind-ro", bind.source, bind.target]) text(word);
	}
	for (const word of ["cwd", request.cwd, "exec", request.builder, "arg", request.builder]) text(word);
	for (const argument of request.args) {
		checkLength(argument, `an argument of '${request.name}'`);
		text("arg");
		bytes(argument);
	}
	for (const [name, value] of request.env) {
		checkLength(`${name}=${value}`, `attribute '${name}' of '${request.name}'`);
		text("env");
		bytes(`${name}=${value}`);
	}
	return Buffer.concat(words);
}

/** Binds in the order in which they must be made: what lies inside another target comes after it. */
export function outermostFirst(binds: readonly SandboxBind[]): readonly SandboxBind[] {
	return binds.toSorted((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0));
}

const end = Buffer.from([0]);

function append(words: Uint8Array[], word: Buffer): void {
	if (word.includes(0)) {
		fail("BUILD_NUL_BYTE", `a NUL byte cannot be passed to a program: '${word.subarray(0, 60).toString("utf8")}'`);
	}
	words.push(word, end);
}

function checkLength(word: string, what: string): void {
	if (word.length + 1 <= longestString) return;
	fail(
		"BUILD_STRING_TOO_LONG",
		`${what} is ${word.length} bytes long; Linux passes at most ${longestString} in one string`,
		{
			hint: "pass it in a file: list the attribute in passAsFile, or set __structuredAttrs = true",
		},
	);
}
