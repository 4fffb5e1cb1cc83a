/** The evaluator's I/O on this machine. Layer 3. */

export { NodeEvalIO, type EvalIOOptions } from "./eval-io.ts";
export { FileRefused, readRegularFile } from "./read-regular-file.ts";
export { ReadLog } from "./read-log.ts";
