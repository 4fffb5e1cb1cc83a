/**
 * Preloaded into npm by scripts/install: npm leaves optional packages out that want a newer node than it runs on itself,
 * but all packages run on the pinned node. Its version is in DEVENV_PINNED_NODE.
 */
"use strict";

const version = process.env.DEVENV_PINNED_NODE;
if (version) Object.defineProperty(process, "version", { value: `v${version}` });
