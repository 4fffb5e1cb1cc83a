/**
 * Ends what a process left behind: its group, and what left the group but still has the mark that each process gets in its
 * environment. Layer 4.
 *
 * A program that shows a title of its own (Redis) writes it over its environment, mark and all. So the groups that were started are
 * written down too, for the supervisor after one that was killed.
 */

import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processStart } from "@devenv/engine";

/** The variable whose value tells the processes of one supervised process from all others. */
export const MARK_VARIABLE = "DEVENV_PROCESS";

/** Sends a signal to a process group; false where there is none any more. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
	try {
		process.kill(-group, signal);
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
		throw error;
	}
}

/** Writes a group that was started down in a file: its leader's process id, and when that began. */
export function recordGroup(file: string, leader: number): void {
	const began = processStart(leader);
	if (began !== undefined) appendFileSync(file, `${leader} ${began}\n`, { mode: 0o600 });
}

/** Kills the groups of a file whose leaders live, and removes it; how many there were. */
export function killRecorded(file: string): number {
	let lines: string[];
	try {
		lines = readFileSync(file, "utf8").split("\n");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
		throw error;
	}
	const living = lines.filter((line) => {
		const [leader, began] = line.split(" ");
		return /^[1-9]\d*$/.test(leader ?? "") && began !== undefined && processStart(Number(leader)) === began;
	});
	for (const line of living) signalGroup(Number.parseInt(line, 10), "SIGKILL");
	rmSync(file, { force: true });
	return living.length;
}

/** The caller's processes whose mark begins with `prefix`. */
export function markedProcesses(prefix: string): number[] {
	const field = `${MARK_VARIABLE}=${prefix}`;
	return readdirSync("/proc")
		.filter((name) => /^[1-9]\d*$/.test(name) && name !== String(process.pid))
		.filter((pid) => readEnvironment(pid).some((each) => each.startsWith(field)))
		.map(Number);
}

/** Another user's process, and one that has ended, has none. */
function readEnvironment(pid: string): string[] {
	try {
		return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
	} catch {
		return [];
	}
}

/** Kills what has the mark; how many there were. What forks as fast as it is killed is given up after some rounds. */
export async function killMarked(prefix: string): Promise<number> {
	const seen = new Set<number>();
	for (let round = 0; round < 20; round++) {
		const found = markedProcesses(prefix);
		if (found.length === 0) break;
		for (const pid of found) {
			seen.add(pid);
			try {
				process.kill(pid, "SIGKILL");
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
			}
		}
		await sleep(10);
	}
	return seen.size;
}
