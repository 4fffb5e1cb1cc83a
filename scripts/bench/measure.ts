/** Timing for the benchmarks: interleaved rounds of whole commands, medians, 95th percentiles and ratios. */

import { spawnSync } from "node:child_process";

export interface Contestant {
	readonly name: string;
	readonly command: readonly string[];
	readonly cwd?: string;
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** How often a round runs the command, from a small shell, so that this large process's fork is not what is measured. */
	readonly repeat?: number;
	/** Runs before each round, untimed; gets the number of the round, from 0 (warm-up rounds are negative). */
	readonly before?: (round: number) => void;
}

export interface Timing {
	readonly name: string;
	/** Milliseconds. */
	readonly median: number;
	readonly p95: number;
}

/**
 * Times every contestant once a round, in turn, so that slow drift of the machine meets all alike; 3 warm-up rounds are
 * not counted. A command that fails ends the benchmark.
 */
export function measure(contestants: readonly Contestant[], rounds: number): Timing[] {
	return measureFrom(-3, contestants, rounds);
}

/** As {@link measure}, without warm-up rounds: for commands that take long and start from nothing. */
export function measureCold(contestants: readonly Contestant[], rounds: number): Timing[] {
	return measureFrom(0, contestants, rounds);
}

function measureFrom(first: number, contestants: readonly Contestant[], rounds: number): Timing[] {
	const samples = contestants.map(() => [] as number[]);
	for (let round = first; round < rounds; round++) {
		for (const [index, contestant] of contestants.entries()) {
			contestant.before?.(round);
			const milliseconds = timeOnce(contestant);
			if (round >= 0) samples[index]?.push(milliseconds);
		}
	}
	return contestants.map((contestant, index) => timingOf(contestant.name, samples[index] ?? []));
}

const repeatCommand = 'n=$1; shift; while [ "$n" -gt 0 ]; do "$@" || exit; n=$((n - 1)); done';

/** Runs a command `repeat` times; wall-clock milliseconds for one. */
export function timeOnce(contestant: Contestant): number {
	const repeat = contestant.repeat ?? 1;
	const [program, ...args] =
		repeat === 1 ? contestant.command : ["sh", "-c", repeatCommand, "sh", String(repeat), ...contestant.command];
	if (program === undefined) throw new Error(`${contestant.name}: empty command`);
	const started = process.hrtime.bigint();
	const result = spawnSync(program, args, {
		cwd: contestant.cwd,
		env: { ...cleanEnvironment(), ...contestant.env },
		stdio: ["ignore", "ignore", "pipe"],
		encoding: "utf8",
	});
	const milliseconds = Number(process.hrtime.bigint() - started) / 1e6 / repeat;
	if (result.error !== undefined) throw result.error;
	if (result.status !== 0) {
		throw new Error(
			`${contestant.name}: ${contestant.command.join(" ")} ended with ${result.status}:\n${result.stderr}`,
		);
	}
	return milliseconds;
}

/** Prints a table with each contestant's ratio to the named one; gives the ratios of the medians by name. */
export function report(title: string, timings: readonly Timing[], reference: string): Map<string, number> {
	const base = timings.find((timing) => timing.name === reference);
	if (base === undefined) throw new Error(`no contestant '${reference}'`);
	console.log(`\n${title}`);
	const ratios = new Map<string, number>();
	for (const { name, median, p95 } of timings) {
		const ratio = median / base.median;
		ratios.set(name, ratio);
		console.log(
			`  ${name.padEnd(44)} median ${median.toFixed(2).padStart(9)} ms   p95 ${p95.toFixed(2).padStart(9)} ms   ` +
				`${ratio.toFixed(3)} x (p95 ${(p95 / base.p95).toFixed(3)} x)`,
		);
	}
	return ratios;
}

/** The caller's environment without what slows every start of node. */
export function cleanEnvironment(): Record<string, string | undefined> {
	const { NODE_EXTRA_CA_CERTS, NODE_OPTIONS, ...rest } = process.env;
	return rest;
}

/** Median and 95th percentile of samples in milliseconds. */
export function timingOf(name: string, samples: readonly number[]): Timing {
	const sorted = [...samples].sort((a, b) => a - b);
	const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
	return { name, median: at(0.5), p95: at(0.95) };
}
