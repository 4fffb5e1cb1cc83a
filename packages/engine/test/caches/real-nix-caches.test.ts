/** Binary caches between us and real Nix, in both directions. */

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
	formatHash,
	formatPublicKey,
	HashesModulo,
	instantiate,
	parseSecretKey,
	publicKeyOf,
	storePathHashPart,
} from "@devenv/nix-formats";
import { buildLogPath } from "@devenv/store";
import { findProgram, skip, temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { startCacheServer } from "../../src/caches/cache-server.ts";
import { type Compression, compressions } from "../../src/caches/nar-compression.ts";
import { addSample, makeKey, makeWorld, serveFolder } from "./cache-world.ts";

const execute = promisify(execFile);
const nix = findProgram("nix");

/** Runs real Nix with settings and state of its own. */
async function run(home: string, args: readonly string[]): Promise<string> {
	const env = { ...process.env, HOME: home, NIX_CONF_DIR: home, NIX_REMOTE: "", XDG_CACHE_HOME: join(home, "cache") };
	const command = ["--extra-experimental-features", "nix-command", ...args];
	return (await execute("nix", command, { env })).stdout.trim();
}

/** Without the public caches, which are asked otherwise. */
function newHome(t: ExecutionContext): string {
	const home = temporaryFolder(t);
	writeFileSync(join(home, "nix.conf"), "substituters =\nbuild-users-group =\n");
	return home;
}

function testWithNix(title: string, body: (t: ExecutionContext) => Promise<void>): void {
	test(title, async (t) => {
		t.timeout(120_000);
		if (nix !== undefined) return body(t);
		skip(t, "no nix on PATH");
		t.pass();
	});
}

/** Compressions that real Nix 2.8 writes, with what they need here to be read. */
const written = (Object.keys(compressions) as Compression[]).filter(
	(name) => name !== "bzip2" || findProgram("bzip2") !== undefined,
);

for (const place of ["folder", "web server"] as const) {
	testWithNix(`what we copy to a ${place}, real Nix takes by our signature, in every compression`, async (t) => {
		const { file, publicKey } = makeKey(t);
		const here = makeWorld(t);
		const home = newHome(t);
		for (const compression of written) {
			if (compression === "xz" && findProgram("xz") === undefined) continue;
			const web = await serveFolder(t);
			const address = place === "folder" ? `file://${web.folder}` : web.url;
			const { top, text } = await addSample(here.store, compression);
			await here.upload(`${address}?compression=${compression}&secret-key=${file}`, top);
			const root = join(home, compression);
			const copy = ["copy", "--from", address, "--store", root, "--option", "trusted-public-keys"];
			await t.throwsAsync(
				run(home, [...copy, "", top]),
				{ message: /lacks a (valid )?signature|lacks a signature/ },
				compression,
			);
			await run(home, [...copy, publicKey, top]);
			const infos = JSON.parse(await run(home, ["path-info", "--json", "--store", root, top])) as {
				narHash: string;
				references: string[];
			}[];
			t.is(infos[0]?.narHash, formatHash(here.store.pathInfo(top).narHash, "sri"), compression);
			t.deepEqual(infos[0]?.references.toSorted(), [...here.store.pathInfo(top).references]);
			await run(home, ["store", "verify", "--store", root, "--no-trust", top, text]);
		}
	});

	testWithNix(`what real Nix copies to a ${place}, we take by its signature, in every compression`, async (t) => {
		const home = newHome(t);
		const key = join(home, "secret");
		writeFileSync(key, await run(home, ["key", "generate-secret", "--key-name", "real-1"]));
		const publicKey = formatPublicKey(publicKeyOf(parseSecretKey(readFileSync(key, "utf8"))));
		const here = makeWorld(t);
		for (const compression of written) {
			const { top, lower, text } = await addSample(here.store, compression);
			const web = await serveFolder(t);
			const address = place === "folder" ? `file://${web.folder}` : web.url;
			const settings = `compression=${compression}&secret-key=${key}`;
			// Real Nix reads our store.
			await run(home, ["copy", "--to", `${address}?${settings}`, "--store", here.store.root, top]);
			const there = makeWorld(t, { trustedPublicKeys: [publicKey] });
			t.deepEqual(await there.download(address, top), [], compression);
			for (const path of [top, lower, text]) {
				const { narHash, references, signatures } = there.store.pathInfo(path);
				t.deepEqual(narHash, here.store.pathInfo(path).narHash);
				t.deepEqual(references, here.store.pathInfo(path).references);
				t.regex(signatures.join(), /^real-1:/);
			}
			t.deepEqual(await there.store.verify({ checkContents: true }), []);
		}
	});
}

testWithNix("listings are those of real Nix, and real Nix reads logs from our server", async (t) => {
	const home = newHome(t);
	const here = makeWorld(t);
	const folder = join(home, "tree");
	mkdirSync(join(folder, "sub/empty"), { recursive: true });
	writeFileSync(join(folder, "sub/nine"), "123456789");
	writeFileSync(join(folder, "none"), "");
	writeFileSync(join(folder, "run"), "#!/bin/sh\n", { mode: 0o755 });
	symlinkSync("sub/nine", join(folder, "länk"));
	const tree = here.store.addPath({ name: "tree", source: folder });
	const file = here.store.addText({ name: "text", contents: "text\n" });
	const [ours, real] = [join(home, "ours"), join(home, "real")];
	for (const path of [tree, file]) await here.upload(`file://${ours}?write-nar-listing=1`, path);
	await run(home, ["copy", "--store", here.store.root, "--to", `file://${real}?write-nar-listing=1`, tree, file]);
	const server = await startCacheServer({
		storeRoot: here.store.root,
		host: "127.0.0.1",
		port: 0,
		priority: 30,
		onRequest: () => undefined,
	});
	try {
		for (const path of [tree, file]) {
			const name = `${storePathHashPart(path)}.ls`;
			const expected: unknown = JSON.parse(readFileSync(join(real, name), "utf8"));
			t.deepEqual(JSON.parse(readFileSync(join(ours, name), "utf8")), expected);
			t.deepEqual(await (await fetch(`${server.url}/${name}`)).json(), expected);
		}
		const unfilled = {
			name: "said",
			outputs: new Map([["out", { path: "", hashAlgo: "", hash: "" }] as const]),
			inputDrvs: new Map(),
			inputSrcs: [],
			system: "x86_64-linux",
			builder: "/bin/sh",
			args: [],
			env: new Map([["name", "said"]]),
		};
		instantiate(unfilled, new HashesModulo((path) => here.store.readDerivation(path)));
		const drv = here.store.addDerivation(unfilled);
		const log = buildLogPath(here.store.buildLogs, drv);
		mkdirSync(dirname(log), { recursive: true });
		writeFileSync(log, "said by a build ä\n");
		t.is(await run(home, ["log", "--store", server.url, drv]), "said by a build ä");
		for (const path of ["log/..%2f..%2fdb", "log/x.drv", `log/${"0".repeat(32)}-none.drv`, `${"0".repeat(32)}.ls`])
			t.is((await fetch(`${server.url}/${path}`)).status, 404, path);
	} finally {
		await server.close();
	}
});
