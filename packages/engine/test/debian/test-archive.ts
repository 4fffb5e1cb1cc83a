/**
 * A Debian archive for tests: a few packages, signed with a key of its own, served on the loopback interface. Tests bend
 * it by changing `files` or by `refuse`.
 */

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { createCleartextMessage, generateKey, type PrivateKey, sign } from "openpgp";
import type { ArchiveAccess } from "../../src/debian/archive-access.ts";
import { createFetcher } from "../../src/fetch/http-fetcher.ts";
import { fetchedArchive } from "../../src/inputs/fetched-archive.ts";
import { packagesText, type TestPackage } from "./stanzas.ts";

/** The moment at which tests take place. */
export const testNow: Date = new Date("2026-03-01T12:00:00Z");

export interface SigningKey {
	readonly privateKey: PrivateKey;
	/** Armored. */
	readonly publicKey: string;
}

/** A key made on 1 January 2026, which may expire. */
export async function makeKey(options: { readonly validSeconds?: number } = {}): Promise<SigningKey> {
	const { privateKey, publicKey } = await generateKey({
		userIDs: [{ name: "Test Archive", email: "archive@example.org" }],
		date: new Date("2026-01-01T00:00:00Z"),
		format: "object",
		...(options.validSeconds === undefined ? {} : { keyExpirationTime: options.validSeconds }),
	});
	return { privateKey, publicKey: publicKey.armor() };
}

/** Signs a text as InRelease files are signed. */
export async function signInline(
	text: string,
	key: SigningKey,
	date: Date = new Date("2026-02-01T00:00:00Z"),
): Promise<string> {
	const message = await createCleartextMessage({ text });
	return sign({ message, signingKeys: key.privateKey, date });
}

export interface TestSuite {
	readonly suite: string;
	readonly archive: "debian" | "debian-security";
	readonly packages: readonly TestPackage[];
	/** Release fields besides or instead of the usual ones; `undefined` leaves one out. */
	readonly release?: Readonly<Record<string, string | undefined>>;
}

/** The Release text of a suite whose files are given by path below `dists/<suite>`. */
export function releaseText(suite: TestSuite, files: ReadonlyMap<string, Uint8Array>): string {
	const fields: Record<string, string | undefined> = {
		Origin: "Debian",
		Suite: suite.suite.replace(/^trixie/, "stable"),
		Codename: suite.suite,
		Date: "Sun, 01 Feb 2026 00:00:00 UTC",
		"Acquire-By-Hash": "yes",
		"No-Support-for-Architecture-all": "Packages",
		Architectures: "all amd64 arm64",
		Components: "main",
		...suite.release,
	};
	const lines = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
	lines.push("SHA256:");
	for (const [path, content] of files) lines.push(` ${sha256(content)} ${String(content.length).padStart(8)} ${path}`);
	return `${lines.join("\n")}\n`;
}

export class TestArchive {
	/** What is served, by `<archive>/<path>`. */
	readonly files: Map<string, Uint8Array> = new Map();
	/** Paths that were asked for, in order. */
	readonly requests: string[] = [];
	readonly folder: string = mkdtempSync(join(tmpdir(), "devenv-archive-"));
	readonly key: SigningKey;
	readonly #server: Server;

	private constructor(key: SigningKey) {
		this.key = key;
		this.#server = createServer((request, response) => {
			const path = (request.url ?? "").slice(1);
			this.requests.push(path);
			const content = this.files.get(path);
			response.writeHead(content === undefined ? 404 : 200).end(content);
		});
	}

	static async start(suites: readonly TestSuite[]): Promise<TestArchive> {
		const archive = new TestArchive(await makeKey());
		await new Promise<void>((resolve) => archive.#server.listen(0, "127.0.0.1", resolve));
		for (const suite of suites) await archive.publish(suite);
		return archive;
	}

	/** Puts a suite's indexes into place, or replaces them. */
	async publish(suite: TestSuite): Promise<void> {
		const text = packagesText(suite.packages);
		const files = new Map<string, Uint8Array>();
		for (const architecture of ["amd64", "arm64"]) {
			const own = text.replaceAll("Architecture: amd64", `Architecture: ${architecture}`);
			files.set(`main/binary-${architecture}/Packages.gz`, gzipSync(own, { level: 9 }));
		}
		const root = `${suite.archive}/dists/${suite.suite}`;
		for (const [path, content] of files) {
			this.files.set(`${root}/${path}`, content);
			this.files.set(`${root}/${path.replace(/[^/]*$/, "by-hash/SHA256/")}${sha256(content)}`, content);
		}
		this.files.set(`${root}/InRelease`, Buffer.from(await signInline(releaseText(suite, files), this.key)));
	}

	/** Access as the engine has it, with the test's key and clock. */
	access(): ArchiveAccess {
		const { port } = this.#server.address() as AddressInfo;
		const base = `http://127.0.0.1:${port}`;
		const user = new Map([
			["debian", [`${base}/debian`]],
			["debian-security", [`${base}/debian-security`]],
			["snapshot", [`${base}/snapshot`]],
		]);
		const fetcher = createFetcher({ mirrors: { user, apt: new Map() }, env: {}, rounds: 1 });
		const access = fetchedArchive({ fetcher, folder: join(this.folder, "fetch") });
		return { fetch: (file, signal) => access.fetch(file, signal), keys: [this.key.publicKey], now: () => testNow };
	}

	async close(): Promise<void> {
		this.#server.closeAllConnections();
		await new Promise((resolve) => this.#server.close(resolve));
		rmSync(this.folder, { recursive: true, force: true });
	}
}

/** The three suites of `debian:trixie`, with a few packages. */
export function threeSuites(): TestSuite[] {
	return [
		{
			suite: "trixie",
			archive: "debian",
			packages: [
				{ Package: "base-files", Essential: "yes", "Pre-Depends": "awk" },
				{ Package: "mawk", Provides: "awk" },
				{ Package: "jq", Depends: "libjq1 (= 1.0-1)" },
				{ Package: "libjq1" },
			],
		},
		{
			suite: "trixie-updates",
			archive: "debian",
			packages: [{ Package: "mawk", Version: "1.0-1+deb13u1", Provides: "awk" }],
		},
		{
			suite: "trixie-security",
			archive: "debian-security",
			packages: [],
			release: { Suite: "stable-security", "Valid-Until": "Sun, 08 Mar 2026 00:00:00 UTC" },
		},
	];
}

export function sha256(content: Uint8Array): string {
	return createHash("sha256").update(content).digest("hex");
}
