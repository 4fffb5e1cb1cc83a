/**
 * The composed passwd, group and nsswitch.conf: texts in, texts out, and the one question to the host's account database.
 * Layer 2 (all but {@link askAccounts} is pure).
 */

import { spawnSync } from "node:child_process";

/** A caller as the account files shall show him. */
export interface Account {
	readonly name: string;
	readonly uid: number;
	readonly gid: number;
	readonly home: string;
	readonly shell: string;
}

/**
 * Lines of `passwd` or `group` from `getent`, which knows accounts that come from LDAP or sssd too. Numbers that nobody
 * knows, or a host without getent, give no line.
 */
export function askAccounts(database: "passwd" | "group", ids: readonly number[]): string[] {
	if (ids.length === 0) return [];
	const answer = spawnSync("getent", [database, ...ids.map(String)], { encoding: "utf8", timeout: 5000 });
	return answer.error === undefined ? answer.stdout.split("\n").filter((line) => line.includes(":")) : [];
}

/** Those of the numbers that a `passwd` or `group` of the host does not have: getent, which looks there first, need not be asked for the others. */
export function unlistedIds(text: string, ids: readonly number[]): number[] {
	const listed = new Set(text.split("\n").map((line) => line.split(":")[2]));
	return ids.filter((id) => !listed.has(String(id)));
}

/**
 * The view's passwd: the caller first, then the host's accounts, then those that only the root has (made by its
 * maintainer scripts). The caller keeps the host's name and full name.
 */
export function composePasswd(host: string, root: string, known: readonly string[], account: Account): string {
	const lines = [...records(host, 7), ...known.map((line) => line.split(":")).filter((each) => each.length === 7)];
	const own = lines.find((fields) => fields[2] === String(account.uid));
	const name = own?.[0] ?? account.name;
	const caller = [name, "x", String(account.uid), String(account.gid), own?.[4] ?? "", account.home, account.shell];
	return joinByName([caller, ...lines.filter((fields) => fields[2] !== caller[2]), ...records(root, 7)]);
}

/** The view's group file: the host's groups, those that `known` adds, then those that only the root has. */
export function composeGroup(host: string, root: string, known: readonly string[], account: Account): string {
	const lines = [...records(host, 4), ...known.map((line) => line.split(":")).filter((each) => each.length === 4)];
	const own = lines.some((fields) => fields[2] === String(account.gid))
		? []
		: [[account.name, "x", String(account.gid), ""]];
	return joinByName([...lines, ...own, ...records(root, 4)]);
}

function records(text: string, fields: number): string[][] {
	return text
		.split("\n")
		.map((line) => line.split(":"))
		.filter((each) => each.length === fields && /^\d+$/.test(each[2] ?? ""));
}

function joinByName(lines: readonly (readonly string[])[]): string {
	const seen = new Set<string>();
	const kept = lines.filter(([name = ""]) => name !== "" && !seen.has(name) && seen.add(name));
	return kept.map((fields) => `${fields.join(":")}\n`).join("");
}

const builtInServices: ReadonlySet<string> = new Set(["files", "dns"]);

/**
 * nsswitch.conf with only the services that the root can load (`hasModule` of `libnss_NAME.so.2`); an action such as
 * `[NOTFOUND=return]` goes with the service before it.
 */
export function composeNsswitch(host: string, hasModule: (service: string) => boolean): string {
	const lines: string[] = [];
	for (const line of host.split("\n")) {
		const match = /^\s*([a-z]+):\s*([^#]*)/.exec(line);
		if (match === null) continue;
		const [, database = "", services = ""] = match;
		const kept: string[] = [];
		let loads = false;
		for (const word of services.match(/\[[^\]]*\]|\S+/g) ?? []) {
			if (!word.startsWith("[")) loads = builtInServices.has(word) || hasModule(word);
			if (loads) kept.push(word);
		}
		if (!kept.includes("files")) kept.unshift("files");
		if (database === "hosts" && !kept.includes("dns")) kept.push("dns");
		lines.push(`${database}: ${kept.join(" ")}`);
	}
	for (const [database, services] of [
		["passwd", "files"],
		["group", "files"],
		["hosts", "files dns"],
	]) {
		if (!lines.some((line) => line.startsWith(`${database}:`))) lines.push(`${database}: ${services}`);
	}
	return `${lines.join("\n")}\n`;
}
