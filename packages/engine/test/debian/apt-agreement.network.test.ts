/**
 * Closures of packages drawn from the real archive, beside those of `apt-get --no-install-recommends`. It reads the
 * machine's mirrors and takes a minute, so it runs only with `DEVENV_NETWORK_TESTS=1`; `DEVENV_TEST_SEED` repeats a draw.
 *
 * apt decides about alternatives as it meets them; our resolver first follows what leaves no choice. So apt's closure may
 * hold packages that ours does without, but only ones that were an alternative somewhere in it; the other way round, only
 * what the curated layer adds is allowed.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageSetEntry } from "@devenv/package-set";
import { openStore } from "@devenv/store";
import { skip } from "@devenv/test-support";
import test from "ava";
import fc from "fast-check";
import { debianArchiveKeys } from "../../src/debian/archive-keys.ts";
import { DebianInputs } from "../../src/debian/debian-inputs.ts";
import { PackageCatalog } from "../../src/debian/package-catalog.ts";
import { createFetcher } from "../../src/fetch/http-fetcher.ts";
import { readAptMirrors } from "../../src/fetch/mirrors.ts";
import { fetchedArchive } from "../../src/inputs/fetched-archive.ts";
import { ownBackend } from "./nix-backends.ts";

const DRAWN = 10;

test("network: apt gives the same closures", async (t) => {
	if (process.env["DEVENV_NETWORK_TESTS"] !== "1" || !hasApt()) {
		skip(t, "needs DEVENV_NETWORK_TESTS=1, a network and apt-get");
		return;
	}
	const seed = Number(process.env["DEVENV_TEST_SEED"] ?? Date.now() % 2 ** 31);
	t.log(`DEVENV_TEST_SEED=${seed}`);
	const folder = mkdtempSync(join(tmpdir(), "devenv-apt-"));
	const store = openStore({ root: join(folder, "root") });
	const mirrors = readAptMirrors();
	const fetcher = createFetcher({ mirrors: { user: new Map(), apt: mirrors } });
	const backend = ownBackend();
	try {
		const access = fetchedArchive({ fetcher, folder: join(folder, "fetch") });
		const inputs = new DebianInputs({ store, system: "x86_64-linux", memo: join(folder, "memo") });
		const locked = await inputs.lock({ name: "debian", url: "debian:trixie" }, { access });
		const index = store.physical(await inputs.ensureIndex(locked, { access }));
		const all = new PackageCatalog(index)
			.search("", Number.POSITIVE_INFINITY)
			.hits.map((each) => each.name)
			.sort();
		const names = fc.sample(fc.constantFrom(...all), { seed, numRuns: DRAWN });
		const apt = new PrivateApt(folder, mirrors);
		const closures = backend.evaluate(`
			let
				pkgs = import ${packageSetEntry} { index = ${index}; system = "x86_64-linux"; };
				closure = name: pkgs.lib.resolve ([ name ] ++ pkgs.lib.essential);
				strings = groups: builtins.concatMap (group: if builtins.isList group then group else [ ]) groups;
			in {
				inherit (pkgs.lib) essential;
				closures = map (name: let nodes = closure name; in {
					members = builtins.attrNames nodes;
					alternatives = builtins.concatMap (node: strings node.groups) (builtins.attrValues nodes);
				}) [ ${names.map((name) => `"${name}"`).join(" ")} ];
			}`) as { essential: string[]; closures: { members: string[]; alternatives: string[] }[] };
		for (const [position, name] of names.entries()) {
			const { members = [], alternatives = [] } = closures.closures[position] ?? {};
			const aptMembers = apt.closure([name, ...closures.essential]);
			const missing = aptMembers.filter((each) => !members.includes(each));
			const added = members.filter((each) => !aptMembers.includes(each));
			if (missing.length > 0) t.log(`${name}: apt also installs ${missing.join(", ")}`);
			if (missing.length > 0)
				t.true(
					missing.some((each) => alternatives.includes(each)),
					`${name} lacks ${missing.join(", ")}`,
				);
			t.deepEqual(
				added.filter((each) => !/^(libc6-dev|libclang-rt-.*|libprotobuf-dev|librsvg2-bin)$/.test(each)),
				[],
				name,
			);
		}
	} finally {
		backend.close();
		fetcher.close();
		store.close();
		rmSync(folder, { recursive: true, force: true });
	}
});

function hasApt(): boolean {
	try {
		execFileSync("apt-get", ["--version"], { stdio: "ignore" });
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
		throw error;
	}
}

/** apt-get with folders, sources and an empty package database of its own. */
class PrivateApt {
	readonly #env: NodeJS.ProcessEnv;

	constructor(folder: string, mirrors: ReadonlyMap<string, readonly string[]>) {
		const home = join(folder, "apt");
		for (const each of ["etc/parts", "state/lists/partial", "cache/archives/partial"]) {
			mkdirSync(join(home, each), { recursive: true });
		}
		const keys = join(home, "etc/keys.asc");
		writeFileSync(keys, debianArchiveKeys().join("\n"));
		const source = (archive: string, suite: string): string =>
			`deb [signed-by=${keys}] ${mirrors.get(archive)?.[0] ?? ""} ${suite} main\n`;
		writeFileSync(
			join(home, "etc/sources.list"),
			source("debian", "trixie") + source("debian", "trixie-updates") + source("debian-security", "trixie-security"),
		);
		writeFileSync(join(home, "state/status"), "");
		writeFileSync(
			join(home, "apt.conf"),
			`Dir::Etc "${home}/etc"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::parts "${home}/etc/parts";
Dir::Etc::preferencesparts "${home}/etc/parts"; Dir::State "${home}/state"; Dir::State::status "${home}/state/status";
Dir::Cache "${home}/cache"; APT::Architecture "amd64"; APT::Architectures { "amd64"; }; Acquire::Languages "none";
APT::Sandbox::User ""; Debug::NoLocking "true";\n`,
		);
		this.#env = { ...process.env, APT_CONFIG: join(home, "apt.conf"), LC_ALL: "C.UTF-8" };
		execFileSync("apt-get", ["update"], { env: this.#env, stdio: "ignore" });
	}

	/** Names that would be installed into an empty system. */
	closure(names: readonly string[]): string[] {
		const args = ["install", "--simulate", "--no-install-recommends", ...new Set(names)];
		const output = execFileSync("apt-get", args, { env: this.#env, encoding: "utf8" });
		return [...output.matchAll(/^Inst ([^ :]+)/gm)].map((match) => match[1] ?? "");
	}
}
