import { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { parseDrvPath } from "@devenv/nix-formats";
import test from "ava";
import { BuildReport } from "../../src/worker-protocol/build-report.ts";
import { ByteSink } from "../../src/worker-protocol/byte-sink.ts";

const drvPath = parseDrvPath("/nix/store/bwdp24bvfnh8c4rg3ks2sa4r2bvg82ij-loud.drv");
const name = "loud";

/** A socket whose other end takes what comes when it is told to. */
class Client extends Duplex {
	readonly taken: Buffer[] = [];
	reads = false;
	#waiting: (() => void) | undefined;

	override _read(): void {
		// Says nothing.
	}

	override _write(bytes: Buffer, _: BufferEncoding, done: () => void): void {
		this.taken.push(bytes);
		if (this.reads) done();
		else this.#waiting = done;
	}

	begin(): void {
		this.reads = true;
		this.#waiting?.();
	}
}

test("the lines that come in one turn are one write, and a client that takes nothing costs a bounded amount", async (t) => {
	const client = new Client();
	const sink = new ByteSink(client as unknown as Socket);
	const report = new BuildReport(sink);
	report.receive({ kind: "building", drvPath, name });
	for (let line = 0; line < 100; line++) report.receive({ kind: "log", drvPath, name, line: `line ${line}` });
	await new Promise(setImmediate);
	t.is(client.taken.length, 1);
	t.true(client.taken[0]?.includes("line 99"));
	const line = "x".repeat(4000);
	for (let turn = 0; turn < 200; turn++) {
		for (let count = 0; count < 100; count++) report.receive({ kind: "log", drvPath, name, line });
		await new Promise(setImmediate);
	}
	t.true(sink.backlog > 20_000_000 && sink.backlog < 40_000_000, String(sink.backlog));
	client.begin();
	while (sink.backlog > 0) await new Promise(setImmediate);
	report.receive({ kind: "log", drvPath, name, line: "the last" });
	report.receive({ kind: "built", drvPath, name });
	await new Promise(setImmediate);
	const said = Buffer.concat(client.taken).toString("latin1");
	const left = Number(/\[(\d+) lines are left out here/.exec(said)?.[1]);
	t.is(left + (said.match(/x{4000}/g)?.length ?? 0), 20_000);
	t.true(said.includes("the last"));
});

test("a client that leaves while something is sent to it ends the sending, not the daemon", async (t) => {
	const client = new Client();
	const sink = new ByteSink(client as unknown as Socket);
	client.on("error", () => undefined);
	const sending = sink.raw(Buffer.alloc(1 << 20));
	client.destroy(new Error("write EPIPE"));
	await t.notThrowsAsync(sending);
	await t.notThrowsAsync(sink.number(1).flush());
});
