import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
	type DrvPath,
	formatNarInfo,
	type NarInfo,
	parseDrvPath,
	parseNarInfo,
	parseSecretKey,
	storePathHashPart,
	type StorePath,
} from "@devenv/nix-formats";
import { findProgram, skip, temporaryFolder } from "@devenv/test-support";
import test from "ava";
import fc from "fast-check";
import { startCacheServer } from "../../src/caches/cache-server.ts";
import { type Compression, compressions } from "../../src/caches/nar-compression.ts";
import { addSample, fileIn, instantiateSample, makeKey, makeWorld, quiet, serveFolder } from "./cache-world.ts";

const programs: Partial<Record<Compression, string>> = { xz: "xz", bzip2: "bzip2" };

for (const compression of Object.keys(compressions) as Compression[]) {
	test(`what is copied to a folder and back is the same: ${compression}`, async (t) => {
		const program = programs[compression];
		if (program !== undefined && findProgram(program) === undefined) {
			skip(t, `no ${program}`);
			t.pass();
			return;
		}
		const { file, publicKey } = makeKey(t);
		const folder = temporaryFolder(t);
		const here = makeWorld(t);
		const { top, lower, text } = await addSample(here.store);
		const address = `file://${folder}?compression=${compression}&secret-key=${file}`;
		const report = await here.upload(address, top);
		t.like(report, { copied: 3, present: 0 });
		t.true(report.bytes > 0);
		t.true(
			existsSync(
				fileIn(join(folder, "nar"), new RegExp(`^${narName(folder, top)}\\.nar${compressions[compression]}$`)),
			),
		);
		t.like(await here.upload(address, top), { copied: 0, present: 3, bytes: 0 });

		const there = makeWorld(t, { trustedPublicKeys: [publicKey] });
		t.deepEqual(await there.download(`file://${folder}`, top), []);
		for (const path of [top, lower, text]) {
			const { narHash, narSize, references, deriver, signatures, ultimate } = there.store.pathInfo(path);
			const { narHash: hash, narSize: size, references: refs, deriver: drv } = here.store.pathInfo(path);
			t.deepEqual(
				{ narHash, narSize, references, deriver },
				{ narHash: hash, narSize: size, references: refs, deriver: drv },
			);
			t.is(signatures.length, 1);
			t.false(ultimate);
		}
		t.deepEqual(await there.store.verify({ checkContents: true }), []);
	});
}

/** The part before `.nar` of the file that a path's narinfo names. */
/** Takes what the caches have of a request, each derivation's `out`. */
async function substitute(
	{ store, caches }: Pick<ReturnType<typeof makeWorld>, "store" | "caches">,
	wanted: ReadonlyMap<DrvPath, readonly string[]>,
): Promise<void> {
	for (const drvPath of await caches.substitutable(wanted, quiet.signal)) {
		await caches.substitute(store.readDerivation(parseDrvPath(drvPath)), ["out"], quiet);
	}
}

function narName(folder: string, path: StorePath): string {
	return /^nar\/([0-9a-z]+)\.nar/.exec(readInfo(folder, path).url)?.[1] ?? "";
}

function infoFile(folder: string, path: StorePath): string {
	return join(folder, `${storePathHashPart(path)}.narinfo`);
}

function readInfo(folder: string, path: StorePath): NarInfo {
	return parseNarInfo(readFileSync(infoFile(folder, path), "utf8"), { file: "narinfo" });
}

function changeInfo(folder: string, path: StorePath, change: Partial<NarInfo>): void {
	writeFileSync(infoFile(folder, path), formatNarInfo({ ...readInfo(folder, path), ...change }));
}

test("without a signature of a trusted key only what its own name vouches for is taken", async (t) => {
	const [good, other] = [makeKey(t, "good-1"), makeKey(t, "other-1")];
	const folder = temporaryFolder(t);
	const here = makeWorld(t);
	const { top, text } = await addSample(here.store);
	await here.upload(`file://${folder}?secret-key=${good.file}`, top);
	for (const keys of [[], [other.publicKey], [good.publicKey.replace("good-1", "good-2")]]) {
		const there = makeWorld(t, { trustedPublicKeys: keys });
		t.regex(
			(await there.download(`file://${folder}`, top)).join(),
			/no key of trusted_public_keys has signed it; it has signatures of 'good-1'/,
		);
		t.false(there.store.isValid(top));
		t.deepEqual(await there.download(`file://${folder}`, text), []);
	}
	const trusting = makeWorld(t);
	t.deepEqual(await trusting.download(`file://${folder}?trusted=1`, top), []);
	const both = makeWorld(t, { trustedPublicKeys: [other.publicKey, good.publicKey] });
	t.deepEqual(await both.download(`file://${folder}`, top), []);
});

