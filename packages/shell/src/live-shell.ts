/**
 * The folder in which interactive shells and the daemon meet. Each shell writes `<pid>.shell`: a line that says what it runs
 * in, and its own status line of proc(5), which tells it from a later process of that number; the daemon answers with `<pid>.<n>.change`, a text for the shell to read, and `<pid>.generation`, which holds
 * n and is looked at before every prompt. Files instead of a connection: neither waits for the other, and a new daemon
 * finds the shells of the last one. Layer 2.
 */

import {
	closeSync,
	constants,
	fstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { shellNames, type ShellName } from "./shell-name.ts";

/** What a shell says of itself; written by activation, so that all shells of one activation say the same. */
export interface ShellRegistration {
	readonly project: string;
	/** Whose language its texts are in; `json`: a program that prints them. */
	readonly shell: ShellName | "json";
	/** The variables of the caller that activation read, and nothing else of his. */
	readonly variables: Readonly<Record<string, string>>;
	readonly uid: number;
	readonly gid: number;
	readonly groups: readonly number[];
	readonly asUser: boolean;
	readonly clean: boolean;
	/** The profile that it was entered with; null: none. */
	readonly profile: string | null;
	/** Physical path of the environment store object; of its root; of the composed /etc. Null: no view. */
	readonly environment: string;
	readonly root: string | null;
	readonly etc: string | null;
	/** Whether the helper made the view, so that its root can be changed. */
	readonly swappable: boolean;
	/** What the prompt shows; null where it is left alone. */
	readonly promptName: string | null;
	/** Those of the project that it began with. */
	readonly aliases: Readonly<Record<string, string>>;
	/** It is in no view: it has the project's variables and shims only. */
	readonly outside: boolean;
}

/** A registration with the process that wrote it. */
export interface LiveShellProcess extends ShellRegistration {
	readonly pid: number;
}

const version = 1;
const registrationName = /^([1-9]\d{0,9})\.shell$/;
/** Larger than any registration: a few dozen variables. */
const limit = 256 * 1024;

/** The folder, below the installation's private runtime folder. */
export function liveFolder(runtime: string): string {
	return `${runtime}/shells`;
}

/** Makes the folder; gives its path. */
export function makeLiveFolder(runtime: string): string {
	const folder = liveFolder(runtime);
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	return folder;
}

/** One line of JSON. */
export function formatRegistration(registration: ShellRegistration): string {
	return JSON.stringify({ version, ...registration });
}

/** The inverse of {@link formatRegistration}; undefined for anything else. */
export function parseRegistration(text: string): ShellRegistration | undefined {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return undefined; // half-written, or not ours
	}
	if (typeof value !== "object" || value === null) return undefined;
	const found = value as Readonly<Record<string, unknown>>;
	const { project, shell, variables, uid, gid, groups, asUser, clean, environment, root, etc, swappable, promptName } =
		found;
	// Shells of an earlier version say nothing of profiles and aliases.
	const { outside, profile = null, aliases = {} } = found;
	const name = ([...shellNames, "json"] as const).find((each) => each === shell);
	if (found["version"] !== version || name === undefined) return undefined;
	if (!isAbsolute(project) || !isAbsolute(environment)) return undefined;
	if (root !== null && !isAbsolute(root)) return undefined;
	if (etc !== null && !isAbsolute(etc)) return undefined;
	if (!isId(uid) || !isId(gid) || !Array.isArray(groups) || !groups.every(isId)) return undefined;
	if (typeof asUser !== "boolean" || typeof clean !== "boolean" || typeof swappable !== "boolean") return undefined;
	if (profile !== null && !isProfileName(profile)) return undefined;
	if (promptName !== null && typeof promptName !== "string") return undefined;
	if (typeof outside !== "boolean" || (name === "json" && !outside)) return undefined;
	if (!isVariables(variables) || !isVariables(aliases)) return undefined;
	return {
		project,
		shell: name,
		variables,
		uid,
		gid,
		groups,
		asUser,
		clean,
		profile,
		environment,
		root,
		etc,
		swappable,
		promptName,
		aliases,
		outside,
	};
}

