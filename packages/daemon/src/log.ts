/**
 * The daemon's log: one JSON object a line, the file replaced when it is full. Layer 4.
 *
 * Never holds values of environment variables or contents of files: names, paths, codes and times only.
 */

import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export type LogLevel = "debug" | "info" | "warning" | "error";

/** What a line says beside `time`, `level`, `pid` and `event`. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface Log {
	write(level: LogLevel, event: string, fields?: LogFields): void;
	close(): void;
}

export interface LogOptions {
	/** Bytes after which the file is replaced; default 4 MiB. */
	readonly maxBytes?: number;
	/** How many replaced files are kept, as `<file>.1` (newest) and so on; default 3. */
	readonly keep?: number;
}

/** Longest text of a field, in code units. */
const FIELD_LIMIT = 8_192;

/** Opens a log file for appending, making its folder. */
export function openLog(file: string, { maxBytes = 4 * 1024 * 1024, keep = 3 }: LogOptions = {}): Log {
	mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
	let descriptor = openSync(file, "a", 0o600);
	let size = fstatSync(descriptor).size;
	let open = true;
	let lost = 0;
	const rotate = (): void => {
		for (let index = keep; index >= 1; index--) {
			const from = index === 1 ? file : `${file}.${index - 1}`;
			try {
				renameSync(from, `${file}.${index}`);
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
			}
		}
		closeSync(descriptor);
		descriptor = openSync(file, "a", 0o600);
		size = 0;
	};
	return {
		write: (level, event, fields = {}) => {
			if (!open) return;
			const known = lost === 0 ? fields : { ...fields, lostLines: lost };
			const line = Buffer.from(`${JSON.stringify(entry(level, event, known))}\n`);
			try {
				if (size > 0 && size + line.length > maxBytes) rotate();
				size += writeSync(descriptor, line);
				lost = 0;
			} catch {
				// A full disk must not end the daemon, and there is no other place to say so.
				lost++;
			}
		},
		close: () => {
			if (open) closeSync(descriptor);
			open = false;
		},
	};
}

function entry(level: LogLevel, event: string, fields: LogFields): object {
	const shown = Object.entries(fields).map(([key, value]) => [
		key,
		typeof value === "string" && value.length > FIELD_LIMIT ? `${value.slice(0, FIELD_LIMIT)}…` : value,
	]);
	return { time: new Date().toISOString(), level, pid: process.pid, event, ...(Object.fromEntries(shown) as object) };
}
