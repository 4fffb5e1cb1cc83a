/**
 * Activation stamps: text ↔ data, and where they lie. The other reader is native/stamp.c; the formats must agree.
 *
 * A stamp is a sequence of fields, each ended by a NUL byte: the magic, the version, then records of a tag and a fixed
 * number of fields, then `end`. Layer 2.
 */

import { closeSync, mkdirSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fail, unreachable } from "@devenv/diagnostics";
import type { EnvironmentChange } from "./environment-difference.ts";

/** What the kernel says of a path: decimal numbers, times in nanoseconds since 1970. */
export interface PathSignature {
	readonly device: bigint;
	readonly inode: bigint;
	readonly size: bigint;
	readonly modified: bigint;
	readonly changed: bigint;
}

/** One thing that must still be so for the stamp to hold. */
export type StampCondition =
	/** A file or folder, links followed. */
	| { readonly kind: "file"; readonly path: string; readonly signature: PathSignature }
	/** A symbolic link itself. */
	| { readonly kind: "link"; readonly path: string; readonly signature: PathSignature }
	/** Nothing there (a link that leads nowhere counts as nothing). */
	| { readonly kind: "absent"; readonly path: string }
	/** Anything there: store objects, which never change but may be collected. */
	| { readonly kind: "present"; readonly path: string }
	/** A variable of the caller; null: unset. */
	| { readonly kind: "variable"; readonly name: string; readonly value: string | null };

/** The view that a shell enters. All paths are where things lie on this machine. */
export interface ViewSpec {
	readonly root: string;
	/** The folder of store objects. */
	readonly store: string;
	readonly etc: string;
	/** Folder of mode 0700 for the host agent; absent: no agent. */
	readonly runtime?: string;
	/** File that gets the names of the host programs used. */
	readonly hostLog?: string;
	/** The uid and gid that a root caller appears under. */
	readonly asUser?: number;
}

export interface Stamp {
	readonly project: string;
	/** False: good for one entry right after it was written. */
	readonly lasting: boolean;
	readonly conditions: readonly StampCondition[];
	readonly view: ViewSpec | null;
	readonly changes: readonly EnvironmentChange[];
	/** Files of variables that come before the changes, read at every entry; absolute. Default: none. */
	readonly dotenv?: readonly string[];
	/** Start from nothing but these variables of the caller. */
	readonly clean: readonly string[] | null;
	/** Program and arguments of the interactive shell. */
	readonly shell: readonly string[];
	/** The runtime folder of the daemon that the interactive shell follows; absent: it follows none. */
	readonly live?: string;
	/** The file that is there if this content may be entered without being asked for (see trust.ts). */
	readonly allowedContent?: string;
}

const magic = "devenv-stamp";
const version = "1";

/** Number of fields of each record. */
const fieldCounts = {
	project: 1,
	lasting: 1,
	file: 6,
	link: 6,
	absent: 1,
	present: 1,
	variable: 2,
	"no-variable": 1,
	root: 1,
	store: 1,
	etc: 1,
	runtime: 1,
	"host-log": 1,
	"as-user": 1,
	dotenv: 1,
	set: 2,
	unset: 1,
	prepend: 3,
	append: 3,
	rehost: 1,
	clean: 0,
	keep: 1,
	shell: 1,
	live: 1,
	"allowed-content": 1,
	end: 0,
} as const;

type Tag = keyof typeof fieldCounts;

/** The stamp's path in the state folder; the same as stamp_path of native/launch.c (FNV-1a, 64 bits, of the project). */
export function stampPath(state: string, project: string, variant: ActivationVariant): string {
	return `${state}/stamps/${activationName(project, variant)}.stamp`;
}

/** What besides the project tells one activation from another. */
export interface ActivationVariant {
	readonly asUser: boolean;
	/** Without a dot; absent: no profile is chosen. */
	readonly profile?: string | undefined;
	/** Of a shell that is other than env.yaml says; begins with a hyphen. */
	readonly variant?: string | undefined;
}

