/**
 * Which addresses stand for `mirror://<archive>/…`: the user's own, then those that the machine's apt is configured with, then
 * the snapshot archive. No other mirror is known here.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";

/** Base addresses by archive (`debian`, `debian-security`), without a slash at the end. */
export type Mirrors = ReadonlyMap<string, readonly string[]>;

/** Code names and suite names that only Debian's archives have. */
const debianSuite =
	/^(?:old)*(?:stable|testing|unstable|experimental|sid|buster|bullseye|bookworm|trixie|forky|duke)(?:[-/].*)?$/;

export interface MirrorSettings {
	/** From the user's configuration. The name `snapshot` stands for the bases of archives that keep every past state. */
	readonly user: Mirrors;
	/** From the machine's apt configuration; `snapshot` as above. */
	readonly apt: Mirrors;
}

/** A past state of an archive. */
export interface Snapshot {
	/** `20260901T000000Z`. */
	readonly moment: string;
	/** Mirrors do not count. */
	readonly only: boolean;
}

/** The addresses of a `mirror:` URL, in order and without repetition; any other URL stands for itself. */
export function resolveMirror(url: string, settings: MirrorSettings, snapshot?: Snapshot): readonly string[] {
	const match = /^mirror:\/\/([a-z0-9.+-]+)\/(.+)$/.exec(url);
	if (match === null) {
		if (url.startsWith("mirror:")) fail("FETCH_URL", `'${url}' is not of the form mirror://<archive>/<path>`);
		return [url];
	}
	const [, archive = "", path = ""] = match;
	const bases =
		snapshot?.only === true ? [] : [...(settings.user.get(archive) ?? []), ...(settings.apt.get(archive) ?? [])];
	if (snapshot?.only !== true && bases.length === 0 && archive === "debian-security")
		bases.push(...securityBesideMain(settings));
	if (snapshot !== undefined && /^\d{8}T\d{6}Z$/.test(snapshot.moment)) {
		const archives = settings.user.get("snapshot") ?? settings.apt.get("snapshot") ?? [];
		bases.push(...archives.map((base) => `${base.replace(/\/+$/, "")}/${archive}/${snapshot.moment}`));
	}
	if (bases.length === 0 && snapshot?.only === true) {
		fail("FETCH_NO_SNAPSHOT", `no snapshot archive is known, which alone has past states of '${archive}'`, {
			hint: "name one in the user configuration under mirrors: { snapshot: [<address>] }; apt 3 knows Debian's",
		});
	}
	if (bases.length === 0) {
		fail("FETCH_NO_MIRROR", `no mirror is known for '${archive}'`, {
			hint: `name one in the user configuration under mirrors: { ${archive}: [<address>] }, or in /etc/apt/sources.list`,
		});
	}
	return [...new Set(bases.map((base) => `${base.replace(/\/+$/, "")}/${path}`))];
}

