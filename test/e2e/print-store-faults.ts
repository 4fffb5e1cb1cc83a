/** Prints what is wrong with the store whose root is the argument, as JSON. A test's program. */

import { storeFaults } from "./aftermath.ts";

console.log(JSON.stringify(await storeFaults(process.argv[2] ?? "/")));
