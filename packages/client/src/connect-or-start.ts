/**
 * Connect or start: one bounded loop.
 *
 * Each turn tries to connect. Where nobody listens it starts a daemon under the start lock (one client of many does; the
 * others wait for the lock and find the daemon), where the daemon is older than the client it asks it to retire: the old
 * one stops listening, finishes its builds and leaves, the next turn starts a new one. A daemon that is newer and speaks
 * another protocol is left alone: the client is the one to replace. After {@link MAX_TURNS} turns the last cause is
 * reported.
 *
 * Layer 2.
 */

import { DiagnosticError, diagnose, fail } from "@devenv/diagnostics";
import { daemonStop, type HandshakeResult, type HomeLayout, PROTOCOL_VERSION } from "@devenv/protocol";
import { DaemonClient } from "./daemon-client.ts";
import { withRuntimeLock } from "./runtime-lock.ts";
import { openSocketAddress } from "./socket-address.ts";
import { type DaemonCommand, startDaemon } from "./start-daemon.ts";

export interface ConnectOptions {
	readonly layout: HomeLayout;
	/** Version of this installation (package.json), `MAJOR.MINOR.PATCH` and an optional suffix. */
	readonly version: string;
	/** How to start a daemon; absent: never start or replace one, reject with `DAEMON_ABSENT` where none listens. */
	readonly start?: DaemonCommand;
	/** Called once, before a daemon is started. */
	readonly onStart?: () => void;
}

const MAX_TURNS = 8;
/** Milliseconds before the next turn, times the turn's number. */
const TURN_PAUSE = 25;

/** Connects to the user's daemon, starting one where there is none. */
export async function connectOrStart(options: ConnectOptions): Promise<DaemonClient> {
	let started = false;
	for (let turn = 1; turn <= MAX_TURNS; turn++) {
		const client = await tryConnect(options.layout, options.version);
		if (client !== undefined) {
			if (options.start === undefined) return client;
			const verdict = judge(client.daemon, options.version);
			if (verdict === "use") return client;
			await retire(client);
		} else if (options.start === undefined) {
			fail("DAEMON_ABSENT", "no daemon is running");
		} else {
			if (!started) options.onStart?.();
			started = true;
			await startUnderLock(options.layout, options.version, options.start);
			if (turn === 1) continue;
		}
		await new Promise((resolve) => setTimeout(resolve, TURN_PAUSE * turn));
	}
	throw new DiagnosticError(
		diagnose("DAEMON_UNSTABLE", "the daemon does not stay: it was started several times and left", {
			hint: "`devenv daemon logs` may say why",
		}),
	);
}

/** A client, or undefined where nobody listens. */
async function tryConnect(layout: HomeLayout, version: string): Promise<DaemonClient | undefined> {
	try {
		const address = openSocketAddress(layout, false);
		try {
			return await DaemonClient.connect(address.path, version);
		} finally {
			address.release();
		}
	} catch (error) {
		if (isAbsence(error)) return undefined;
		throw error;
	}
}

/** Nobody listens, or whoever did left while we connected. */
function isAbsence(error: unknown): boolean {
	if (error instanceof DiagnosticError) return error.diagnostics.some(({ code }) => code === "DAEMON_LOST");
	const { code } = error as NodeJS.ErrnoException;
	return code === "ENOENT" || code === "ECONNREFUSED" || code === "ECONNRESET" || code === "EPIPE";
}

function judge(daemon: HandshakeResult, version: string): "use" | "replace" {
	if (daemon.retiring) return "replace";
	const order = compareVersions(daemon.version, version);
	if (order > 0 && daemon.protocol !== PROTOCOL_VERSION) {
		fail("DAEMON_NEWER", `the running daemon belongs to a newer devenv (${daemon.version}, this is ${version})`, {
			hint: "use that devenv, or end its daemon with `devenv daemon stop`",
		});
	}
	const otherBuild = order === 0 && daemon.version !== version;
	return order < 0 || otherBuild || daemon.protocol !== PROTOCOL_VERSION ? "replace" : "use";
}

async function retire(client: DaemonClient): Promise<void> {
	try {
		if (!client.daemon.retiring) await client.call(daemonStop, { mode: "retire" });
	} catch (error) {
		if (!isAbsence(error)) throw error;
	} finally {
		client.close();
	}
}

/** Starts a daemon unless one listens by the time the lock is ours. */
async function startUnderLock(layout: HomeLayout, version: string, command: DaemonCommand): Promise<void> {
	openSocketAddress(layout, true).release();
	await withRuntimeLock(layout, "start", async () => {
		const client = await tryConnect(layout, version);
		if (client === undefined) await startDaemon(layout, command);
		else client.close();
	});
}

/** Order of two versions by their numbers; suffixes are equal. */
function compareVersions(a: string, b: string): number {
	const numbers = (version: string): number[] => version.split(/[-+]/, 1)[0]?.split(".").map(Number) ?? [];
	const left = numbers(a);
	const right = numbers(b);
	for (let index = 0; index < 3; index++) {
		const difference = (left[index] ?? 0) - (right[index] ?? 0);
		if (difference !== 0 && !Number.isNaN(difference)) return difference;
	}
	return 0;
}