/** What files of an activation are named after. The helper knows those without profile and variant only. */
export function activationName(project: string, { asUser, profile, variant = "" }: ActivationVariant): string {
	return `${projectHash(project)}${asUser ? "-user" : ""}${profile === undefined ? "" : `.${profile}`}${variant}`;
}

/** The stamp that shims enter: of the last environment that was allowed, whatever the files say by now. */
export function outsideStampPath(state: string, project: string): string {
	return `${state}/stamps/${projectHash(project)}-outside.stamp`;
}

/** DEVENV_RUNTIME of a project, below the installation's runtime folder. */
export function projectRuntime(runtime: string, project: string): string {
	return `${runtime}/projects/${projectHash(project)}`;
}

/** The folder in which a project's supervisor listens, as a daemon does in the installation's. */
export function supervisorRuntime(runtime: string, project: string): string {
	return `${projectRuntime(runtime, project)}/supervisor`;
}

/** 16 hex digits that stand for a project folder in file names. Not collision-proof: what is found must name the project. */
export function projectHash(project: string): string {
	let hash = 0xcbf29ce484222325n;
	for (const byte of Buffer.from(project)) hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
	return hash.toString(16).padStart(16, "0");
}

/** The bytes of a stamp. Throws `STAMP_VALUE` for a value with a NUL character, which no field can hold. */
export function formatStamp(stamp: Stamp): Buffer {
	const fields: string[] = [magic, version];
	const add = (tag: Tag, ...values: string[]): void => {
		const hostile = values.find((each) => each.includes("\0"));
		if (hostile !== undefined) fail("STAMP_VALUE", `a value holds a NUL character: ${JSON.stringify(hostile)}`);
		fields.push(tag, ...values);
	};
	add("project", stamp.project);
	add("lasting", stamp.lasting ? "1" : "0");
	for (const condition of stamp.conditions) addCondition(condition, add);
	if (stamp.view !== null) {
		const { root, store, etc, runtime, hostLog, asUser } = stamp.view;
		add("root", root);
		add("store", store);
		add("etc", etc);
		if (runtime !== undefined) add("runtime", runtime);
		if (hostLog !== undefined) add("host-log", hostLog);
		if (asUser !== undefined) add("as-user", String(asUser));
	}
	if (stamp.clean !== null) {
		add("clean");
		for (const name of stamp.clean) add("keep", name);
	}
	for (const path of stamp.dotenv ?? []) add("dotenv", path);
	for (const change of stamp.changes) addChange(change, add);
	for (const argument of stamp.shell) add("shell", argument);
	if (stamp.live !== undefined) add("live", stamp.live);
	if (stamp.allowedContent !== undefined) add("allowed-content", stamp.allowedContent);
	add("end");
	return Buffer.from(`${fields.join("\0")}\0`);
}

function addCondition(condition: StampCondition, add: (tag: Tag, ...values: string[]) => void): void {
	switch (condition.kind) {
		case "file":
		case "link": {
			const { device, inode, size, modified, changed } = condition.signature;
			add(condition.kind, condition.path, ...[device, inode, size, modified, changed].map(String));
			return;
		}
		case "absent":
		case "present": {
			add(condition.kind, condition.path);
			return;
		}
		case "variable": {
			if (condition.value === null) add("no-variable", condition.name);
			else add("variable", condition.name, condition.value);
			return;
		}
		default:
			return unreachable(condition);
	}
}

function addChange(change: EnvironmentChange, add: (tag: Tag, ...values: string[]) => void): void {
	switch (change.kind) {
		case "set": {
			add("set", change.name, change.value);
			return;
		}
		case "unset":
		case "rehost": {
			add(change.kind, change.name);
			return;
		}
		case "prepend":
		case "append": {
			add(change.kind, change.name, change.separator, change.value);
			return;
		}
		case "alias":
			return; // shells read it in their startup texts
		default:
			return unreachable(change);
	}
}

