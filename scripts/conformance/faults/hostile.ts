/**
 * Hostile inputs, made of good ones by damage: archives, what binary caches say, store derivations, and what clients say by both
 * protocols. None may end the daemon, be taken for a fault of ours, write elsewhere, or take more than a bounded amount of memory.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import {
	encodeBase32,
	fixedOutput,
	formatDerivation,
	formatNarInfo,
	makeFixedOutputPath,
	NarParser,
	type NarInfo,
	parseDerivation,
	parseFixedOutput,
	parseNarInfo,
	parseStorePath,
} from "@devenv/nix-formats";
import { PROTOCOL_VERSION } from "@devenv/protocol";
import { narOf } from "./disk.ts";
import { addDerivation, builtinDerivation, Installation, names, shellDerivation } from "./installation.ts";
import type { Random, Tally } from "./tally.ts";
import { greeting, operations, Refused, WorkerClient, Words } from "./worker-client.ts";

export interface HostileOptions {
	readonly inputs: number;
	readonly random: Random;
	readonly tally: Tally;
	readonly folder: string;
}

/** MiB that the daemon may take for all of this. */
const MOST_MEMORY = 700;
/** Inputs at once. */
const TOGETHER = 6;
/** One in so many of what can be read without the daemon goes to the daemon too. */
const TO_DAEMON = 8;
/** Milliseconds until a connection that says nothing is given up. */
const PATIENCE = 20_000;

type Target = (turn: number) => Promise<void>;

export async function hostileLoop({ inputs, random, tally, folder }: HostileOptions): Promise<void> {
	let answer: { narinfo: Buffer; nar: Buffer } = { narinfo: Buffer.alloc(0), nar: Buffer.alloc(0) };
	const plain = Buffer.from("what is fetched\n");
	const cache = createServer((request, response) => {
		const url = request.url ?? "";
		if (url === "/nix-cache-info") response.end("StoreDir: /nix/store\n");
		else if (url.endsWith(".narinfo")) response.end(answer.narinfo);
		else response.end(url.startsWith("/nar/") ? answer.nar : plain);
	});
	await new Promise<void>((resolve) => cache.listen(0, "127.0.0.1", resolve));
	const address = `http://127.0.0.1:${(cache.address() as AddressInfo).port}`;
	const installation = new Installation(mkdtempSync(join(folder, "hostile-")), `substituters: ["${address}"]\n`);
	const damage = (bytes: Buffer): Buffer => damaged(bytes, random);
	const targets: ReadonlyMap<string, Target> = new Map<string, Target>([
		["hostile NARs", (turn) => sendNar(installation, damage(sampleNar(turn)), turn)],
		[
			"hostile narinfos",
			async (turn) => {
				const { drv, info } = sampleSubstitute(address, plain, turn);
				const text = damage(Buffer.from(formatNarInfo(info), "latin1"));
				refusesWell(() => parseNarInfo(text.toString("latin1"), { file: "hostile.narinfo" }));
				if (turn % TO_DAEMON !== 0) return;
				answer = { narinfo: text, nar: turn % 3 === 0 ? damage(narOf(plain)) : narOf(plain) };
				const { drvPath } = installation.withStore((store) => addDerivation(store, drv));
				await withClient(installation, (client) => client.build([drvPath]));
			},
		],
		["hostile .drvs", (turn) => sendDerivation(installation, damage(sampleDerivation(turn)), turn)],
		[
			"hostile worker protocol",
			(turn) => say(installation.socket, Buffer.concat([greeting().bytes, damage(conversation(turn))])),
		],
		[
			"hostile JSON-RPC",
			(turn) =>
				say(
					join(installation.home, "run/daemon.sock"),
					damage(Buffer.from(jsonConversation(installation, turn, random))),
				),
		],
	]);
	try {
		await installation.start();
		// With the first build; what lies beside them is looked at.
		mkdirSync(join(installation.root, "nix/var/log/nix/drvs"), { recursive: true });
		const before = shown(installation);
		const share = Math.ceil(inputs / targets.size);
		for (const [row, target] of targets) {
			for (let turn = 0; turn < share; turn += TOGETHER) {
				const turns = Array.from({ length: Math.min(TOGETHER, share - turn) }, (_, index) => turn + index);
				for (const [index, result] of (await Promise.allSettled(turns.map(target))).entries()) {
					if (result.status === "rejected") tally.fault(row, `${turn + index}: ${String(result.reason)}`);
					else tally.count(row);
				}
				if (installation.runs) continue;
				tally.fault(row, `the daemon is gone in turn ${turn}: ${installation.errors.slice(-500)}`);
				await installation.start();
			}
		}
		const memory = installation.peakMemory();
		if (memory > MOST_MEMORY) tally.fault("hostile in all", `the daemon took ${memory.toFixed(0)} MiB`);
		console.log(`hostile inputs: the daemon took at most ${memory.toFixed(0)} MiB`);
		await installation.end("SIGTERM");
		const after = shown(installation);
		if (after !== before) tally.fault("hostile in all", `written elsewhere: ${before} became ${after}`);
		const log = readFileSync(join(installation.home, "state/log/daemon.log"), "utf8");
		tally.none(
			"hostile in all",
			"faults of ours",
			log.split("\n").filter((line) => /"level":"error"|\berror\b.*stack/.test(line)),
		);
		tally.none("hostile in all", "left over", installation.leftovers());
		const judged = await installation.judge();
		if (judged !== undefined) tally.fault("hostile in all", judged);
	} finally {
		await installation.end("SIGKILL");
		cache.closeAllConnections();
		cache.close();
	}
}

