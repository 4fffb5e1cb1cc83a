/** Looks at processes through proc(5), for a run of tests that does not end. */

import { readdirSync, readFileSync } from "node:fs";

interface ProcessEntry {
	readonly pid: number;
	readonly parent: number;
	readonly group: number;
	readonly state: string;
	/** Ticks since the machine started. */
	readonly began: number;
}

/** The processes that began after this one, a line each. */
export function describeYounger(): string {
	const all = processes();
	const own = all.find(({ pid }) => pid === process.pid);
	return all
		.filter(({ pid, began }) => pid !== process.pid && began >= (own?.began ?? 0))
		.map(describe)
		.join("\n");
}

/** Kills a process group; its processes, a line each. */
export function killGroup(group: number): string {
	const members = processes().filter((each) => each.group === group && each.state !== "Z");
	const lines = members.map(describe);
	try {
		process.kill(-group, "SIGKILL");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
	return lines.join("\n");
}

/** Its id, its parent's, its state, what its threads do in the kernel, and its command. */
function describe({ pid, parent, state }: ProcessEntry): string {
	const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
	const threads = new Map<string, number>();
	for (const thread of names(`/proc/${pid}/task`)) {
		const wait = `${read(`/proc/${pid}/task/${thread}/comm`).trim()}:${read(`/proc/${pid}/task/${thread}/wchan`)}`;
		threads.set(wait, (threads.get(wait) ?? 0) + 1);
	}
	const waits = [...threads].map(([wait, count]) => `${count}×${wait}`).join(" ");
	return `  ${pid} (parent ${parent}, ${state}) ${command.slice(0, 300)} [${waits}]`;
}

function processes(): ProcessEntry[] {
	return names("/proc")
		.filter((name) => /^[1-9]\d*$/.test(name))
		.flatMap((name) => {
			const status = read(`/proc/${name}/stat`);
			const [state, parent, group, ...rest] = status.slice(status.lastIndexOf(")") + 2).split(" ");
			return state === undefined || state === ""
				? []
				: [{ pid: Number(name), parent: Number(parent), group: Number(group), state, began: Number(rest[16]) }];
		});
}

/** Empty where the process has ended meanwhile, or is another user's. */
function read(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return "";
	}
}

function names(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch {
		return [];
	}
}
