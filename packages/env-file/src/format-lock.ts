/** A LockFile as the text of env.lock. Layer 1 (pure). */

import {
	LOCK_VERSION,
	type LockFile,
	type LockedDebianInput,
	type LockedInput,
	type LockedSuite,
	type LockedTreeInput,
} from "./lock-file.ts";

const head = "# The exact package sets of this environment. Commit this file; `devenv update` renews it.\n";

/**
 * The text of env.lock: equal locks give equal bytes, whatever the order of their lists. One value a line, so that
 * changes read well in review; the version comes last, so that a truncated file is recognised.
 */
export function formatLock(lock: LockFile): string {
	const inputs = sorted(lock.inputs, ({ name }) => name);
	const body = inputs.length === 0 ? "inputs: {}\n" : `inputs:\n${inputs.map(formatInput).join("")}`;
	return `${head}${body}version: ${LOCK_VERSION}\n`;
}

function formatInput(input: LockedInput): string {
	const head = [`  ${scalar(input.name)}:`, `    kind: ${input.kind}`, `    url: ${scalar(input.url)}`];
	return `${[...head, ...(input.kind === "tree" ? formatTree(input) : formatDebian(input))].join("\n")}\n`;
}

function formatTree({ rev, date, narHash }: LockedTreeInput): string[] {
	return [
		// Always quoted: some revisions read as numbers.
		...(rev === undefined ? [] : [`    rev: "${rev}"`]),
		...(date === undefined ? [] : [`    date: ${date}`]),
		`    narHash: ${scalar(narHash)}`,
	];
}

function formatDebian({ suites, indexes }: LockedDebianInput): string[] {
	return [
		...block("    suites:", sorted(suites, ({ suite }) => suite).flatMap(formatSuite)),
		...block(
			"    indexes:",
			sorted(indexes, ({ system }) => system).flatMap(({ system, narHash }) => [
				`      - system: ${scalar(system)}`,
				`        narHash: ${scalar(narHash)}`,
			]),
		),
	];
}

function formatSuite(suite: LockedSuite): string[] {
	const packages = sorted(suite.packages, ({ component, path }) => `${component}\0${path}`);
	return [
		`      - suite: ${scalar(suite.suite)}`,
		`        archive: ${scalar(suite.archive)}`,
		`        date: ${suite.date}`,
		...block(
			"        packages:",
			packages.flatMap(({ component, path, sha256, size }) => [
				`          - component: ${scalar(component)}`,
				`            path: ${scalar(path)}`,
				// Always quoted: some hashes read as numbers.
				`            sha256: "${sha256}"`,
				`            size: ${size}`,
			]),
		),
	];
}

function block(key: string, lines: readonly string[]): string[] {
	return lines.length === 0 ? [`${key} []`] : [key, ...lines];
}

/** Plain where no reader could take it for something else, else quoted as in JSON. */
function scalar(value: string): string {
	const plain =
		/^[A-Za-z][A-Za-z0-9_./:+=~?,-]*$/.test(value) && !/^(?:true|false|null)$/i.test(value) && !/[:,]$/.test(value);
	return plain ? value : JSON.stringify(value);
}

function sorted<T>(entries: readonly T[], keyOf: (entry: T) => string): T[] {
	return [...entries].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
}