/** What there is beside the store's contents, the daemon's own sockets and logs. */
function shown({ folder, home, root }: Installation): string {
	const below = ["nix", "nix/var", "nix/var/log", "nix/var/log/nix"].map((name) => join(root, name));
	const places = [folder, home, root, ...below, join(home, "config"), "/nix"];
	return JSON.stringify(places.map((place) => (existsSync(place) ? names(place).sort() : [])));
}

/** What a parser does not take has to be a diagnostic. */
function refusesWell(parse: () => unknown): void {
	try {
		parse();
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
	}
}

async function withClient(
	installation: Installation,
	action: (client: WorkerClient) => Promise<unknown>,
): Promise<void> {
	const client = await WorkerClient.connect(installation.socket);
	const patience = setTimeout(() => {
		client.close();
	}, PATIENCE);
	try {
		await action(client);
	} catch (error) {
		// Refused, or left because what was said made no sense; whether the daemon is there is seen afterwards.
		if (!(error instanceof Refused)) return;
		if (/\n\s+at |undefined|TypeError/.test(error.message)) throw error;
	} finally {
		clearTimeout(patience);
		client.close();
	}
}

/** One, two or three changes. */
function damaged(bytes: Buffer, random: Random): Buffer {
	let result = Buffer.from(bytes);
	const words = [
		"../../../../etc/x",
		"\0",
		"/",
		"..",
		"\xff\xfe",
		"9".repeat(30),
		"-1",
		"node1",
		"__proto__",
		"{",
		'"',
	];
	for (let changes = 1 + random(3); changes > 0 && result.length > 0; changes--) {
		const at = random(result.length);
		const rest = (skip: number): Buffer => result.subarray(Math.min(result.length, at + skip));
		switch (random(7)) {
			case 0:
				result[at] = random(256);
				break;
			case 1:
				result = result.subarray(0, at);
				break;
			case 2:
				result = Buffer.concat([result.subarray(0, at), rest(random(24))]);
				break;
			case 3:
				result = Buffer.concat([
					result.subarray(0, at),
					Buffer.from(words[random(words.length)] ?? "", "latin1"),
					rest(0),
				]);
				break;
			case 4:
				result = Buffer.concat([result.subarray(0, at), result.subarray(random(result.length)), rest(0)]);
				break;
			case 5:
				if (result.length >= 8) {
					const value = [0xffffffffffffffffn, 1n << 40n, 1n << 31n, 0n, 7n][random(5)] ?? 0n;
					result.writeBigUInt64LE(value, Math.min(at & ~7, result.length - 8));
				}
				break;
			default:
				result = Buffer.concat([result.subarray(0, at), Buffer.alloc(random(70_000), result[at]), rest(1)]);
		}
	}
	return result;
}