/** Reads a stamp's bytes; the inverse of {@link formatStamp}. Throws `STAMP_INVALID`. */
export function parseStamp(bytes: Buffer): Stamp {
	const fields = bytes.toString("utf8").split("\0");
	const damaged = (): never => fail("STAMP_INVALID", "the activation stamp is damaged or of another version");
	if (fields.shift() !== magic || fields.shift() !== version || fields.pop() !== "") return damaged();
	const conditions: StampCondition[] = [];
	const changes: EnvironmentChange[] = [];
	const keep: string[] = [];
	const dotenv: string[] = [];
	const shell: string[] = [];
	const single = new Map<Tag, string>();
	for (let at = 0; ; ) {
		const tag = fields[at] as Tag | undefined;
		if (tag === undefined || !Object.hasOwn(fieldCounts, tag)) return damaged();
		const values = fields.slice(at + 1, at + 1 + fieldCounts[tag]);
		if (values.length !== fieldCounts[tag]) return damaged();
		at += 1 + values.length;
		const [first = "", second = "", third = ""] = values;
		if (tag === "end") {
			if (at !== fields.length) return damaged();
			break;
		}
		if (tag === "file" || tag === "link") conditions.push({ kind: tag, path: first, signature: signatureOf(values) });
		else if (tag === "absent" || tag === "present") conditions.push({ kind: tag, path: first });
		else if (tag === "variable") conditions.push({ kind: tag, name: first, value: second });
		else if (tag === "no-variable") conditions.push({ kind: "variable", name: first, value: null });
		else if (tag === "set") changes.push({ kind: tag, name: first, value: second });
		else if (tag === "unset" || tag === "rehost") changes.push({ kind: tag, name: first });
		else if (tag === "prepend" || tag === "append")
			changes.push({ kind: tag, name: first, separator: second, value: third });
		else if (tag === "dotenv") dotenv.push(first);
		else if (tag === "keep") keep.push(first);
		else if (tag === "shell") shell.push(first);
		else single.set(tag, first);
	}
	const [root, store, etc] = [single.get("root"), single.get("store"), single.get("etc")];
	const [runtime, hostLog, asUser] = [single.get("runtime"), single.get("host-log"), single.get("as-user")];
	const live = single.get("live");
	const allowedContent = single.get("allowed-content");
	return {
		project: single.get("project") ?? damaged(),
		lasting: single.get("lasting") === "1",
		conditions,
		view:
			root === undefined || store === undefined || etc === undefined
				? null
				: {
						root,
						store,
						etc,
						...(runtime === undefined ? {} : { runtime }),
						...(hostLog === undefined ? {} : { hostLog }),
						...(asUser === undefined ? {} : { asUser: Number(asUser) }),
					},
		changes,
		...(dotenv.length === 0 ? {} : { dotenv }),
		clean: single.has("clean") ? keep : null,
		shell,
		...(live === undefined ? {} : { live }),
		...(allowedContent === undefined ? {} : { allowedContent }),
	};
}

function signatureOf(values: readonly string[]): PathSignature {
	const [device, inode, size, modified, changed] = values.slice(1).map((each) => {
		return /^-?\d+$/.test(each) ? BigInt(each) : fail("STAMP_INVALID", "the activation stamp is damaged");
	});
	return {
		device: device ?? 0n,
		inode: inode ?? 0n,
		size: size ?? 0n,
		modified: modified ?? 0n,
		changed: changed ?? 0n,
	};
}

export function readStamp(path: string): Stamp {
	return parseStamp(readFileSync(path));
}

/**
 * Writes a stamp in one step; readers see the old one or the new one. Its folder is made private to the caller. What a
 * crash of the machine leaves is found damaged and made again, so nothing waits for the disk.
 */
export function writeStampFile(path: string, stamp: Stamp): void {
	const bytes = formatStamp(stamp);
	mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	const fresh = `${path}.${process.pid}.${process.hrtime.bigint()}`;
	const file = openSync(fresh, "wx", 0o600);
	try {
		for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
		renameSync(fresh, path);
	} catch (error) {
		unlinkSync(fresh);
		throw error;
	} finally {
		closeSync(file);
	}
}
