/**
 * `kill -9` of the daemon within each kind of work, then the same work again.
 *
 * The daemon is stopped first (SIGSTOP), so that what it was doing can be looked at; it is killed, and counted, where that is what
 * was meant. What is made each time has a new name and the contents of the first time, which nobody disturbed.
 */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { formatHash, type DrvPath, type StorePath } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import {
	addDerivation,
	builtinDerivation,
	Installation,
	names,
	processesWith,
	shellDerivation,
} from "./installation.ts";
import type { Random, Tally } from "./tally.ts";
import { Gone, type WorkerClient } from "./worker-client.ts";

export interface KillOptions {
	readonly kills: number;
	readonly random: Random;
	readonly tally: Tally;
	readonly folder: string;
}

/** Work that is long in one phase. */
interface Phase {
	readonly name: string;
	/** Puts what the work needs into the store; `label` makes its names new. */
	readonly prepare: (store: Store, label: string) => Work;
	/** Milliseconds after {@link Work.begun} within which the daemon is stopped. */
	readonly spread: number;
}

interface Work {
	readonly run: (client: WorkerClient) => Promise<unknown>;
	/** Whether the phase has begun. */
	readonly begun: () => boolean;
	/** Whether the stopped daemon is in the phase. */
	readonly within: () => boolean;
	/** The path to compare; undefined where the work makes none. */
	readonly out?: StorePath;
	/** What is wrong after the work was done again. */
	readonly check?: (store: Store) => readonly string[];
}

export async function killLoop({ kills, random, tally, folder }: KillOptions): Promise<void> {
	const installation = new Installation(mkdtempSync(join(folder, "kill-")));
	const slow = new SlowFile();
	await slow.listen();
	try {
		await installation.start();
		const phases = [
			fetching(slow),
			unpacking(installation),
			building(installation),
			registering(installation),
			collecting(installation),
		];
		const expected = new Map<string, string>();
		for (const phase of phases) {
			const hash = await undisturbed(installation, phase);
			if (hash !== undefined) expected.set(phase.name, hash);
		}
		for (let round = 0; round < kills; round++) {
			const phase = phases[round % phases.length];
			if (phase === undefined) break;
			await disturb({ installation, phase, random, tally, label: `r${round}`, expected: expected.get(phase.name) });
		}
		await installation.end("SIGTERM");
		tally.none("killed in all", "left over when the daemon had ended", installation.leftovers());
		const fault = await installation.judge();
		if (fault !== undefined) tally.fault("killed in all", fault);
		if (installation.errors !== "") tally.fault("killed in all", installation.errors);
	} finally {
		await installation.end("SIGKILL");
		await slow.close();
	}
}

async function undisturbed(installation: Installation, phase: Phase): Promise<string | undefined> {
	const work = installation.withStore((store) => phase.prepare(store, "first"));
	const client = await installation.connect();
	await work.run(client);
	client.close();
	const { out } = work;
	return out && installation.withStore((store) => formatHash(store.pathInfo(out).narHash, "sri"));
}

interface Disturbance {
	readonly installation: Installation;
	readonly phase: Phase;
	readonly random: Random;
	readonly tally: Tally;
	readonly label: string;
	readonly expected: string | undefined;
}

async function disturb({ installation, phase, random, tally, label, expected }: Disturbance): Promise<void> {
	const row = `killed while ${phase.name}`;
	let work: Work;
	for (let attempt = 0; ; attempt++) {
		if (attempt === 20) {
			tally.fault(row, "the moment was missed twenty times");
			return;
		}
		work = installation.withStore((store) => phase.prepare(store, `${label}-${attempt}`));
		if (await killWithin(installation, work, random(Math.ceil(phase.spread * 0.8 ** attempt)))) break;
	}
	tally.none(row, "processes left", await installation.strayProcesses());
	tally.none(row, "mounts left", installation.mounts());

	await installation.start();
	const { out, check } = work;
	const client = await installation.connect();
	try {
		await work.run(client);
	} catch (error) {
		tally.fault(row, `${label}: not done again: ${String(error)}`);
		return;
	} finally {
		client.close();
	}
	const faults = installation.withStore((store) => {
		if (out === undefined) return check?.(store) ?? [];
		const info = store.queryPathInfo(out);
		if (info === undefined) return [`${out} is not valid`];
		const found = formatHash(info.narHash, "sri");
		return found === expected ? [] : [`${out} has ${found} instead of ${String(expected)}`];
	});
	tally.none(row, label, faults);
	await sleep(50); // The client's session of the store ends when the daemon sees it gone.
	tally.none(row, `${label}: left over`, installation.leftovers());
	const judged = await installation.judge();
	if (judged !== undefined) tally.fault(row, `${label}: ${judged}`);
	tally.count(row);
	tally.count("killed in all");
}