/** An archive with everything that an archive has. */
function sampleNar(turn: number): Buffer {
	const words = (...texts: readonly string[]): Buffer => {
		const all = new Words();
		for (const text of texts) all.string(text);
		return all.bytes;
	};
	const entry = (name: string, ...node: readonly string[]): readonly string[] => [
		"entry",
		"(",
		"name",
		name,
		"node",
		...node,
		")",
	];
	const file = (text: string): readonly string[] => ["(", "type", "regular", "contents", text, ")"];
	return words(
		"nix-archive-1",
		...["(", "type", "directory"],
		...entry("a", ...file(`file ${turn}`)),
		...entry("b", "(", "type", "symlink", "target", "../a", ")"),
		...entry("c", "(", "type", "directory", ...entry("d", ...file("deep")), ")"),
		...entry("e", "(", "type", "regular", "executable", "", "contents", "#!/bin/sh\n", ")"),
		")",
	);
}

/** With the damaged archive's own hash, so that it is read to its end. */
async function sendNar(installation: Installation, nar: Buffer, turn: number): Promise<void> {
	refusesWell(() => {
		const parser = new NarParser(() => undefined);
		parser.push(nar);
		parser.finish();
	});
	const bytes = createHash("sha256").update(nar).digest();
	const path = makeFixedOutputPath({
		name: `nar-${turn}`,
		method: "recursive",
		hash: { algo: "sha256", bytes },
		storeDir: "/nix/store",
	});
	await withClient(installation, (client) => client.addNar({ path, narHash: bytes.toString("hex"), nar }));
}

function sampleSubstitute(
	address: string,
	contents: Buffer,
	turn: number,
): { readonly drv: ReturnType<typeof builtinDerivation>; readonly info: NarInfo } {
	const hash = { algo: "sha256", bytes: createHash("sha256").update(contents).digest() } as const;
	const name = `substitute-${turn}`;
	const path = makeFixedOutputPath({ name, method: "flat", hash, storeDir: "/nix/store" });
	const nar = narOf(contents);
	const narHash = { algo: "sha256", bytes: createHash("sha256").update(nar).digest() } as const;
	const info: NarInfo = {
		path,
		url: `nar/${turn}.nar`,
		compression: "none",
		fileHash: narHash,
		fileSize: nar.length,
		narHash,
		narSize: nar.length,
		references: [],
		deriver: undefined,
		system: undefined,
		signatures: [],
		contentAddress: `fixed:sha256:${encodeBase32(hash.bytes)}`,
	};
	const drv = builtinDerivation({
		name,
		builder: "builtin:fetchurl",
		env: { url: `${address}/plain` },
		outputHash: Buffer.from(hash.bytes).toString("hex"),
	});
	return { drv, info };
}

function sampleDerivation(turn: number): Buffer {
	const drv =
		turn % 2 === 0
			? shellDerivation({ name: "hostile", script: `echo ${turn} > $out`, env: { turn: String(turn) } })
			: builtinDerivation({
					name: "hostile",
					builder: "builtin:fetchurl",
					env: { url: `file:///none/${turn}` },
					outputHash: "00".repeat(32),
				});
	const path = parseStorePath(`/nix/store/${encodeBase32(Buffer.alloc(20, turn % 251))}-hostile`);
	const outputs = new Map([...drv.outputs].map(([name, output]) => [name, { ...output, path }]));
	return Buffer.from(formatDerivation({ ...drv, outputs, env: new Map([...drv.env, ["out", path]]) }), "latin1");
}

/** What the daemon takes is built too. */
async function sendDerivation(installation: Installation, text: Buffer, turn: number): Promise<void> {
	refusesWell(() => {
		const drv = parseDerivation(text.toString("latin1"), {
			name: "hostile",
			storeDir: "/nix/store",
			file: "hostile.drv",
		});
		if (fixedOutput(drv) !== undefined) parseFixedOutput(fixedOutput(drv) ?? { hashAlgo: "", hash: "" });
	});
	if (turn % TO_DAEMON > 1) return;
	await withClient(installation, async (client) => {
		const path = await client.addText("hostile.drv", text.toString("latin1"));
		await client.build([path]);
	});
}