test("what refers to itself needs a signature, whatever content address it claims", async (t) => {
	const folder = temporaryFolder(t);
	const here = makeWorld(t);
	const { text } = await addSample(here.store);
	await here.upload(`file://${folder}`, text);
	changeInfo(folder, text, { references: [text] });
	const there = makeWorld(t);
	t.regex(
		(await there.download(`file://${folder}`, text)).join(),
		/no key of trusted_public_keys has signed it; it has no signature/,
	);
	t.false(there.store.isValid(text));
});

interface Tampering {
	readonly title: string;
	/** With a signature that is good, and without any signature being asked for. */
	readonly address?: string;
	readonly change: (
		folder: string,
		sample: { readonly top: StorePath; readonly lower: StorePath; readonly text: StorePath },
	) => void;
	readonly reason: RegExp;
}

const trusted = "?trusted=1";
const tamperings: readonly Tampering[] = [
	{
		title: "a file with another byte",
		change: (folder, { top }) => {
			const file = fileIn(join(folder, "nar"), new RegExp(`^${narName(folder, top)}`));
			const bytes = readFileSync(file);
			bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
			writeFileSync(file, bytes);
		},
		reason: /its hash is .* instead of/,
	},
	{
		title: "a file that is cut off",
		change: (folder, { top }) => {
			const file = fileIn(join(folder, "nar"), new RegExp(`^${narName(folder, top)}`));
			writeFileSync(file, readFileSync(file).subarray(0, 100));
		},
		reason: /bytes long instead of/,
	},
	{
		title: "a file that is gone",
		change: (folder) => {
			rmSync(join(folder, "nar"), { recursive: true });
		},
		reason: /no server has/,
	},
	{
		title: "another NAR hash",
		change: (folder, { top, lower }) => {
			changeInfo(folder, top, { narHash: readInfo(folder, lower).narHash });
		},
		reason: /no key of trusted_public_keys has signed it/,
	},
	{
		title: "another NAR hash, unsigned",
		address: trusted,
		change: (folder, { top, lower }) => {
			changeInfo(folder, top, { narHash: readInfo(folder, lower).narHash });
		},
		reason: /sha256-.*sha256-|hash/,
	},
	{
		title: "another file of the cache in its place, unsigned",
		address: trusted,
		change: (folder, { top, lower }) => {
			const { url, fileHash, fileSize } = readInfo(folder, lower);
			changeInfo(folder, top, { url, fileHash, fileSize });
		},
		reason: /has \d+ bytes, not|more than|hash/,
	},
	{
		title: "a smaller size, unsigned",
		address: trusted,
		change: (folder, { top }) => {
			changeInfo(folder, top, { narSize: 100 });
		},
		reason: /more than 100 bytes|has more than 100/,
	},
	{
		title: "fewer references",
		change: (folder, { top }) => {
			changeInfo(folder, top, { references: [] });
		},
		reason: /no key of trusted_public_keys has signed it/,
	},
	{
		title: "the narinfo of another path",
		change: (folder, { top, lower }) => {
			writeFileSync(infoFile(folder, top), readFileSync(infoFile(folder, lower)));
		},
		reason: /it offers .*-lower in its place/,
	},
	{
		title: "no narinfo",
		change: (folder, { top }) => {
			writeFileSync(infoFile(folder, top), "<html>hello</html>\n");
		},
		reason: /is not a valid narinfo/,
	},
	{
		title: "references in a circle, unsigned",
		address: trusted,
		change: (folder, { top, lower }) => {
			changeInfo(folder, lower, { references: [top] });
		},
		reason: /refers to itself through others/,
	},
	{
		title: "an unknown compression",
		change: (folder, { top }) => {
			changeInfo(folder, top, { compression: "lzip" });
		},
		reason: /unknown compression 'lzip'/,
	},
	{
		title: "what is no archive, unsigned",
		address: trusted,
		change: (folder, { top }) => {
			const { url } = readInfo(folder, top);
			writeFileSync(join(folder, url), "this is no archive");
			changeInfo(folder, top, { fileHash: undefined, fileSize: undefined });
		},
		reason: /cannot be decompressed/,
	},
	{
		title: "another store folder",
		change: (folder) => {
			writeFileSync(join(folder, "nix-cache-info"), "StoreDir: /gnu/store\n");
		},
		reason: /has objects for \/gnu\/store, not for \/nix\/store/,
	},
	{
		title: "a text with other contents, whose name vouches for it",
		change: (folder, { text, lower }) => {
			const { url, fileHash, fileSize, narHash, narSize } = readInfo(folder, lower);
			changeInfo(folder, text, { url, fileHash, fileSize, narHash, narSize });
		},
		reason: /content address|hash|expected|regular file/i,
	},
];

