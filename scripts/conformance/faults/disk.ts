/**
 * A full disk: a build, a download, an import and a collection of garbage with a random rest of space. Each must end well or with an
 * error that says why, leave a sound store, and work once there is space.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFixedOutputPath, NarEncoder, type StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { addDerivation, builtinDerivation, Installation, shellDerivation } from "./installation.ts";
import type { Random, Tally } from "./tally.ts";
import { Refused, type WorkerClient } from "./worker-client.ts";

const DISK_BYTES = 64 << 20;
/** What an action needs, about. */
const FILE_BYTES = 1 << 20;
/** The most that is left free. */
const MOST_FREE = 2 << 20;

export interface DiskOptions {
	readonly rounds: number;
	readonly random: Random;
	readonly tally: Tally;
	readonly folder: string;
}

interface Action {
	readonly name: string;
	readonly prepare: (store: Store, label: string) => Prepared;
}

interface Prepared {
	readonly run: (client: WorkerClient) => Promise<unknown>;
	/** The path that must be valid afterwards. */
	readonly out?: StorePath;
}

export async function diskLoop({ rounds, random, tally, folder }: DiskOptions): Promise<void> {
	const disk = join(mkdtempSync(join(folder, "disk-")), "small");
	mkdirSync(disk);
	execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", disk]);
	const contents = Buffer.alloc(FILE_BYTES, "what is fetched\n");
	const server = createServer((_, response) => {
		response.writeHead(200, { "content-length": contents.length });
		response.end(contents);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const installation = new Installation(disk);
	try {
		await installation.start();
		const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		const actions = [building, endless, downloading(address, contents), importing, collecting];
		for (let round = 0; round < rounds * actions.length; round++) {
			const action = actions[round % actions.length];
			// Each is tried with a disk that is full to the last block.
			const free = round < actions.length ? 0 : random(MOST_FREE);
			if (action !== undefined) await tryFull({ installation, action, tally, free, label: `r${round}` });
		}
		await installation.end("SIGTERM");
		tally.none("full disk in all", "left over when the daemon had ended", installation.leftovers());
		if (installation.errors !== "") tally.fault("full disk in all", installation.errors);
	} finally {
		await installation.end("SIGKILL");
		server.closeAllConnections();
		server.close();
		execFileSync("umount", ["--lazy", disk]);
	}
}

interface Try {
	readonly installation: Installation;
	readonly action: Action;
	readonly tally: Tally;
	readonly free: number;
	readonly label: string;
}

async function tryFull({ installation, action, tally, free, label }: Try): Promise<void> {
	const row = `full disk while ${action.name}`;
	const { run, out } = installation.withStore((store) => action.prepare(store, label));
	const filler = join(installation.folder, "filler");
	const client = await installation.connect();
	const lines: string[] = [];
	client.onLine = (line) => lines.push(line);
	fill(filler, installation.folder, free);
	let failure: unknown;
	try {
		await run(client);
	} catch (error) {
		failure = error;
	}
	client.close();
	await sleep(50);
	rmSync(filler);
	const said = `${String(failure)} ${lines.join(" ")}`;
	if (failure !== undefined && !(failure instanceof Refused)) tally.fault(row, `${label}, ${free} free: ${said}`);
	else if (failure !== undefined && !/No space left|is full/.test(said)) tally.fault(row, `not clear why: ${said}`);
	tally.count(failure === undefined ? `${row}: enough was left` : `${row}: refused`);
	if (!installation.runs) {
		tally.fault(row, `${label}: the daemon is gone`);
		await installation.start();
	}
	const judged = await installation.judge();
	if (judged !== undefined) tally.fault(row, `${label}: ${judged}`);
	if (action !== endless) {
		const again = await installation.connect();
		try {
			await run(again);
			if (out !== undefined && !installation.withStore((store) => store.isValid(out), { readOnly: true }))
				tally.fault(row, `${label}: ${out} is not valid`);
		} catch (error) {
			tally.fault(row, `${label}: not with space either: ${String(error)}`);
		} finally {
			again.close();
		}
		await sleep(50);
	}
	tally.none(row, `${label}: left over`, installation.leftovers());
	tally.count(row);
	// So that the disk is not full of what was tried.
	const last = await installation.connect();
	await last.collectGarbage();
	last.close();
}

function fill(filler: string, disk: string, free: number): void {
	const left = (): number => {
		const { bavail, bsize } = statfsSync(disk);
		return bavail * bsize;
	};
	writeFileSync(filler, "");
	const piece = Buffer.alloc(4096);
	const large = Buffer.alloc(1 << 20);
	try {
		for (let space = left() - free; space > 0; space = left() - free)
			writeFileSync(filler, space > large.length ? large : piece, { flag: "a" });
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
	}
}

const building: Action = {
	name: "building",
	prepare: (store, label) => {
		const script = `echo building; head -c ${FILE_BYTES} /dev/zero > $out`;
		const { drvPath, out } = addDerivation(store, shellDerivation({ name: `built-${label}`, script }));
		return { run: (client) => client.build([drvPath]), out };
	},
};

/** A builder that takes all that there is. */
const endless: Action = {
	name: "a builder fills it",
	prepare: (store, label) => {
		const { drvPath } = addDerivation(
			store,
			shellDerivation({ name: `full-${label}`, script: "cat /dev/zero > $out" }),
		);
		return { run: (client) => client.build([drvPath]) };
	},
};

function downloading(address: string, contents: Buffer): Action {
	const outputHash = createHash("sha256").update(contents).digest("hex");
	return {
		name: "downloading",
		prepare: (store, label) => {
			const env = { url: `${address}/${label}` };
			const drv = builtinDerivation({ name: `file-${label}`, builder: "builtin:fetchurl", env, outputHash });
			const { drvPath, out } = addDerivation(store, drv);
			return { run: (client) => client.build([drvPath]), out };
		},
	};
}

const importing: Action = {
	name: "importing",
	prepare: (store, label) => {
		const nar = narOf(Buffer.alloc(FILE_BYTES, `imported ${label}\n`));
		const hash = createHash("sha256").update(nar).digest();
		const path = makeFixedOutputPath({
			name: `import-${label}`,
			method: "recursive",
			hash: { algo: "sha256", bytes: hash },
			storeDir: store.storeDir,
		});
		return { run: (client) => client.addNar({ path, narHash: hash.toString("hex"), nar }), out: path };
	},
};

const collecting: Action = {
	name: "collecting garbage",
	prepare: (store, label) => {
		for (let index = 0; index < 300; index++) store.addText({ name: `dead-${index}`, contents: `${label} ${index}` });
		return { run: (client) => client.collectGarbage() };
	},
};

/** The archive of a file. */
export function narOf(contents: Buffer): Buffer {
	const pieces: Buffer[] = [];
	const encoder = new NarEncoder((piece) => pieces.push(Buffer.from(piece)));
	encoder.file(false, contents.length);
	encoder.contents(contents);
	encoder.finish();
	return Buffer.concat(pieces);
}
