import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import test, { type ExecutionContext } from "ava";
import { DiagnosticError } from "@devenv/diagnostics";
import type { Hash } from "@devenv/nix-formats";
import type { Fetcher, FetchRequest } from "../../src/fetch/fetcher.ts";
import { createFetcher, type FetcherOptions, withoutSecrets } from "../../src/fetch/http-fetcher.ts";
import { type LocalServer, localServer, serve } from "./local-server.ts";

const body: Buffer = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) & 255));
const expected: Hash = sha256(body);

function sha256(data: Buffer): Hash {
	return { algo: "sha256", bytes: createHash("sha256").update(data).digest() };
}

interface Place {
	readonly folder: string;
	readonly destination: string;
	readonly fetcher: (options?: Partial<FetcherOptions>) => Fetcher;
	readonly server: (
		answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
	) => Promise<LocalServer>;
}

function place(t: ExecutionContext): Place {
	const folder = mkdtempSync(join(tmpdir(), "devenv-fetch-test-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true });
	});
	return {
		folder,
		destination: join(folder, "file"),
		fetcher: (options = {}) => {
			const fetcher = createFetcher({ mirrors: { user: new Map(), apt: new Map() }, env: {}, backOff: 1, ...options });
			t.teardown(() => {
				fetcher.close();
			});
			return fetcher;
		},
		server: async (answer) => {
			let count = 0;
			const server = await localServer((request, response) => {
				answer(request, response, count++);
			});
			t.teardown(() => server.close());
			return server;
		},
	};
}

/** The diagnostic of a fetch that must fail; nothing may be left beside it. */
async function refused(
	t: ExecutionContext,
	fetcher: Fetcher,
	request: FetchRequest,
): Promise<DiagnosticError["diagnostics"][number]> {
	const error = await t.throwsAsync(() => fetcher.fetch(request), { instanceOf: DiagnosticError });
	t.false(existsSync(request.destination));
	const [diagnostic] = error.diagnostics;
	if (diagnostic === undefined) throw new Error("no diagnostic");
	return diagnostic;
}

test("fetches a file and tells its size, hash and progress", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((request, response) => {
		serve(response, request, body);
	});
	const progress: (readonly [number, number | undefined])[] = [];
	const result = await fetcher().fetch({
		url: `${url}/a`,
		destination,
		expected,
		size: body.length,
		onProgress: (done, total) => progress.push([done, total]),
	});
	t.deepEqual(readFileSync(destination), body);
	t.is(result.size, body.length);
	t.deepEqual(Buffer.from(result.sha256), Buffer.from(expected.bytes));
	t.deepEqual(progress.at(-1), [body.length, body.length]);
});

test("follows redirects", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((request, response) => {
		if (request.url === "/target") serve(response, request, body);
		else response.writeHead(302, { location: "/target" }).end();
	});
	await fetcher().fetch({ url: `${url}/a`, destination, expected });
	t.deepEqual(readFileSync(destination), body);
});

test("gives up on a redirect without end", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((_, response) => void response.writeHead(302, { location: "/again" }).end());
	const diagnostic = await refused(t, fetcher(), { url: `${url}/a`, destination, expected });
	t.is(diagnostic.code, "FETCH_FAILED");
	t.regex(diagnostic.message, /more than 10 redirects/);
});

test("goes on where a broken connection ended", async (t) => {
	const { destination, fetcher, server } = place(t);
	const running = await server((request, response, count) => {
		if (count > 0) {
			serve(response, request, body);
			return;
		}
		response.writeHead(200, { "content-length": body.length });
		response.write(body.subarray(0, 100_000), () => response.destroy());
	});
	await fetcher().fetch({ url: `${running.url}/a`, destination, expected });
	t.deepEqual(readFileSync(destination), body);
	t.regex(running.requests[1]?.range ?? "", /^bytes=[1-9]\d*-$/);
});

test("starts again where the server cannot resume", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((_, response, count) => {
		response.writeHead(200, { "content-length": body.length });
		if (count > 0) response.end(body);
		else response.write(body.subarray(0, 100_000), () => response.destroy());
	});
	await fetcher().fetch({ url: `${url}/a`, destination, expected });
	t.deepEqual(readFileSync(destination), body);
});

test("keeps what came for the next process, and completes it from another mirror", async (t) => {
	const { folder, destination, fetcher, server } = place(t);
	const partialFolder = join(folder, "partial");
	const first = await server((_, response) => {
		response.writeHead(200, { "content-length": body.length });
		response.write(body.subarray(0, 100_000), () => response.destroy());
	});
	const diagnostic = await refused(t, fetcher({ partialFolder, rounds: 1 }), {
		url: `${first.url}/a`,
		destination,
		expected,
	});
	t.is(diagnostic.code, "FETCH_TRUNCATED");
	t.is(readdirSync(partialFolder).length, 1);
	const second = await server((request, response) => {
		serve(response, request, body);
	});
	await fetcher({ partialFolder }).fetch({ url: `${second.url}/b`, destination, expected });
	t.deepEqual(readFileSync(destination), body);
	t.regex(second.requests[0]?.range ?? "", /^bytes=[1-9]/);
	t.deepEqual(readdirSync(partialFolder), []);
});

