/** Two daemons on one store and ten clients that want the same: it is made once. One daemon is killed: the other makes it. */

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DrvPath, StorePath } from "@devenv/nix-formats";
import type { Derivation } from "@devenv/nix-formats";
import {
	addDerivation,
	builtinDerivation,
	Installation,
	judgeEnvironment,
	run,
	shellDerivation,
} from "./installation.ts";
import type { Random, Tally } from "./tally.ts";

const CLIENTS = 10;
/** Of these, real Nix's programs. */
const REAL = 2;

export interface ClientsOptions {
	readonly rounds: number;
	readonly random: Random;
	readonly tally: Tally;
	readonly folder: string;
}

export async function clientsLoop({ rounds, random, tally, folder }: ClientsOptions): Promise<void> {
	const first = new Installation(mkdtempSync(join(folder, "clients-")));
	const second = new Installation(mkdtempSync(join(folder, "clients-")));
	mkdirSync(first.root, { recursive: true });
	symlinkSync(first.root, second.root);
	const daemons = [first, second] as const;
	const counter = new Counter();
	await counter.listen();
	try {
		for (const each of daemons) await each.start();
		for (let round = 0; round < rounds; round++) {
			for (const [kind, make] of [
				["downloads", (label: string) => counter.download(label)],
				["builds", (label: string) => counter.build(label)],
			] as const) {
				const row = `ten clients, two daemons: ${kind}`;
				const label = `${kind}-${round}`;
				const { drvPath, out } = first.withStore((store) => addDerivation(store, make(label)));
				const asked = Array.from({ length: CLIENTS }, async (_, index) => {
					await sleep(random(200));
					await realise(daemons[index % 2] ?? first, drvPath, index < REAL);
				});
				for (const result of await Promise.allSettled(asked))
					if (result.status === "rejected") tally.fault(row, String(result.reason));
				const times = counter.of(label);
				if (times !== 1) tally.fault(row, `${label} was made ${times} times`);
				if (!isValid(first, out)) tally.fault(row, `${out} is not valid`);
				tally.count(row);
			}
			await takeOver(daemons, counter, { tally, label: `taken-${round}` });
		}
		for (const each of daemons) await each.end("SIGTERM");
		const judged = await first.judge();
		if (judged !== undefined) tally.fault("ten clients, two daemons", judged);
		tally.none("ten clients, two daemons", "left over", [...first.leftovers(), ...second.leftovers()]);
	} finally {
		for (const each of daemons) await each.end("SIGKILL");
		counter.close();
	}
}

async function realise(installation: Installation, drvPath: DrvPath, byRealNix: boolean): Promise<void> {
	if (byRealNix) {
		const NIX_REMOTE = `unix://${installation.socket}?root=${installation.root}`;
		const env = { ...judgeEnvironment(installation.folder), NIX_REMOTE };
		const { status, stderr } = await run(["nix-store", "--realise", drvPath], env);
		if (status !== 0) throw new Error(stderr);
		return;
	}
	const client = await installation.connect();
	try {
		await client.build([drvPath]);
	} finally {
		client.close();
	}
}

/** The daemon that builds is killed while a client of the other waits. */
async function takeOver(
	[first, second]: readonly [Installation, Installation],
	counter: Counter,
	{ tally, label }: { readonly tally: Tally; readonly label: string },
): Promise<void> {
	const row = "ten clients, two daemons: taken over from a killed one";
	const { drvPath, out } = first.withStore((store) => addDerivation(store, counter.build(label)));
	const lost = realise(first, drvPath, false).then(
		() => tally.fault(row, `${label}: done by a daemon that was killed`),
		() => undefined,
	);
	while (counter.of(label) === 0) await sleep(5);
	const waiting = realise(second, drvPath, false);
	await sleep(50);
	await first.end("SIGKILL");
	await lost;
	await waiting.catch((error: unknown) => {
		tally.fault(row, String(error));
	});
	if (counter.of(label) !== 2) tally.fault(row, `${label} was begun ${counter.of(label)} times`);
	if (!isValid(second, out)) tally.fault(row, `${out} is not valid`);
	tally.none(row, "processes left", await first.strayProcesses());
	await first.start();
	tally.count(row);
}

function isValid(installation: Installation, path: StorePath): boolean {
	return installation.withStore((store) => store.isValid(path), { readOnly: true });
}

/** Whom what is made has to ask, so that it is counted: a web server for downloads, a port for builds with a fixed output. */
class Counter {
	readonly #counts = new Map<string, number>();
	readonly #contents = Buffer.alloc(200_000, "downloaded\n");
	readonly #web = createHttpServer((request, response) => {
		this.#count((request.url ?? "").slice(1));
		setTimeout(() => response.end(this.#contents), 300);
	});
	readonly #port = createTcpServer((socket) => {
		socket.on("error", () => undefined);
		socket.once("data", (data: Buffer) => {
			this.#count(data.toString().trim());
			setTimeout(() => socket.end("go on\n"), 300);
		});
	});

	async listen(): Promise<void> {
		for (const server of [this.#web, this.#port])
			await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	}

	of(label: string): number {
		return this.#counts.get(label) ?? 0;
	}

	download(label: string): Derivation {
		const url = `http://127.0.0.1:${(this.#web.address() as AddressInfo).port}/${label}`;
		const outputHash = createHash("sha256").update(this.#contents).digest("hex");
		return builtinDerivation({ name: label, builder: "builtin:fetchurl", env: { url }, outputHash });
	}

	/** A build with the network: only those with a fixed output have it. */
	build(label: string): Derivation {
		const { port } = this.#port.address() as AddressInfo;
		const script = `exec 3<>/dev/tcp/127.0.0.1/${port}; echo ${label} >&3; read line <&3; printf %s ${label} > $out`;
		const drv = shellDerivation({ name: label, script: `exec bash -ec '${script}'` });
		const hash = createHash("sha256").update(label).digest("hex");
		return {
			...drv,
			outputs: new Map([["out", { path: "", hashAlgo: "sha256", hash }]]),
			env: new Map([...drv.env, ["outputHash", hash], ["outputHashAlgo", "sha256"], ["outputHashMode", "flat"]]),
		};
	}

	close(): void {
		this.#web.closeAllConnections();
		this.#web.close();
		this.#port.close();
	}

	#count(label: string): void {
		this.#counts.set(label, this.of(label) + 1);
	}
}
