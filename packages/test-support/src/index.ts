/** What tests of several packages need. Development only. */

export { temporaryFolder, type Teardown } from "./temporary-folder.ts";
export { findProgram } from "./find-program.ts";
export { skip, type Skippable } from "./skip.ts";
