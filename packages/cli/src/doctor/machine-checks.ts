/** The machine: kernel, namespaces, space, watches, clock. Layer 5. */

import { existsSync, readdirSync, readFileSync, readlinkSync, statfsSync } from "node:fs";
import { arch, release } from "node:os";
import { dirname } from "node:path";
import type { MirrorProbe } from "@devenv/engine";
import { formatBytes } from "../progress/render-progress.ts";
import { bad, type Finding, ok, warn } from "./finding.ts";

/** `6.1.0-18-amd64` and the processor. Overlays in user namespaces came with 5.11. */
export function checkKernel(version: string = release(), processor: string = arch()): Finding {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	const found = `Linux ${version}, ${processor}`;
	if (processor !== "x64" && processor !== "arm64") {
		return bad("kernel", found, "devenv runs on x86-64 and 64-bit ARM");
	}
	if (major < 5 || (major === 5 && minor < 11)) {
		return warn("kernel", found, "with Linux 5.11 or later, environments are composed faster and share disk space");
	}
	return ok("kernel", found);
}

/** Sysctls that keep ordinary users from namespaces; `settings`: /proc/sys, but in tests. */
export function checkNamespaces(settings: string = "/proc/sys"): Finding {
	const name = "user namespaces";
	const most = readNumber(`${settings}/user/max_user_namespaces`);
	if (most === 0) return bad(name, "user.max_user_namespaces is 0", "sudo sysctl -w user.max_user_namespaces=15000");
	if (readNumber(`${settings}/kernel/unprivileged_userns_clone`) === 0) {
		return bad(name, "kernel.unprivileged_userns_clone is 0", "sudo sysctl -w kernel.unprivileged_userns_clone=1");
	}
	if (readNumber(`${settings}/kernel/apparmor_restrict_unprivileged_userns`) === 1) {
		return warn(
			name,
			"AppArmor restricts them (kernel.apparmor_restrict_unprivileged_userns is 1)",
			"where environments cannot be entered: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
		);
	}
	return ok(name, most === undefined ? "not limited" : `at most ${most}`);
}

/** Free space and inodes where a folder is or will be. */
export function checkSpace(
	name: string,
	folder: string,
	look: (folder: string) => { bsize: number; bavail: number; files: number; ffree: number } = statfsSync,
): Finding {
	let there = folder;
	while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
	const { bsize, bavail, files, ffree } = look(there);
	const bytes = bsize * bavail;
	// Some file systems have no fixed number of inodes, and say 0.
	const inodes = files === 0 ? "" : `, ${ffree} inodes`;
	const found = `${formatBytes(bytes)} free${inodes} at ${there}`;
	const remedy = "`devenv gc --older-than 30d` frees what was not used for long";
	if (bytes < 200e6 || (files > 0 && ffree < 5000)) return bad(name, found, remedy);
	if (bytes < 3e9 || (files > 0 && ffree < 100_000)) return warn(name, found, remedy);
	return ok(name, found);
}

/** Limits of inotify, and what this user's processes have of them. `proc`: /proc, but in tests. */
export function checkWatches(proc: string = "/proc"): Finding {
	const name = "file watches";
	const [watches, instances] = ["max_user_watches", "max_user_instances"].map((each) =>
		readNumber(`${proc}/sys/fs/inotify/${each}`),
	);
	if (watches === undefined || instances === undefined) return ok(name, "no limits are shown");
	const used = inotifyUse(proc);
	const found = `${used.watches} of ${watches} watches, ${used.instances} of ${instances} instances used`;
	const raise = "sudo sysctl -w fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024";
	if (used.watches > watches * 0.9 || used.instances > instances * 0.9) {
		return warn(name, found, `open shells then look for changes every few seconds only; ${raise}`);
	}
	return ok(name, found);
}

/** The clock beside those of the mirrors. Certificates and signatures have dates. */
export function checkClock(probes: readonly MirrorProbe[]): Finding {
	const skews = probes.flatMap(({ skew }) => skew ?? []).sort((a, b) => Math.abs(a) - Math.abs(b));
	const [skew] = skews;
	if (skew === undefined) return ok("clock", `${new Date().toISOString()}; no mirror says what time it is`);
	const found = `${Math.abs(skew)} seconds ${skew > 0 ? "behind" : "before"} the nearest mirror's`;
	if (Math.abs(skew) < 300) return ok("clock", Math.abs(skew) < 5 ? "as the mirrors' clocks" : found);
	const remedy = "set the clock (sudo timedatectl set-ntp true): certificates and signatures seem not valid otherwise";
	return Math.abs(skew) > 24 * 3600 ? bad("clock", found, remedy) : warn("clock", found, remedy);
}

function inotifyUse(proc: string): { readonly watches: number; readonly instances: number } {
	let [watches, instances] = [0, 0];
	for (const pid of names(proc).filter((name) => /^\d+$/.test(name))) {
		for (const fd of names(`${proc}/${pid}/fd`)) {
			if (readLink(`${proc}/${pid}/fd/${fd}`) !== "anon_inode:inotify") continue;
			instances += 1;
			watches += readText(`${proc}/${pid}/fdinfo/${fd}`).match(/^inotify /gm)?.length ?? 0;
		}
	}
	return { watches, instances };
}

function readNumber(file: string): number | undefined {
	const text = readText(file).trim();
	return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Empty where it cannot be read: of another user's process, of a kernel without that setting. */
function readText(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch {
		return "";
	}
}

function readLink(file: string): string {
	try {
		return readlinkSync(file);
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