/** Where only the main archive is configured: mirrors that carry the security archive have it beside the main one. */
function securityBesideMain(settings: MirrorSettings): readonly string[] {
	const main = [...(settings.user.get("debian") ?? []), ...(settings.apt.get("debian") ?? [])];
	return main.filter((base) => /\/debian\/*$/.test(base)).map((base) => base.replace(/\/*$/, "-security"));
}

/** One source of apt: addresses and the suites that they are read for. */
export interface AptSource {
	readonly uris: readonly string[];
	readonly suites: readonly string[];
}

/** Reads a one-line-style `sources.list`; what is not understood is passed over, as these files are apt's, not ours. */
export function parseAptList(text: string): readonly AptSource[] {
	const sources: AptSource[] = [];
	for (const line of text.split("\n")) {
		const match = /^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)/.exec(line);
		if (match?.[1] !== undefined && match[2] !== undefined) sources.push({ uris: [match[1]], suites: [match[2]] });
	}
	return sources;
}

/** Reads a deb822-style `*.sources` file. */
export function parseAptSources(text: string): readonly AptSource[] {
	const sources: AptSource[] = [];
	for (const stanza of text.split(/\n(?:[ \t]*\n)+/)) {
		const fields = new Map<string, string>();
		let last: string | undefined;
		for (const line of stanza.split("\n")) {
			if (line.startsWith("#")) continue;
			const field = /^([A-Za-z-]+):\s*(.*)$/.exec(line);
			if (field?.[1] !== undefined) {
				last = field[1].toLowerCase();
				fields.set(last, field[2] ?? "");
			} else if (last !== undefined && /^[ \t]/.test(line)) {
				fields.set(last, `${fields.get(last) ?? ""} ${line.trim()}`);
			}
		}
		const words = (name: string): string[] => (fields.get(name) ?? "").split(/\s+/).filter((word) => word !== "");
		if (!words("types").includes("deb") || /^(?:no|false|without|off|disable)$/i.test(words("enabled")[0] ?? ""))
			continue;
		sources.push({ uris: words("uris"), suites: words("suites") });
	}
	return sources;
}

/** Debian's archives among apt's sources: told by the address's last part, or by a suite that only Debian has. */
export function debianMirrors(sources: readonly AptSource[]): Mirrors {
	const mirrors = new Map<string, string[]>();
	for (const { uris, suites } of sources) {
		for (const uri of uris) {
			if (!/^(?:https?|file):\//.test(uri)) continue;
			const base = uri.replace(/\/+$/, "");
			const last = base.slice(base.lastIndexOf("/") + 1);
			let archive: string;
			if (last === "debian" || last === "debian-security") archive = last;
			else if (suites.length > 0 && suites.every((suite) => debianSuite.test(suite))) {
				archive = suites.some((suite) => /-security$|\/updates$/.test(suite)) ? "debian-security" : "debian";
			} else continue;
			const bases = mirrors.get(archive) ?? [];
			if (!bases.includes(base)) mirrors.set(archive, [...bases, base]);
		}
	}
	return mirrors;
}

/** The mirrors and the snapshot archive that apt uses on this machine. */
export function readApt(): Mirrors {
	const dump = spawnSync("apt-config", ["dump"], { encoding: "utf8", timeout: 10_000 });
	const archive = snapshotArchive(dump.status === 0 ? dump.stdout : "");
	return new Map([...readAptMirrors(), ...(archive === undefined ? [] : [["snapshot", [archive]] as const])]);
}

/**
 * The base of the snapshot archive in what `apt-config dump` prints: `<base>/debian/@SNAPSHOTID@/` for packages of
 * Debian's origin. Apt knows it since version 3.0 (`Acquire::Snapshots` in sources.list(5)).
 */
export function snapshotArchive(dump: string): string | undefined {
	return /^Acquire::Snapshots::URI::Origin::Debian "(https?:\/\/[^"@]+)\/debian\/@SNAPSHOTID@\/?";$/m.exec(dump)?.[1];
}

/** The mirrors that apt's source files name; empty where there is no apt. `folder` is `/etc/apt` but in tests. */
export function readAptMirrors(folder: string = "/etc/apt"): Mirrors {
	const sources = [...parseAptList(readIfThere(join(folder, "sources.list")))];
	let names: string[] = [];
	try {
		names = readdirSync(join(folder, "sources.list.d")).sort();
	} catch (error) {
		if (!isAbsence(error)) throw error;
	}
	for (const name of names) {
		const path = join(folder, "sources.list.d", name);
		if (name.endsWith(".list")) sources.push(...parseAptList(readIfThere(path)));
		else if (name.endsWith(".sources")) sources.push(...parseAptSources(readIfThere(path)));
	}
	return debianMirrors(sources.map((source) => ({ ...source, uris: source.uris.flatMap(expandMirrorList) })));
}

/** `mirror+file:/path` names a list of addresses, one on each line, as Debian's cloud images use it. */
function expandMirrorList(uri: string): readonly string[] {
	const match = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri);
	if (match?.[1] === undefined) return [uri];
	return readIfThere(match[1])
		.split("\n")
		.map((line) => line.trim().split(/\s/)[0] ?? "")
		.filter((address) => address !== "" && !address.startsWith("#"));
}

function readIfThere(path: string): string {
	try {
		return readFileSync(path, "utf8");
	} catch (error) {
		if (isAbsence(error)) return "";
		throw error;
	}
}

/** Absent, or not for our eyes (files with credentials): then that source is not one of ours. */
function isAbsence(error: unknown): boolean {
	const code = (error as NodeJS.ErrnoException).code;
	return code === "ENOENT" || code === "ENOTDIR" || code === "EACCES";
}
