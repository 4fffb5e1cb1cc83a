import { connect } from "node:net";
import { openSocketAddress } from "@devenv/client";
import { MAX_REQUEST_BYTES } from "@devenv/protocol";
import test from "ava";
import fc from "fast-check";
import { Daemon, type DaemonService } from "../src/daemon.ts";
import { handle } from "../src/handler.ts";
import { evaluateExpression } from "@devenv/protocol";
import { evaluate, evaluation, makeHome } from "./fixture.ts";

const service: DaemonService = {
	handlers: [handle(evaluateExpression, ({ expression }) => ({ text: expression.split(" ")[1] ?? "", traces: [] }))],
	running: () => [],
	followed: () => 0,
	follow: () => Promise.resolve(),
	whenIdle: () => Promise.resolve(),
	close: () => Promise.resolve(),
};

const request = (id: unknown, method: unknown, params: unknown): unknown => ({ jsonrpc: "2.0", id, method, params });

/** Good messages with one part replaced by anything, and things that are no messages at all. */
const message = fc.oneof(
	fc.anything().map((value) => JSON.stringify(value)),
	fc.string(),
	fc.json(),
	fc
		.tuple(fc.jsonValue(), fc.jsonValue())
		.map(([id, params]) => JSON.stringify(request(id, "expression.eval", params))),
	fc.jsonValue().map((value) => JSON.stringify(request(1, value, evaluation("echo x")))),
	fc
		.jsonValue()
		.map((value) => JSON.stringify(request(1, "expression.eval", { ...evaluation("echo x"), format: value }))),
	fc.jsonValue().map((value) => JSON.stringify({ jsonrpc: "2.0", method: "cancel", params: value })),
	fc.jsonValue().map((value) => JSON.stringify({ jsonrpc: "2.0", method: "cancel", params: { request: value } })),
	fc.jsonValue().map((value) => JSON.stringify([request(1, "daemon.status", {}), value])),
	fc.jsonValue().map((value) => JSON.stringify(request(2, "handshake", { protocol: value, version: value }))),
	fc.jsonValue().map((value) => JSON.stringify({ jsonrpc: "2.0", id: 7, result: value })),
	fc.constantFrom("__proto__", "constructor", "toString").map((name) => JSON.stringify(request(3, name, {}))),
);

const greeting = JSON.stringify(request(0, "handshake", { protocol: 1, version: "1.0.0" }));

test("no message brings the daemon down or keeps others from being served", async (t) => {
	const home = makeHome(t);
	const bugs: string[] = [];
	const daemon = await Daemon.listen({
		layout: home.layout,
		version: "1.0.0",
		log: {
			write: (level, event, fields) => {
				if (level === "error") bugs.push(`${event} ${JSON.stringify(fields)}`);
			},
			close: () => undefined,
		},
		service,
		idleExit: 0,
	});
	t.truthy(daemon);
	const address = openSocketAddress(home.layout, false);
	const sendAll = (lines: readonly string[]): Promise<void> =>
		new Promise((resolve) => {
			const socket = connect({ path: address.path });
			socket.on("error", () => undefined);
			socket.on("close", () => resolve());
			socket.resume();
			socket.end(lines.map((line) => `${line}\n`).join(""));
		});
	const other = await home.find();
	await fc.assert(
		fc.asyncProperty(fc.boolean(), fc.array(message, { maxLength: 8 }), async (greets, lines) => {
			await sendAll(greets ? [greeting, ...lines] : lines);
			return (await evaluate(other, "echo well")) === "well";
		}),
		{ numRuns: 300 },
	);
	await sendAll(["x".repeat(MAX_REQUEST_BYTES + 10)]);
	t.is(await evaluate(other, "echo well"), "well");
	t.deepEqual(bugs, []);
	other.close();
	await daemon?.stop("test");
	address.release();
});
