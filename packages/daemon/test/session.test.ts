import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROTOCOL_VERSION } from "@devenv/protocol";
import test, { type ExecutionContext } from "ava";
import { Session } from "../src/session.ts";

/** A session that waits 150 ms for its handshake, and the client's end of its connection. */
async function makeSession(t: ExecutionContext): Promise<Socket> {
	const folder = mkdtempSync(join(tmpdir(), "devenv-session-"));
	const server = createServer((socket) => {
		new Session(socket, {
			handlers: [],
			always: [],
			identity: () => ({ protocol: PROTOCOL_VERSION, version: "1.0.0", pid: process.pid, retiring: false }),
			log: { write: () => undefined, close: () => undefined },
			onActivity: () => undefined,
			onEnd: () => undefined,
			handshakeTimeout: 150,
		});
	});
	server.listen(join(folder, "socket"));
	await once(server, "listening");
	const client = connect(join(folder, "socket"));
	t.teardown(() => {
		client.destroy();
		server.close();
		rmSync(folder, { recursive: true, force: true });
	});
	client.resume();
	client.on("error", () => undefined);
	return client;
}

const line = (message: unknown): string => `${JSON.stringify(message)}\n`;
const handshake = { jsonrpc: "2.0", id: 1, method: "handshake", params: { protocol: PROTOCOL_VERSION, version: "1" } };

const strangers: readonly (readonly [does: string, text: string])[] = [
	["says nothing", ""],
	["sends what is no message", line(1)],
	["asks without a handshake", line({ jsonrpc: "2.0", id: 1, method: "daemon.status", params: {} })],
	["sends a handshake that cannot be read", line({ ...handshake, params: {} })],
];

for (const [does, text] of strangers) {
	test(`ends the connection of a client that ${does}`, async (t) => {
		const client = await makeSession(t);
		client.write(text);
		const started = performance.now();
		await once(client, "close");
		t.true(performance.now() - started > 50);
	});
}

test("keeps the connection of a client that has greeted", async (t) => {
	const client = await makeSession(t);
	client.write(line(handshake));
	const waited = new Promise((resolve) => setTimeout(resolve, 500, "open"));
	t.is(await Promise.race([waited, once(client, "close")]), "open");
});
