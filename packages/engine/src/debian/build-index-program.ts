/** The program of the process that builds an index; see index-process.ts. Layer 3 (engine). */

import { readFileSync } from "node:fs";
import { DiagnosticError } from "@devenv/diagnostics";
import { systemFailure } from "../system-failure.ts";
import { buildIndex } from "./build-index.ts";
import type { IndexAnswer, IndexJobHeader } from "./index-process.ts";

const input = readFileSync(0);
const lineEnd = input.indexOf("\n");
const header = JSON.parse(input.toString("utf8", 0, lineEnd)) as IndexJobHeader;
let offset = lineEnd + 1;
const packages = header.packages.map(({ size, ...file }) => {
	const contents = input.subarray(offset, offset + size);
	offset += size;
	return { ...file, contents };
});
let answer: IndexAnswer;
try {
	answer = { kind: "built", index: await buildIndex({ ...header, packages }) };
} catch (error) {
	const failure = systemFailure(error);
	if (failure === undefined && !(error instanceof DiagnosticError)) throw error;
	answer = { kind: "refused", diagnostics: failure === undefined ? (error as DiagnosticError).diagnostics : [failure] };
}
process.stdout.write(JSON.stringify(answer));
