/** The drop-ins that evaluate nothing in this thread: the store in this process, without oclif and without the daemon. Layer 5. */

import { runNixCollectGarbage } from "./nix-collect-garbage/run-nix-collect-garbage.ts";
import { runNixCopyClosure } from "./nix-copy-closure/run-nix-copy-closure.ts";
import { runNixHash } from "./nix-hash/run-nix-hash.ts";
import { runNixPrefetchUrl } from "./nix-prefetch-url/run-nix-prefetch-url.ts";
import { runNixStore } from "./nix-store/run-nix-store.ts";
import { endWithReader, runToExit } from "./run-to-exit.ts";

const programs: Readonly<Record<string, (argv: readonly string[]) => number | Promise<number>>> = {
	"nix-store": runNixStore,
	"nix-hash": runNixHash,
	"nix-collect-garbage": runNixCollectGarbage,
	"nix-prefetch-url": runNixPrefetchUrl,
	"nix-copy-closure": runNixCopyClosure,
	"nix-build": async (argv) => (await import("./nix-build/run-nix-build.ts")).runNixBuild(argv),
};

/** `argv` begins with the program's name. */
export async function main(argv: readonly string[], keepCompiled: () => void): Promise<void> {
	const [name = "", ...rest] = argv;
	const program = programs[name];
	if (program === undefined) throw new Error(`no such program: ${name}`);
	endWithReader();
	process.once("exit", keepCompiled);
	await runToExit(() => program(rest));
}
