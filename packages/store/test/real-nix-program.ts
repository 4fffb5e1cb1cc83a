/** Real Nix's programs on a test's own store. */

import { spawnSync } from "node:child_process";
import { findProgram, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";

export interface NixRun {
	readonly status: number | null;
	readonly stdout: Buffer;
	readonly stderr: string;
}

/** Runs `nix-store` on the store below a root; nothing of the user's is seen. */
export function tryNixStore(root: string, args: readonly string[], input: Uint8Array = Buffer.alloc(0)): NixRun {
	const { status, stdout, stderr } = spawnSync("nix-store", [...args, "--store", root], {
		input,
		env: { PATH: process.env["PATH"], HOME: `${root}/home`, NIX_CONF_DIR: `${root}/conf` },
		maxBuffer: 1 << 28,
	});
	return { status, stdout, stderr: stderr.toString() };
}

/** The same; what it prints, where it succeeds. */
export function nixStore(root: string, args: readonly string[], input?: Uint8Array): Buffer {
	const { status, stdout, stderr } = tryNixStore(root, args, input);
	if (status !== 0) throw new Error(`nix-store ${args.join(" ")} failed: ${stderr}`);
	return stdout;
}

/** A test that is skipped where there is no Nix. */
export function testWithNix(title: string, body: (t: ExecutionContext) => Promise<void> | void): void {
	test(title, async (t) => {
		if (findProgram("nix-store") === undefined) skip(t, "no nix on PATH");
		else await body(t);
	});
}
