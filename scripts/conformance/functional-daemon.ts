/**
 * Our daemon's worker protocol in the place of `nix-daemon`, for Nix's own functional tests: the store lies where NIX_STORE_DIR and
 * NIX_STATE_DIR say, the socket where NIX_DAEMON_SOCKET_PATH says. Runs until it is killed.
 *
 * Builds are sandboxed as always; what they see of the machine is named on the command line.
 *
 * Usage: node scripts/conformance/functional-daemon.ts HELPER LOG PATH…
 */

import { appendFileSync, mkdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { WorkerClients } from "@devenv/daemon";
import { createEngine, type Engine, NarThread, parseSettings } from "@devenv/engine";

const [helper = "", logFile = "", ...paths] = process.argv.slice(2);
const {
	NIX_STORE_DIR: storeDir,
	NIX_STATE_DIR: stateDir,
	NIX_LOG_DIR: logDir,
	NIX_DAEMON_SOCKET_PATH: socket,
} = process.env;
if (storeDir === undefined || stateDir === undefined || logDir === undefined || socket === undefined)
	throw new Error("not in a test of Nix");

const log = {
	write: (level: string, event: string, fields?: object): void => {
		appendFileSync(logFile, `${level} ${event} ${JSON.stringify(fields ?? {})}\n`);
	},
	close: (): void => undefined,
};
const place = { root: "/", storeDir, stateDir, logDir };
const own = join(dirname(socket), "devenv");
// As the tests' own nix.conf has it.
const text = `keep_derivations: false\nsandbox_paths: ${JSON.stringify(paths)}\n`;
const settings = parseSettings(text, "<functional tests>");

/** An engine with its clients, for as long as the store is the same. */
interface Serving {
	readonly database: bigint;
	readonly engine: Engine;
	readonly clients: WorkerClients;
}

function begin(): Serving {
	const engine = createEngine({
		storeRoot: "/",
		place,
		state: join(own, "state"),
		cache: join(own, "cache"),
		settings,
		helper,
		onWarning: (message) => {
			log.write("warning", "engine", { message });
		},
	});
	const clients = new WorkerClients({ engine, nars: new NarThread(place), place, version: "2.8.0", log });
	return { database: databaseFile() ?? 0n, engine, clients };
}

async function end({ engine, clients }: Serving): Promise<void> {
	await clients.close();
	await engine.close();
}

/** Which file the database is: the tests delete whole stores behind their daemon, which with real Nix each connection opens anew. */
function databaseFile(): bigint | undefined {
	return statSync(`${stateDir ?? ""}/db/db.sqlite`, { bigint: true, throwIfNoEntry: false })?.ino;
}

let serving = begin();

mkdirSync(dirname(socket), { recursive: true });
rmSync(socket, { force: true });
const server = createServer((connection) => {
	log.write("info", "client");
	if (databaseFile() !== serving.database) {
		const before = serving;
		serving = begin();
		void end(before).catch((error: unknown) => {
			log.write("warning", "end", { message: String(error) });
		});
	}
	serving.clients.serve(connection, { onActivity: () => undefined, onEnd: () => undefined });
});
server.listen(socket);
for (const signal of ["SIGTERM", "SIGINT"] as const) {
	process.once(signal, () => {
		server.close();
		void end(serving).finally(() => process.exit(0));
	});
}