/** False where the work was over, or not where it should be; then the daemon lives and the work is done. */
async function killWithin(installation: Installation, work: Work, after: number): Promise<boolean> {
	const client = await installation.connect();
	const state = { over: false };
	const running = work
		.run(client)
		.catch((error: unknown) => {
			if (!(error instanceof Gone)) throw error;
		})
		.finally(() => {
			state.over = true;
		});
	while (!state.over && !work.begun()) await sleep(1);
	if (!state.over) await sleep(after);
	if (!state.over) {
		process.kill(installation.pid, "SIGSTOP");
		if (work.within()) {
			await installation.end("SIGKILL");
			await running;
			client.close();
			return true;
		}
		process.kill(installation.pid, "SIGCONT");
	}
	await running;
	client.close();
	return false;
}

/** The folders in which builds of the daemon lie now. */
function scratches(installation: Installation): readonly string[] {
	const folder = join(installation.root, "nix/var/nix/devenv/tmp");
	return names(folder)
		.filter((session) => session.startsWith(`${installation.pid}-`))
		.flatMap((session) => names(join(folder, session)).map((name) => join(folder, session, name)));
}

/* Fetching: a server that sends slowly, and from where it is asked to. */

const FILE_SIZE = 2_000_000;
const PIECES = 40;
const PIECE_PAUSE = 15;

class SlowFile {
	readonly contents: Buffer = Buffer.alloc(FILE_SIZE, "some file or other\n");
	readonly hash: string = createHash("sha256").update(this.contents).digest("hex");
	/** Bytes that were sent of each file. */
	readonly sent = new Map<string, number>();
	readonly #server: Server = createServer((request, response) => {
		const name = request.url ?? "";
		const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
		response.writeHead(from > 0 ? 206 : 200, {
			etag: '"one"',
			"content-length": FILE_SIZE - from,
			...(from > 0 ? { "content-range": `bytes ${from}-${FILE_SIZE - 1}/${FILE_SIZE}` } : {}),
		});
		let at = from;
		this.sent.set(name, at);
		const send = (): void => {
			if (response.destroyed) return;
			const piece = this.contents.subarray(at, at + FILE_SIZE / PIECES);
			at += piece.length;
			this.sent.set(name, at);
			response.write(piece);
			if (at === FILE_SIZE) response.end();
			else setTimeout(send, PIECE_PAUSE);
		};
		send();
	});

	listen(): Promise<void> {
		return new Promise((resolve) => {
			this.#server.listen(0, "127.0.0.1", resolve);
		});
	}

	get address(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	close(): Promise<void> {
		this.#server.closeAllConnections();
		return new Promise((resolve) => {
			this.#server.close(() => {
				resolve();
			});
		});
	}
}

function fetching(slow: SlowFile): Phase {
	const prepare = (store: Store, label: string): Work => {
		const drv = builtinDerivation({
			name: `file-${label}`,
			builder: "builtin:fetchurl",
			env: { url: `${slow.address}/${label}` },
			outputHash: slow.hash,
		});
		const { drvPath, out } = addDerivation(store, drv);
		const sent = (): number => slow.sent.get(`/${label}`) ?? 0;
		return {
			run: (client) => client.build([drvPath]),
			begun: () => sent() > 0,
			within: () => sent() > 0 && sent() < FILE_SIZE,
			out,
		};
	};
	return { name: "fetching", spread: PIECES * PIECE_PAUSE - 50, prepare };
}

/* Unpacking: a package with many files. */

const PACKAGED_FILES = 2000;

function unpacking(installation: Installation): Phase {
	const deb = makePackage(join(installation.folder, "package"));
	const prepare = (store: Store, label: string): Work => {
		const src = store.addPath({ name: "many_1_all.deb", source: deb, method: "flat" });
		const env = { src, pname: "many", version: "1" };
		const { drvPath, out } = addDerivation(
			store,
			builtinDerivation({ name: `many-${label}`, builder: "builtin:unpack-deb", env }, [src]),
		);
		const tree = (): string | undefined => scratches(installation).find((path) => existsSync(join(path, "out")));
		return {
			run: (client) => client.build([drvPath]),
			begun: () => tree() !== undefined,
			// The control files are written last.
			within: () => {
				const folder = tree();
				return folder !== undefined && !existsSync(join(folder, "out/var/lib/devenv/control/many/control"));
			},
			out,
		};
	};
	return { name: "unpacking", spread: 400, prepare };
}