function isAbsolute(value: unknown): value is string {
	return typeof value === "string" && value.startsWith("/") && !value.includes("\0");
}

function isProfileName(value: unknown): value is string {
	return typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(value);
}

function isId(value: unknown): value is number {
	return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}

function isVariables(value: unknown): value is Readonly<Record<string, string>> {
	return (
		typeof value === "object" &&
		value !== null &&
		!Array.isArray(value) &&
		Object.values(value).every((each) => typeof each === "string")
	);
}

/** The shells that run. Files of those that ended, and of an earlier process with the same number, are removed. */
export function listLiveShells(folder: string): LiveShellProcess[] {
	const shells: LiveShellProcess[] = [];
	let names: string[];
	try {
		names = readdirSync(folder);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
		throw error;
	}
	const alive = new Set<string>();
	for (const name of names) {
		const pid = registrationName.exec(name)?.[1];
		if (pid === undefined) continue;
		const registration = readRegistration(`${folder}/${name}`, Number(pid));
		if (registration === "gone") continue;
		alive.add(pid);
		if (registration !== "unclear") shells.push({ ...registration, pid: Number(pid) });
	}
	for (const name of names) {
		const pid = /^(\d+)\./.exec(name)?.[1];
		if (pid !== undefined && !alive.has(pid)) rmSync(`${folder}/${name}`, { force: true });
	}
	return shells;
}

/** `unclear`: still being written, or by another version of us. */
function readRegistration(file: string, pid: number): ShellRegistration | "gone" | "unclear" {
	const running = processStatus(pid);
	if (running === undefined) return "gone";
	const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	try {
		const info = fstatSync(descriptor);
		if (!info.isFile() || info.size > limit) return "unclear";
		const [line = "", status, end] = readFileSync(descriptor, "utf8").split("\n");
		if (status === undefined || end === undefined) return "unclear";
		if (startOf(status) !== startOf(running)) return "gone";
		return parseRegistration(line) ?? "unclear";
	} finally {
		closeSync(descriptor);
	}
}

/** The text of `/proc/<pid>/stat`; undefined where the process has ended. */
function processStatus(pid: number): string | undefined {
	try {
		const status = readFileSync(`/proc/${pid}/stat`, "utf8");
		return fieldsOf(status)[0] === "Z" ? undefined : status;
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === "ENOENT" || code === "ESRCH") return undefined;
		throw error;
	}
}

/** When a process began, in ticks since the machine did: with its number, what tells it from any other. */
function startOf(status: string): string | undefined {
	return fieldsOf(status)[19];
}

/** The fields of a process's status from the third on: the second, its name in parentheses, may hold anything. */
function fieldsOf(status: string): string[] {
	return status.slice(status.lastIndexOf(")") + 2).split(" ");
}

/** Gives a shell a text to read before its next prompt. Generations count up from 1. */
export function pushChange(
	folder: string,
	pid: number,
	change: { readonly generation: number; readonly text: string },
): void {
	const { generation, text } = change;
	writeFileSync(`${folder}/${pid}.${generation}.change`, text, { mode: 0o600 });
	const fresh = `${folder}/${pid}.generation.part`;
	writeFileSync(fresh, `${generation}\n`, { mode: 0o600 });
	renameSync(fresh, `${folder}/${pid}.generation`);
	// A shell that has just read the number before may be about to read that text.
	rmSync(`${folder}/${pid}.${generation - 2}.change`, { force: true });
}

/** The last generation that was given to a shell; 0 for none. */
export function lastGeneration(folder: string, pid: number): number {
	try {
		const text = readFileSync(`${folder}/${pid}.generation`, "utf8").trim();
		return /^\d{1,15}$/.test(text) ? Number(text) : 0;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
		throw error;
	}
}
