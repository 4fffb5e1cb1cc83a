/** The evaluator's I/O on this machine. Layer 3. */

export { NodeEvalIO, type EvalIOOptions, type TreeAttributes } from "./eval-io.ts";
export { FileRefused, readRegularFile } from "./read-regular-file.ts";
export { ReadLog } from "./read-log.ts";
export { FetchedObjects } from "../fetch-tree/fetched-objects.ts";
export { userRegistries } from "../fetch-tree/user-registries.ts";
export { MainThread } from "../evaluation/main-thread.ts";
export type { Question } from "../evaluation/messages.ts";
export { hostSystem } from "../host-system.ts";
export { EvaluationMemory, type Recalled, type RememberedResult } from "../eval-memory/evaluation-memory.ts";
export { RecordBuilder, type ThreadNumbers } from "../eval-memory/record-builder.ts";
export { ReadJournal, type RecordedRead } from "../eval-memory/read-journal.ts";
export { sourceRootOf } from "../eval-memory/source-root.ts";
