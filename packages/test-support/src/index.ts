/** What tests of several packages need. Development only. */

export { removeFolder, temporaryFolder, type Teardown } from "./temporary-folder.ts";
export { nodeEnvironment } from "./node-environment.ts";
export { canRunAs } from "./can-run-as.ts";
export { findProgram } from "./find-program.ts";
export { skip, type Skippable } from "./skip.ts";
