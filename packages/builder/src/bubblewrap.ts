/**
 * The bubblewrap backend, for machines without a C compiler. Layer 2.
 *
 * What it lacks beside our own helper: overlay roots, and speed (its cost grows with the square of the number of binds).
 */

import { spawn } from "node:child_process";
import { closeSync, lstatSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, unreachable } from "@devenv/diagnostics";
import type { BuildOutcome, BuildRequest, RunningBuild } from "./build-request.ts";
import { outermostFirst } from "./helper-specification.ts";
import { watchProcess } from "./running-process.ts";
import { seccompFilter } from "./seccomp-filter.ts";
import { type ProcessExit, watchedChild } from "./watched-process.ts";

/** Fake root keeps what its scripts need; the same set as in `native/build.c`. */
const fakeRootCapabilities = [
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SYS_CHROOT",
];

/** Fails with SANDBOX_BWRAP_LIMIT for an overlay root. */
export function runInBubblewrap(bwrap: string, request: BuildRequest): RunningBuild {
	const folder = mkdtempSync(join(request.temporary ?? tmpdir(), "devenv-root-"));
	const cleanUp = (): void => {
		rmSync(folder, { recursive: true, force: true });
	};
	let filterFd: number | undefined;
	try {
		const args = bubblewrapArguments(request, folder);
		const filter = seccompFilter(process.arch, { fakeRoot: request.fakeRoot === true });
		if (filter !== undefined) {
			writeFileSync(join(folder, "filter"), filter);
			filterFd = openSync(join(folder, "filter"), "r");
			args.unshift("--seccomp", "3");
		}
		/* Not as this process's own environment: a loader outside of the sandbox would obey LD_PRELOAD and the like. */
		const variables = [...request.env].flatMap(([name, value]) => ["--setenv", name, textOfBytes(value)]);
		args.unshift("--json-status-fd", "4", "--clearenv", ...variables);
		/* Through a shell that joins output and error in one pipe, so that the log has their order. */
		const command = [bwrap, ...args, "--", request.builder, ...request.args.map(textOfBytes)];
		const child = spawn("/bin/sh", ["-c", 'exec "$0" "$@" 2>&1', ...command], {
			stdio: ["ignore", "pipe", "pipe", filterFd ?? "ignore", "pipe"],
			env: {},
			cwd: "/",
		});
		return watchProcess(watchedChild(child, 4), {
			limits: request.limits ?? {},
			onOutput: request.onOutput ?? (() => undefined),
			signal: request.signal,
			conclude: concludeBubblewrap,
			cleanUp,
			/* With --die-with-parent its first process goes with it, and all others with that. */
			endSignal: "SIGKILL",
		});
	} catch (error) {
		cleanUp();
		throw error;
	} finally {
		if (filterFd !== undefined) closeSync(filterFd);
	}
}

/** Node passes strings as UTF-8 only. */
function textOfBytes(bytes: string): string {
	return Buffer.from(bytes, "latin1").toString("utf8");
}

function bubblewrapArguments(request: BuildRequest, folder: string): string[] {
	const args = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "localhost"];
	if (!request.network) args.push("--unshare-net");
	args.push("--uid", String(request.uid), "--gid", String(request.gid), "--die-with-parent", "--new-session");
	args.push("--cap-drop", "ALL");
	if (request.fakeRoot === true) for (const capability of fakeRootCapabilities) args.push("--cap-add", capability);
	const root = request.root;
	switch (root.kind) {
		case "empty":
			break;
		case "tree":
			args.push("--bind", root.path, "/", "--tmpfs", "/run");
			break;
		case "overlay":
			fail("SANDBOX_BWRAP_LIMIT", "bubblewrap cannot mount an overlay for a build", {
				hint: "install a C compiler (gcc or clang) and run the installation again, so that our own helper is built",
			});
			break;
		default:
			unreachable(root);
	}
	args.push("--proc", "/proc", ...protectedSettings(), "--dev", "/dev", "--tmpfs", "/tmp");
	for (const bind of outermostFirst(request.binds)) {
		statSync(bind.source);
		args.push(bind.writable === true ? "--bind" : "--ro-bind", bind.source, bind.target);
	}
	for (const [index, file] of (request.files ?? []).entries()) {
		const source = join(folder, `file-${index}`);
		writeFileSync(source, file.text, { mode: file.mode ?? 0o644 });
		args.push("--ro-bind", source, file.path);
	}
	for (const [path, target] of request.links ?? []) args.push("--symlink", target, path);
	if (root.kind === "empty") args.push("--dir", request.cwd, "--remount-ro", "/");
	args.push("--chdir", request.cwd);
	return args;
}

/**
 * The kernel's settings ask for user id 0 and for no capability, so a root caller's builder gets them read-only; the same as in
 * `native/build.c`.
 */
function protectedSettings(): string[] {
	if (process.geteuid?.() !== 0) return [];
	return readdirSync("/proc", { withFileTypes: true })
		.filter((entry) => !/^\d/.test(entry.name) && (entry.isDirectory() || isWritableFile(`/proc/${entry.name}`)))
		.flatMap(({ name }) => ["--ro-bind", `/proc/${name}`, `/proc/${name}`]);
}

function isWritableFile(path: string): boolean {
	const info = lstatSync(path);
	return info.isFile() && (info.mode & 0o222) !== 0;
}

/** bwrap gives the builder's status, or 128+n, as its own; its JSON status has `exit-code` only when the builder ran. */
function concludeBubblewrap(status: Buffer, exit: ProcessExit): BuildOutcome {
	if (exit.code !== null && status.includes('"exit-code"')) {
		return exit.code > 128 ? { kind: "killed", signal: exit.code - 128 } : { kind: "exited", status: exit.code };
	}
	return { kind: "setup-failed", step: "start the builder in bwrap", error: "its message is in the log" };
}
