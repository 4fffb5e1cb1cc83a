/** The daemon of this checkout under the version of an older one. A test's program; environment as the real one's. */

import { join } from "node:path";
import { engineService } from "../../packages/daemon/src/engine-requests.ts";
import { runDaemon } from "../../packages/daemon/src/run-daemon.ts";

const helper = join(import.meta.dirname, "../../build/native/devenv-helper");

await runDaemon({ version: "0.0.1", makeService: (context) => Promise.resolve(engineService(context, helper)) });