function makePackage(folder: string): string {
	mkdirSync(join(folder, "tree/DEBIAN"), { recursive: true });
	mkdirSync(join(folder, "tree/usr/share/many"), { recursive: true });
	writeFileSync(
		join(folder, "tree/DEBIAN/control"),
		"Package: many\nVersion: 1\nArchitecture: all\nMaintainer: none <none@localhost>\nDescription: many files\n",
	);
	for (let index = 0; index < PACKAGED_FILES; index++) {
		writeFileSync(join(folder, `tree/usr/share/many/${index}`), `${index}\n`.repeat(500));
	}
	const deb = join(folder, "many.deb");
	execFileSync("dpkg-deb", ["-Zgzip", "--root-owner-group", "--build", join(folder, "tree"), deb], { stdio: "ignore" });
	rmSync(join(folder, "tree"), { recursive: true });
	return deb;
}

/* Building: a shell that writes for a while. */

function building(installation: Installation): Phase {
	const script =
		"mkdir $out; seq -f %060.0f 1 1500; for i in 0 1 2 3 4 5 6 7 8 9 10 11; do echo line $i; echo $i > $out/$i; sleep 0.05; done";
	const prepare = (store: Store, label: string): Work => {
		const mark = `${installation.folder}/${label}`;
		const { drvPath, out } = addDerivation(store, shellDerivation({ name: `built-${label}`, script, env: { mark } }));
		let speaks = false;
		return {
			run: (client) => {
				client.onLine = (line) => {
					if (line === "line 0") speaks = true;
				};
				return client.build([drvPath]);
			},
			begun: () => speaks,
			within: () => processesWith(mark).length > 0,
			out,
		};
	};
	return { name: "building", spread: 550, prepare };
}

/* Registering: a builder that leaves a large tree and ends. */

function registering(installation: Installation): Phase {
	const script = "mkdir $out; cd $out; echo writing; head -c 40M /dev/zero | split -a 4 -b 20000 -; echo written";
	const prepare = (store: Store, label: string): Work => {
		const mark = `${installation.folder}/${label}`;
		const { drvPath, out } = addDerivation(store, shellDerivation({ name: `tree-${label}`, script, env: { mark } }));
		let written = false;
		return {
			run: (client) => {
				client.onLine = (line) => {
					if (line === "written") written = true;
				};
				return client.build([drvPath]);
			},
			begun: () => written,
			within: () => processesWith(mark).length === 0 && !isValid(installation, out),
			out,
		};
	};
	return { name: "registering", spread: 250, prepare };
}

function isValid(installation: Installation, path: StorePath): boolean {
	using store = openStore({ root: installation.root, readOnly: true });
	return store.isValid(path);
}

/* Collecting garbage: many dead paths beside some that are rooted. */

const DEAD_PATHS = 600;

function collecting(installation: Installation): Phase {
	const mark = join(installation.root, "nix/var/nix/devenv/collector-runs");
	const rooted = new Map<StorePath, string>();
	let last: DrvPath | undefined;
	const prepare = (store: Store, label: string): Work => {
		const contents = `kept ${label}\n`;
		const kept = store.addText({ name: `kept-${label}`, contents });
		rooted.set(kept, contents);
		store.addRoot(join(installation.folder, `roots-${label}`), kept);
		for (let index = 0; index < DEAD_PATHS; index++) {
			const references = index % 10 === 0 ? [kept] : [];
			store.addText({ name: `dead-${index}`, contents: `${label} ${index} ${references.join("")}`, references });
		}
		last = addDerivation(store, shellDerivation({ name: `dead-${label}`, script: "" })).drvPath;
		const dead = last;
		return {
			run: (client) => client.collectGarbage(),
			begun: () => existsSync(mark),
			within: () => existsSync(mark),
			check: (after) => [
				...(after.isValid(dead) ? [`${dead} is still there`] : []),
				...[...rooted]
					.filter(([path, text]) => !after.isValid(path) || readFileSync(after.physical(path), "utf8") !== text)
					.map(([path]) => `${path} is lost`),
			],
		};
	};
	return { name: "collecting garbage", spread: 250, prepare };
}