/** Requests of many kinds, one after the other. */
function conversation(turn: number): Buffer {
	const none = "/nix/store/00000000000000000000000000000000-none";
	const nar = narOf(Buffer.from(`hello ${turn}\n`));
	const words = new Words();
	words.number(19).number(0).number(1);
	for (let index = 0; index < 10; index++) words.number(0);
	words.number(1).string("cores").string("2");
	words
		.number(operations.addTextToStore)
		.string("text")
		.string(`contents ${turn % 50}`)
		.number(0);
	words
		.number(7)
		.string("tree")
		.string("fixed:r:sha256")
		.number(0)
		.number(0)
		.frames(nar.subarray(0, 50), nar.subarray(50));
	words.number(1).string(none).number(26).string(none).number(31).strings([none]).number(0);
	words
		.number(40)
		.strings([none, `${none}.drv!out`])
		.number(23)
		.number(14)
		.number(6)
		.string(none);
	words
		.number(operations.buildPaths)
		.strings([`${none}.drv!*`])
		.number(0)
		.number(46)
		.strings([`${none}.drv!out`])
		.number(0);
	words.number(operations.addToStoreNar).string(none).string("").string("00".repeat(32)).number(0).number(0);
	words.number(nar.length).number(0).number(0).string("").number(0).number(1).frames(nar);
	words
		.number(44)
		.number(0)
		.number(0)
		.frames(new Words().number(0).bytes)
		.number(37)
		.string(none)
		.number(1)
		.string("a:b");
	words
		.number(operations.collectGarbage)
		.number(1)
		.number(0)
		.number(0)
		.number(1 << 20)
		.number(0)
		.number(0)
		.number(0);
	return words.bytes;
}

function jsonConversation({ folder, root }: Installation, turn: number, random: Random): string {
	const project = { project: join(folder, "project"), variables: { PATH: "/bin" } };
	const evaluation = { project: null, variables: {}, name: "<test>", baseDir: "/", attrPath: "", strict: false };
	const requests: readonly (readonly [string, unknown])[] = [
		["daemon.status", {}],
		["expression.eval", { ...evaluation, expression: `{ a = ${turn}; }.a`, format: "json" }],
		["expression.eval", { ...evaluation, expression: 'throw "x"', format: "nix" }],
		["environment.info", project],
		["environment.prepare", { ...project, uid: 0, gid: 0, groups: [0] }],
		["environment.prepareQuickly", { ...project, uid: 0, gid: 0, groups: [0] }],
		["packages.search", { project: null, query: "jq", limit: 3 }],
		["packages.edit", { ...project, add: ["jq"], remove: [] }],
		["store.collect", { dryRun: true, olderThan: null, dropped: [] }],
		["history.list", { project: project.project }],
		["cancel", { request: 3 }],
		["none", [root]],
	];
	const chosen = Array.from({ length: 4 }, () => requests[random(requests.length)] ?? requests[0]);
	const lines = chosen.map((each, index) => ({ jsonrpc: "2.0", id: index + 1, method: each?.[0], params: each?.[1] }));
	const greet = {
		jsonrpc: "2.0",
		id: 0,
		method: "handshake",
		params: { protocol: PROTOCOL_VERSION, version: "0.1.0" },
	};
	return [greet, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Sends all and takes what comes, until the daemon leaves or says nothing more. */
function say(path: string, bytes: Buffer): Promise<void> {
	return new Promise((resolve, reject) => {
		const socket = connect(path);
		socket.setTimeout(PATIENCE, () => socket.destroy());
		socket.on("error", (error: NodeJS.ErrnoException) => {
			if (!["EPIPE", "ECONNRESET"].includes(error.code ?? "")) reject(error);
		});
		socket.on("close", () => {
			resolve();
		});
		socket.resume();
		socket.end(bytes);
	});
}