for (const { title, change, reason, address = "" } of tamperings) {
	test(`refused with a reason, and nothing is kept: ${title}`, async (t) => {
		const { file, publicKey } = makeKey(t);
		const folder = temporaryFolder(t);
		const here = makeWorld(t);
		const sample = await addSample(here.store);
		await here.upload(`file://${folder}?secret-key=${file}`, sample.top);
		change(folder, sample);
		const there = makeWorld(t, { trustedPublicKeys: [publicKey] });
		t.regex((await there.download(`file://${folder}${address}`, sample.top)).join("\n"), reason);
		t.false(there.store.isValid(sample.top));
		t.deepEqual(await there.store.verify({ checkContents: true }), []);
		t.deepEqual(
			readdirSync(there.store.physical("/nix/store"))
				.filter((name) => name !== ".links")
				.sort(),
			there.store
				.queryAllValidPaths()
				.map((path) => path.slice("/nix/store/".length))
				.sort(),
		);
	});
}

test("narinfos of any bytes never bring more than what is signed", async (t) => {
	const { file, publicKey } = makeKey(t);
	const folder = temporaryFolder(t);
	const here = makeWorld(t);
	const { top } = await addSample(here.store);
	await here.upload(`file://${folder}?secret-key=${file}`, top);
	const good = readFileSync(infoFile(folder, top), "latin1");
	let there = makeWorld(t, { trustedPublicKeys: [publicKey] });
	const { narHash } = here.store.pathInfo(top);
	await fc.assert(
		fc.asyncProperty(
			fc.nat(good.length - 1),
			fc.string({ unit: "binary", maxLength: 3 }),
			fc.nat(5),
			async (at, text, cut) => {
				writeFileSync(infoFile(folder, top), good.slice(0, at) + text + good.slice(at + cut));
				const reasons = await there.download(`file://${folder}`, top);
				// What is not signed (the deriver, unknown lines) may change.
				if (reasons.length === 0) {
					t.deepEqual(there.store.pathInfo(top).narHash, narHash);
					there = makeWorld(t, { trustedPublicKeys: [publicKey] });
				} else t.false(there.store.isValid(top));
			},
		),
		{ numRuns: 200 },
	);
});

