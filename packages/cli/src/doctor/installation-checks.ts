/** The installation: how environments are made, the folders, the store, the daemon, the settings. Layer 5. */

import { existsSync, lstatSync } from "node:fs";
import { DiagnosticError } from "@devenv/diagnostics";
import { type MirrorProbe, probeMirrors, readSettings, type Settings } from "@devenv/engine";
import { daemonStatus, type HomeLayout, SOCKET_ADDRESS_LIMIT, socketPath } from "@devenv/protocol";
import { detectViews } from "@devenv/shell";
import { openStore } from "@devenv/store";
import { describeFault } from "../store/describe-fault.ts";
import { findDaemon } from "../daemon-connection.ts";
import { daemonVersion } from "../installation.ts";
import { bad, type Finding, ok, warn } from "./finding.ts";

/** Whether environments can be entered, by what. */
export function checkViews(helper: string | null, bwrap: string): Finding {
	const name = "environments";
	const support = detectViews(helper, bwrap);
	switch (support.kind) {
		case "helper":
			return ok(name, `entered by the compiled helper ${helper ?? ""}`);
		case "bwrap": {
			const [note] = support.warning.notes ?? [];
			return warn(name, `entered by bwrap: ${note?.message ?? ""}`, support.warning.hint ?? "");
		}
		case "unsupported":
			return bad(name, support.diagnostic.message, support.diagnostic.hint ?? "");
	}
}

/** The folders are the caller's, and closed to others. */
export function checkFolders(layout: HomeLayout, uid: number = process.geteuid?.() ?? 0): readonly Finding[] {
	const name = "folders";
	const findings: Finding[] = [];
	for (const folder of [layout.state, layout.cache, layout.runtime]) {
		const info = lstatSync(folder, { throwIfNoEntry: false });
		if (info === undefined) continue;
		if (!info.isDirectory() || info.uid !== uid) {
			findings.push(
				bad(name, `${folder} is not a folder of your own`, "remove it, or set DEVENV_HOME to another place"),
			);
		} else if ((info.mode & 0o077) !== 0) {
			findings.push(warn(name, `${folder} is open to other users`, `chmod 700 '${folder}'`));
		}
	}
	return findings.length > 0 ? findings : [ok(name, `${layout.state} and others are yours alone`)];
}

/** Database and files agree; contents are not hashed. */
export async function checkStore({ storeRoot }: Pick<HomeLayout, "storeRoot">): Promise<Finding> {
	const name = "store";
	if (!existsSync(`${storeRoot}/nix/var/nix/db/db.sqlite`)) return ok(name, `none yet at ${storeRoot}`);
	try {
		const store = openStore({ root: storeRoot, readOnly: true });
		try {
			const [faults, count] = [await store.verify(), store.queryAllValidPaths().length];
			const [first] = faults;
			if (first === undefined) return ok(name, `${count} objects at ${storeRoot}, all there`);
			const what = describeFault(first);
			const more = faults.length === 1 ? "" : `, and ${faults.length - 1} more faults`;
			return bad(
				name,
				`${what}${more}`,
				`what is missing is made again after \`devenv daemon stop\` and removing ${storeRoot}`,
			);
		} finally {
			store.close();
		}
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		const [first] = error.diagnostics;
		return bad(name, first?.message ?? "it cannot be opened", first?.hint ?? `look at ${storeRoot}`);
	}
}

/** Starts none. */
export async function checkDaemon(layout: HomeLayout): Promise<readonly Finding[]> {
	const name = "daemon";
	const path = socketPath(layout);
	const long = Buffer.byteLength(path) > SOCKET_ADDRESS_LIMIT;
	const socket = long ? [ok("socket", `${path} is longer than an address can be, and reached by /proc`)] : [];
	try {
		const daemon = await findDaemon(layout);
		if (daemon === undefined) return [ok(name, "does not run; the next command that needs it starts it"), ...socket];
		try {
			const { pid, version, memory, builds } = await daemon.call(daemonStatus, {});
			const found = `process ${pid}, ${Math.round(memory / 1e6)} MB, ${builds.length} builds`;
			if (version === daemonVersion()) return [ok(name, found), ...socket];
			return [warn(name, `${found}, of another version (${version})`, "devenv daemon stop"), ...socket];
		} finally {
			daemon.close();
		}
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		const [first] = error.diagnostics;
		return [bad(name, first?.message ?? "it does not answer", first?.hint ?? "devenv daemon stop"), ...socket];
	}
}

/** The user's settings; undefined where they cannot be used. */
export function checkSettings({ config }: Pick<HomeLayout, "config">): {
	readonly finding: Finding;
	readonly settings: Settings | undefined;
} {
	const file = `${config}/config.yaml`;
	try {
		const settings = readSettings(file);
		return { finding: ok("settings", existsSync(file) ? file : "the defaults"), settings };
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		const found = error.diagnostics.map(({ message, location }) => {
			return location === undefined ? message : `${message} (${location.file}:${location.line})`;
		});
		return { finding: bad("settings", found.join("; "), `edit ${file}`), settings: undefined };
	}
}

/** Which mirrors answer. */
export async function checkMirrors(
	settings: Pick<Settings, "mirrors">,
	env: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly findings: readonly Finding[]; readonly probes: readonly MirrorProbe[] }> {
	const name = "mirrors";
	try {
		const probes = await probeMirrors(settings, env);
		const working = probes.filter(({ problem }) => problem === undefined);
		const findings = probes.map(({ url, problem, milliseconds }): Finding => {
			if (problem === undefined) return ok(name, `${url} answers in ${milliseconds} ms`);
			const remedy = "check the network (and http_proxy), or name another one under `mirrors` in config.yaml";
			return (working.length > 0 ? warn : bad)(name, `${url}: ${problem}`, remedy);
		});
		return { findings, probes };
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		const [first] = error.diagnostics;
		return { findings: [bad(name, first?.message ?? "none", first?.hint ?? "")], probes: [] };
	}
}
