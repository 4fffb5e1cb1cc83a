/**
 * Two evaluators for the package set's tests: this project's, and real Nix where the machine has one. Both get a text and
 * give its value, strictly evaluated, as data.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Evaluator } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { openStore } from "@devenv/store";
import { NodeEvalIO } from "../../src/eval-io/index.ts";

export interface NixBackend {
	readonly name: "devenv" | "nix";
	/** Throws an Error whose message holds the Nix error's. */
	evaluate(text: string): unknown;
	close(): void;
}

/** This project's evaluator, on an empty store that is only read. */
export function ownBackend(): NixBackend {
	const folder = mkdtempSync(join(tmpdir(), "devenv-eval-"));
	const store = openStore({ root: folder });
	const log = (_level: string, message: string): void => {
		throw new Error(`unexpected message: ${message}`);
	};
	return {
		name: "devenv",
		evaluate(text) {
			const io = new NodeEvalIO({ store, readOnly: true, log });
			const evaluator = new Evaluator({ io, currentSystem: "x86_64-linux" });
			return parseJson(textFromBytes(evaluator.toJson(evaluator.evalString(bytesFromText(text), "/"))));
		},
		close() {
			store.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** Real Nix, with folders of its own and writing nothing; undefined where there is none. */
export function realNix(): NixBackend | undefined {
	const folder = mkdtempSync(join(tmpdir(), "devenv-real-nix-"));
	const env = {
		PATH: process.env["PATH"],
		HOME: folder,
		NIX_STATE_DIR: join(folder, "state"),
		NIX_LOG_DIR: join(folder, "log"),
		NIX_CONF_DIR: join(folder, "conf"),
		NIX_REMOTE: folder,
	};
	const run = (text: string): string =>
		execFileSync("nix-instantiate", ["--eval", "--strict", "--json", "--readonly-mode", "-E", text], {
			encoding: "utf8",
			env,
			stdio: ["ignore", "pipe", "pipe"],
		});
	const close = (): void => {
		rmSync(folder, { recursive: true, force: true });
	};
	try {
		run("1");
	} catch (error) {
		close();
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
	return { name: "nix", evaluate: (text) => parseJson(run(text)), close };
}

function parseJson(text: string): unknown {
	return JSON.parse(text);
}