test("over HTTP: uploads, priorities, a cache that fails, one that is slow to answer", async (t) => {
	const { file, publicKey } = makeKey(t);
	const [first, second] = [await serveFolder(t), await serveFolder(t)];
	const here = makeWorld(t);
	const { top, topDrv } = await addSample(here.store);
	for (const { url } of [first, second]) t.like(await here.upload(`${url}?secret-key=${file}`, top), { copied: 3 });
	const puts = first.requests.filter((line) => line.startsWith("PUT"));
	t.is(puts.length, 7);
	// A narinfo comes after the NAR that it names.
	t.deepEqual(
		puts.slice(1).map((line) => line.endsWith(".narinfo")),
		[false, true, false, true, false, true],
	);
	const clear = (): void => {
		for (const each of [first, second]) each.requests.length = 0;
	};
	const attempt = async (substituters: readonly string[]) => {
		clear();
		const there = makeWorld(t, { substituters, trustedPublicKeys: [publicKey] });
		for (const drv of here.store.computeClosure([topDrv])) {
			if (!drv.endsWith(".drv")) continue;
			there.store.addText({ name: "text", contents: "contents" });
			there.store.addDerivation(here.store.readDerivation(drv as typeof topDrv));
		}
		await substitute(there, new Map([[topDrv, ["out"]]]));
		return there;
	};
	// The second one says that it is to be asked first.
	const preferred = await attempt([first.url, `${second.url}?priority=10`]);
	t.true(preferred.store.isValid(top));
	t.true(
		first.requests.every((line) => line === "GET /nix-cache-info"),
		first.requests.join(),
	);

	first.intercept = (request, response) => {
		if (!request.url?.endsWith(".narinfo")) return false;
		response.writeHead(500).end();
		return true;
	};
	const passed = await attempt([first.url, second.url]);
	t.true(passed.store.isValid(top));
	t.regex(passed.warnings.join("\n"), /^the binary cache http:\/\/127\.0\.0\.1:\d+ is not used: /);
	const none = await attempt([first.url]);
	t.false(none.store.isValid(top));
	// Refused uploads.
	second.intercept = (request, response) => {
		if (request.method !== "PUT") return false;
		request.resume();
		response.writeHead(403).end();
		return true;
	};
	const extra = here.store.addText({ name: "more", contents: "x" });
	const error = await t.throwsAsync(here.upload(second.url, extra));
	t.regex(String(error), /does not take 'nar\/.*HTTP status 403/);
});

test("what caches say is remembered: a yes for long, a no for an hour, nothing wrong at all", async (t) => {
	const web = await serveFolder(t);
	const here = makeWorld(t);
	const { text } = await addSample(here.store);
	const there = makeWorld(t);
	const narinfos = (): number => web.requests.splice(0).filter((line) => line.endsWith(".narinfo")).length;
	await here.upload(web.url, here.store.addText({ name: "other", contents: "x" }));
	narinfos();
	t.is((await there.caches.download(web.url, [text], quiet)).missing.length, 1);
	t.is(narinfos(), 1);
	t.is((await there.caches.download(web.url, [text], quiet)).missing.length, 1);
	t.is(narinfos(), 0);
	// A cache that broke what it offers is asked again.
	const other = makeWorld(t);
	await here.upload(web.url, text);
	rmSync(join(web.folder, "nar"), { recursive: true });
	narinfos();
	t.is((await other.caches.download(web.url, [text], quiet)).missing.length, 1);
	t.is(narinfos(), 1);
	t.is((await other.caches.download(web.url, [text], quiet)).missing.length, 1);
	t.is(narinfos(), 1);
});

test("what is made in a moment, or is not to be substituted, is not asked for; what it needs is", async (t) => {
	const web = await serveFolder(t);
	const here = makeWorld(t);
	const { top, topDrv, text } = await addSample(here.store);
	await here.upload(web.url, top);
	const there = makeWorld(t, { substituters: [`${web.url}?trusted=1`] });
	there.store.addText({ name: "text", contents: "contents" });
	for (const each of here.store.computeClosure([topDrv])) {
		if (each.endsWith(".drv")) there.store.addDerivation(here.store.readDerivation(each as typeof topDrv));
	}
	for (const [builder, env] of [
		["builtin:environment", new Map<string, string>()],
		["/bin/sh", new Map([["allowSubstitutes", ""]])],
	] as const) {
		web.requests.length = 0;
		const { drv, outputPaths } = instantiateSample(there.store, {
			name: "quick",
			outputs: new Map([["out", { path: "" as const, hashAlgo: "" as const, hash: "" }]]),
			inputDrvs: new Map([[topDrv, ["out"]]]),
			inputSrcs: [text],
			system: "x86_64-linux",
			builder,
			args: [],
			env,
		});
		const path = there.store.addDerivation(drv);
		const out = outputPaths.get("out");
		await substitute(there, new Map([[path, ["out"]]]));
		t.true(there.store.isValid(top));
		t.true(
			out !== undefined && !web.requests.some((line) => line.includes(storePathHashPart(out))),
			web.requests.join(),
		);
	}
});

test("two requests at once fetch a path once", async (t) => {
	const web = await serveFolder(t);
	const here = makeWorld(t);
	const { top } = await addSample(here.store);
	await here.upload(web.url, top);
	web.requests.length = 0;
	const there = makeWorld(t, { substituters: [`${web.url}?trusted=1`] });
	const drvs = here.store.queryDerivers(top);
	const [drv] = drvs;
	if (drv === undefined) throw new Error("no deriver");
	there.store.addText({ name: "text", contents: "contents" });
	for (const each of here.store.computeClosure([drv])) {
		if (each.endsWith(".drv")) there.store.addDerivation(here.store.readDerivation(each as typeof drv));
	}
	const wanted = new Map([[drv, ["out"]]]);
	await Promise.all([substitute(there, wanted), substitute(there, wanted)]);
	t.true(there.store.isValid(top));
	const cancelled = new AbortController();
	cancelled.abort(new Error("no more"));
	const fresh = makeWorld(t);
	await t.throwsAsync(fresh.caches.download(web.url, [top], { ...quiet, signal: cancelled.signal }), {
		message: "no more",
	});
	t.false(fresh.store.isValid(top));
});

test("a store that is served is a cache: signed, with ranges, and nothing else of the machine", async (t) => {
	const { file, publicKey } = makeKey(t);
	const here = makeWorld(t);
	const { top } = await addSample(here.store);
	const lines: string[] = [];
	const server = await startCacheServer({
		storeRoot: here.store.root,
		host: "127.0.0.1",
		port: 0,
		priority: 20,
		secretKey: parseSecretKey(readFileSync(file, "utf8")),
		onRequest: (line) => lines.push(line),
	});
	t.teardown(() => server.close());
	const there = makeWorld(t, { trustedPublicKeys: [publicKey] });
	t.deepEqual(await there.download(server.url, top), []);
	t.deepEqual(await there.store.verify({ checkContents: true }), []);
	t.true(lines.includes(`GET /${storePathHashPart(top)}.narinfo 200`), lines.join("\n"));

	const { url, narSize } = parseNarInfo(await (await fetch(`${server.url}/${storePathHashPart(top)}.narinfo`)).text(), {
		file: "served",
	});
	const whole = Buffer.from(await (await fetch(`${server.url}/${url}`)).arrayBuffer());
	t.is(whole.length, narSize);
	const part = async (range: string): Promise<readonly [number, string | null, Buffer]> => {
		const response = await fetch(`${server.url}/${url}`, { headers: { range } });
		return [response.status, response.headers.get("content-range"), Buffer.from(await response.arrayBuffer())];
	};
	t.deepEqual(await part("bytes=10-19"), [206, `bytes 10-19/${narSize}`, whole.subarray(10, 20)]);
	t.deepEqual(await part(`bytes=${narSize - 5}-`), [
		206,
		`bytes ${narSize - 5}-${narSize - 1}/${narSize}`,
		whole.subarray(-5),
	]);
	t.deepEqual(await part("bytes=-7"), [206, `bytes ${narSize - 7}-${narSize - 1}/${narSize}`, whole.subarray(-7)]);
	t.is((await part(`bytes=${narSize}-`))[0], 416);
	t.is((await part("lines=1-2"))[0], 200);
	for (const path of [
		"/../../etc/passwd",
		"/nar/%2e%2e/%2e%2e/etc/passwd",
		`/${"0".repeat(32)}.narinfo`,
		"/",
		"/nar/x.nar",
	]) {
		t.is((await fetch(server.url + path)).status, 404, path);
	}
	t.is((await fetch(`${server.url}/x`, { method: "PUT", body: "x" })).status, 405);
	t.is((await fetch(`${server.url}/nix-cache-info`, { method: "HEAD" })).status, 200);
});

test("bad addresses and keys are said", async (t) => {
	const { store, upload } = makeWorld(t);
	const text = store.addText({ name: "text", contents: "x" });
	const cases: readonly (readonly [string, RegExp])[] = [
		["nonsense", /'nonsense' is no address of a binary cache: it is no URL/],
		["s3://bucket", /s3: is not known; use http, https or file/],
		["file:///x?compression=lzip", /its compression is not known/],
		["file:///x?colour=red", /it has an unknown setting 'colour'/],
		["file:///x?priority=first", /its priority is no whole number/],
		["file:///dev/null/x", /cannot write \/dev\/null\/x/],
		[`file://${store.root}/c?secret-key=${store.root}/absent`, /cannot read the key .*\/absent: ENOENT/],
	];
	for (const [url, message] of cases)
		t.regex(String(await t.throwsAsync(async () => upload(url, text), undefined, url)), message);
});
