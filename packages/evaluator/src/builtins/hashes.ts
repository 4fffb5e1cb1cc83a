/** Built-in operations on hashes. Layer 1, pure. */

import { DiagnosticError } from "@devenv/diagnostics";
import { blake3 } from "@noble/hashes/blake3.js";
import {
	formatHash,
	hashBytes,
	isHashAlgo,
	parseHash,
	type Hash,
	type HashAlgo,
	type HashFormat,
} from "@devenv/nix-formats";
import type { Runtime } from "../eval/runtime.ts";
import { NO_POSITION } from "../syntax/position.ts";
import type { BuiltinDefinition } from "../value/function.ts";
import type { Lazy, Value } from "../value/value.ts";

/** Evaluates to the name of a hash algorithm whose hashes the store has. */
function expectHashAlgo(runtime: Runtime, value: Lazy, what: string): HashAlgo {
	const name = runtime.expectPlainString(value, NO_POSITION, what);
	return isHashAlgo(name) ? name : unknownAlgorithm(runtime, name);
}

function unknownAlgorithm(runtime: Runtime, name: string): never {
	const known = "'blake3', 'md5', 'sha1', 'sha256', or 'sha512'";
	throw runtime.error("eval", `unknown hash algorithm '${name}', expect ${known}`);
}

/** Evaluates to the name of any hash algorithm; gives what hashes with it, in base 16. */
export function expectHasher(runtime: Runtime, value: Lazy, what: string): (bytes: string) => string {
	const name = runtime.expectPlainString(value, NO_POSITION, what);
	if (isHashAlgo(name)) return (bytes) => formatHash(hashBytes(name, bytes), "base16");
	if (name !== "blake3") unknownAlgorithm(runtime, name);
	if (!runtime.settings.experimentalFeatures.has("blake3-hashes")) {
		const advice = "add '--extra-experimental-features blake3-hashes' to enable it";
		throw runtime.error("eval", `experimental Nix feature 'blake3-hashes' is disabled; ${advice}`);
	}
	return (bytes) => Buffer.from(blake3(Buffer.from(bytes, "latin1"))).toString("hex");
}

const formats: ReadonlyMap<string, HashFormat> = new Map([
	["base16", "base16"],
	["nix32", "base32"],
	["base32", "base32"],
	["base64", "base64"],
	["sri", "sri"],
]);

function convertHash(runtime: Runtime, argument: Lazy): Value {
	const attrs = runtime.expectAttrs(
		argument,
		NO_POSITION,
		"while evaluating the first argument passed to builtins.convertHash",
	);
	const text = runtime.expectPlainString(
		runtime.expectAttr(attrs, "hash", "while locating the attribute 'hash'"),
		NO_POSITION,
		"while evaluating the attribute 'hash'",
	);
	const given = attrs.get("hashAlgo");
	const algo =
		given === undefined ? undefined : expectHashAlgo(runtime, given, "while evaluating the attribute 'hashAlgo'");
	const formatName = runtime.expectPlainString(
		runtime.expectAttr(attrs, "toHashFormat", "while locating the attribute 'toHashFormat'"),
		NO_POSITION,
		"while evaluating the attribute 'toHashFormat'",
	);
	const format = formats.get(formatName);
	if (format === undefined) {
		throw runtime.error("eval", `unknown hash format '${formatName}', expect 'base16', 'base32', 'base64', or 'sri'`);
	}
	if (formatName === "base32") {
		runtime.io.log("warning", '"base32" is a deprecated alias for hash format "nix32".');
	}
	return formatHash(parseAnyHash(runtime, text, algo), format);
}

/** Reads a hash in any notation; faults become evaluation errors. */
function parseAnyHash(runtime: Runtime, text: string, algo: HashAlgo | undefined): Hash {
	try {
		return parseHash(text, algo);
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		throw runtime.error("eval", error.diagnostics[0]?.message ?? error.message, { cause: error });
	}
}

export const hashBuiltins: readonly BuiltinDefinition[] = [
	{
		name: "hashString",
		arity: 2,
		params: ["type", "s"],
		fn: (runtime, type, value) => {
			const hash = expectHasher(runtime, type, "while evaluating the first argument passed to builtins.hashString");
			const text = runtime.expectText(
				value,
				NO_POSITION,
				"while evaluating the second argument passed to builtins.hashString",
			);
			return hash(text);
		},
	},
	{ name: "convertHash", arity: 1, params: ["args"], fn: convertHash },
	{
		name: "placeholder",
		arity: 1,
		params: ["output"],
		global: true,
		fn: (runtime, value) => {
			const what = "while evaluating the first argument passed to builtins.placeholder";
			const output = runtime.expectPlainString(value, NO_POSITION, what);
			return `/${formatHash(hashBytes("sha256", `nix-output:${output}`), "base32")}`;
		},
	},
];