test("goes on with what a killed process left, and leaves nothing of it", async (t) => {
	const { folder, destination, fetcher, server } = place(t);
	const partialFolder = join(folder, "partial");
	mkdirSync(partialFolder);
	const killed = spawnSync("true").pid;
	const space = statSync("/proc/self/ns/pid").ino;
	for (const [name, length] of [
		["000000000001", 70_000],
		["000000000002", 90_000],
	] as const) {
		const file = `sha256-${Buffer.from(expected.bytes).toString("hex")}.${space}-${killed}-${name}.part`;
		writeFileSync(join(partialFolder, file), body.subarray(0, length));
	}
	const { url, requests } = await server((request, response) => {
		serve(response, request, body);
	});
	await fetcher({ partialFolder }).fetch({ url: `${url}/a`, destination, expected });
	t.deepEqual(readFileSync(destination), body);
	t.regex(requests[0]?.range ?? "", /^bytes=[79]0000-/);
	t.deepEqual(readdirSync(partialFolder), []);
});

test("throws a bad partial file away instead of failing on it", async (t) => {
	const { folder, destination, fetcher, server } = place(t);
	const partialFolder = join(folder, "partial");
	mkdirSync(partialFolder);
	writeFileSync(join(partialFolder, `sha256-${Buffer.from(expected.bytes).toString("hex")}`), "not its beginning");
	const { url } = await server((request, response) => {
		serve(response, request, body);
	});
	await fetcher({ partialFolder }).fetch({ url: `${url}/a`, destination, expected });
	t.deepEqual(readFileSync(destination), body);
});

test("passes from a mirror that is down or has not got it to the next", async (t) => {
	const { destination, fetcher, server } = place(t);
	const bad = await server((_, response) => void response.writeHead(404).end());
	const good = await server((request, response) => {
		serve(response, request, body);
	});
	const mirrors = {
		user: new Map([["debian", ["http://127.0.0.1:9", bad.url]]]),
		apt: new Map([["debian", [`${good.url}/debian/`]]]),
	};
	const result = await fetcher({ mirrors }).fetch({ url: "mirror://debian/pool/x.deb", destination, expected });
	t.is(result.url, `${good.url}/debian/pool/x.deb`);
	t.is(bad.requests.length, 1);
});

test("passes from a mirror with a wrong file to the next", async (t) => {
	const { destination, fetcher, server } = place(t);
	const bad = await server((request, response) => {
		serve(response, request, Buffer.from(body.map((byte) => byte ^ 1)));
	});
	const good = await server((request, response) => {
		serve(response, request, body);
	});
	const mirrors = { user: new Map([["debian", [bad.url, good.url]]]), apt: new Map() };
	await fetcher({ mirrors }).fetch({ url: "mirror://debian/x", destination, expected });
	t.deepEqual(readFileSync(destination), body);
});

test("names both hashes when the file is another", async (t) => {
	const { folder, destination, fetcher, server } = place(t);
	const { url, requests } = await server((request, response) => {
		serve(response, request, Buffer.from("other"));
	});
	const diagnostic = await refused(t, fetcher(), { url: `${url}/a`, destination, expected });
	t.is(diagnostic.code, "FETCH_HASH_MISMATCH");
	t.true(diagnostic.message.includes(`sha256-${Buffer.from(expected.bytes).toString("base64")}`));
	t.true(diagnostic.message.includes(`sha256-${createHash("sha256").update("other").digest("base64")}`));
	t.is(requests.length, 1, "the same answer is not asked for again");
	t.deepEqual(readdirSync(folder), []);
});

test("says that nobody has it", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url, requests } = await server((_, response) => void response.writeHead(404).end());
	const diagnostic = await refused(t, fetcher(), { url: `${url}/a`, destination });
	t.is(diagnostic.code, "FETCH_NOT_FOUND");
	t.is(requests.length, 1);
});

test("tries again after a server's error, and says so", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((request, response, count) => {
		if (count < 2) response.writeHead(503).end();
		else serve(response, request, body);
	});
	const notes: string[] = [];
	await fetcher().fetch({ url: `${url}/a`, destination, expected, onNote: (line) => notes.push(line) });
	t.deepEqual(notes, [
		`${url}/a: HTTP status 503 (Service Unavailable)`,
		`${url}/a: HTTP status 503 (Service Unavailable)`,
	]);
});

