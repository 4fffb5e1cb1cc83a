/**
 * Follows a project's environment as an open shell does: by a registration in the daemon's folder of live shells and the
 * texts that the daemon answers with (live-shell.ts of @devenv/shell). Layer 5.
 */

import { readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { lastGeneration, makeLiveFolder } from "@devenv/shell";
import { connectToDaemon } from "./daemon-connection.ts";

/** Milliseconds between two looks where the file system tells nothing. */
const POLLING_INTERVAL = 2000;

/** Milliseconds between two calls of `onRest`. */
const REST_INTERVAL = 5000;

/** Milliseconds before a daemon that has ended is replaced. */
const PAUSE = 500;

/**
 * Calls `onLine` with each line that comes, in order; lines that nobody read in time may be left out, since each says all.
 * Calls `onRest` every few seconds, so that a caller can look whether anybody is interested. Does not return but by a failure to have a daemon.
 */
export async function followEnvironment(
	runtime: string,
	registration: string,
	onLine: (line: string) => void,
	onRest: () => void,
): Promise<never> {
	const folder = makeLiveFolder(runtime);
	const { pid } = process;
	const file = `${folder}/${pid}.shell`;
	writeFileSync(file, `${registration}\n${readFileSync("/proc/self/stat", "utf8").trimEnd()}\n`, { mode: 0o600 });
	process.once("exit", () => {
		rmSync(file, { force: true });
	});
	let seen = lastGeneration(folder, pid);
	const look = (): void => {
		const last = lastGeneration(folder, pid);
		for (let generation = seen + 1; generation <= last; generation++) {
			const text = readText(`${folder}/${pid}.${generation}.change`);
			if (text !== undefined) onLine(text.trimEnd());
		}
		seen = last;
	};
	watch(folder, look);
	setInterval(look, POLLING_INTERVAL);
	setInterval(onRest, REST_INTERVAL);
	look();
	for (;;) {
		const client = await connectToDaemon(() => undefined);
		await client.ended;
		await sleep(PAUSE);
	}
}

function readText(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // an older one, removed by now
		throw error;
	}
}