test("a server that is down is one clear message", async (t) => {
	const { destination, fetcher } = place(t);
	const diagnostic = await refused(t, fetcher({ rounds: 2 }), { url: "http://127.0.0.1:9/a", destination });
	t.is(diagnostic.code, "FETCH_FAILED");
	t.is(diagnostic.message, "cannot fetch 'http://127.0.0.1:9/a': the connection was refused");
});

test("a file that always ends early is called truncated", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((_, response) => {
		response.writeHead(200, { "content-length": body.length });
		response.write(body.subarray(0, 10), () => response.destroy());
	});
	const diagnostic = await refused(t, fetcher({ rounds: 2 }), { url: `${url}/a`, destination });
	t.is(diagnostic.code, "FETCH_TRUNCATED");
	t.regex(diagnostic.message, /ended after \d+ of 300000 bytes/);
});

test("reads no more than the size that is known", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((_, response) => {
		response.writeHead(200);
		const more = (): void => {
			response.write(Buffer.alloc(65_536), (error) => {
				if (error === null || error === undefined) more();
			});
		};
		more();
	});
	const diagnostic = await refused(t, fetcher(), { url: `${url}/a`, destination, size: 1000, expected });
	t.is(diagnostic.code, "FETCH_TOO_LARGE");
});

test("a length other than the size is refused before the first byte", async (t) => {
	const { destination, fetcher, server } = place(t);
	const { url } = await server((request, response) => {
		serve(response, request, body.subarray(0, 1000));
	});
	const diagnostic = await refused(t, fetcher(), { url: `${url}/a`, destination, size: body.length, expected });
	t.is(diagnostic.code, "FETCH_TRUNCATED");
});

test("stops when it is cancelled, and leaves nothing", async (t) => {
	const { folder, destination, fetcher, server } = place(t);
	const { url } = await server((_, response) => {
		response.writeHead(200, { "content-length": body.length });
		response.write(body.subarray(0, 10));
	});
	const controller = new AbortController();
	const reason = new Error("stopped by the test");
	setTimeout(() => {
		controller.abort(reason);
	}, 100);
	const error = await t.throwsAsync(() => fetcher().fetch({ url: `${url}/a`, destination, signal: controller.signal }));
	t.is(error, reason);
	t.deepEqual(readdirSync(folder), []);
});

test("uses the proxy of the environment, and not for hosts of no_proxy", async (t) => {
	const { destination, folder, fetcher, server } = place(t);
	const proxy = await server((_, response) => void response.end("from the proxy"));
	const direct = await server((_, response) => void response.end("direct"));
	const env = { http_proxy: proxy.url, no_proxy: "127.0.0.1" };
	await fetcher({ env }).fetch({ url: "http://files.invalid/a", destination });
	t.is(readFileSync(destination, "utf8"), "from the proxy");
	await fetcher({ env }).fetch({ url: `${direct.url}/a`, destination: join(folder, "direct") });
	t.is(readFileSync(join(folder, "direct"), "utf8"), "direct");
});

test("copies a file: URL and checks it", async (t) => {
	const { folder, destination, fetcher } = place(t);
	writeFileSync(join(folder, "source"), body);
	const url = pathToFileURL(join(folder, "source")).href;
	await fetcher().fetch({ url, destination, expected });
	t.deepEqual(readFileSync(destination), body);
	const other = join(folder, "other");
	const diagnostic = await refused(t, fetcher(), { url, destination: other, expected: sha256(Buffer.from("x")) });
	t.is(diagnostic.code, "FETCH_HASH_MISMATCH");
	t.is((await refused(t, fetcher(), { url: `${url}-none`, destination: other })).code, "FETCH_NOT_FOUND");
});

test("waits for no pipe and reads no device of a file: URL", async (t) => {
	const { folder, destination, fetcher } = place(t);
	const pipe = join(folder, "pipe");
	execFileSync("mkfifo", [pipe]);
	for (const path of [pipe, "/dev/zero", folder]) {
		const diagnostic = await refused(t, fetcher(), { url: pathToFileURL(path).href, destination });
		t.is(diagnostic.code, "FETCH_FAILED");
	}
	writeFileSync(join(folder, "long"), "1234");
	const url = pathToFileURL(join(folder, "long")).href;
	t.is((await refused(t, fetcher(), { url, destination, maximum: 3 })).code, "FETCH_TOO_LARGE");
});

for (const url of ["ftp://host/file", "no url", "mirror://debian"]) {
	test(`refuses ${url}`, async (t) => {
		const { destination, fetcher } = place(t);
		t.is((await refused(t, fetcher(), { url, destination })).code, "FETCH_URL");
	});
}

test("shows no user name or password", (t) => {
	t.is(withoutSecrets("https://user:secret@host/a@b"), "https://host/a@b");
	t.is(withoutSecrets("https://user:se@cret@host/a@b"), "https://host/a@b");
	t.is(withoutSecrets("https://host/a@b"), "https://host/a@b");
});
