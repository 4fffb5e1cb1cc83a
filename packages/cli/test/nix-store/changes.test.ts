/** What `nix-store` and `nix-collect-garbage` change, beside real Nix's: what is said, and what the stores have afterwards. */

import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { openStore } from "@devenv/store";
import { findProgram, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { type Run, type RunOptions, TwoStores } from "./two-stores.ts";

function testWithNix(title: string, body: (t: ExecutionContext, stores: TwoStores) => void | Promise<void>): void {
	test(title, async (t) => {
		if (findProgram("nix-store") === undefined) skip(t, "no Nix here");
		else await body(t, new TwoStores(t));
	});
}

/** Of what is said beside, the last line counts. Real Nix counts bytes of files, and ours those on the disk. */
function comparable({ status, stdout, stderr }: Run): Run {
	const plain = (text: string): string => text.replace(/(?:freed|saves) -?[\d.]+ MiB|-?[\d.]+ MiB freed/g, "so much");
	return { status, stdout: plain(stdout), stderr: plain(stderr.trimEnd().split("\n").at(-1) ?? "") };
}

function same(
	t: ExecutionContext,
	stores: TwoStores,
	[program = "", ...args]: readonly string[],
	options: RunOptions = {},
): Run {
	const { ours, real } = stores.both(program, args, options);
	const title = `${program} ${args.join(" ")}\n${ours.stderr}\n${real.stderr}`;
	t.deepEqual(comparable(ours), comparable(real), title);
	t.deepEqual(stores.state(stores.ours), stores.state(stores.real), title);
	return ours;
}

/** The same for command lines one after the other, and what the stores have after the last. */
function sameAll(t: ExecutionContext, stores: TwoStores, all: readonly (readonly string[])[]): Run[] {
	const { ours, real } = stores.bothAll(all);
	t.deepEqual(
		ours.map((each, index) => ({ args: all[index], ...comparable(each) })),
		real.map((each, index) => ({ args: all[index], ...comparable(each) })),
	);
	t.deepEqual(stores.state(stores.ours), stores.state(stores.real));
	return ours;
}

testWithNix("adding", (t, stores) => {
	sameAll(t, stores, [
		["nix-store", "--add", "tree", "tree/sub/file", "tree/link"],
		["nix-store", "--add-fixed", "sha256", "tree/sub/file"],
		["nix-store", "--add-fixed", "--recursive", "sha1", "tree"],
		["nix-store", "--add-fixed", "md5", "tree/twin"],
		["nix-store", "--add-fixed"],
	]);
	t.is(stores.runReal("nix-store", ["--verify", "--check-contents", "--store", stores.ours]).status, 0);
	const [none, folder] = stores.runOursAll([
		["nix-store", "--add", "none"],
		["nix-store", "--add-fixed", "sha256", "tree"],
	]);
	t.deepEqual([none?.status, folder?.status], [1, 1]);
});

testWithNix("deleting", (t, stores) => {
	const { base, top, tree, drv } = stores.paths;
	const [refused] = sameAll(t, stores, [
		["nix-store", "--delete", base],
		["nix-store", "--delete", tree],
		["nix-store", "--delete", "--ignore-liveness", base],
		["nix-store", "--delete", "--ignore-liveness", top],
		["nix-store", "--delete", "--nonsense", drv],
		["nix-store", "--delete"],
	]);
	t.regex(refused?.stderr ?? "", /result keeps \/nix\/store\/\S*-top\n/);
});

testWithNix("collecting garbage", (t, stores) => {
	sameAll(t, stores, [
		["nix-store", "--gc", "--max-freed", "0"],
		["nix-store", "--gc", "--max-freed", "many"],
		["nix-store", "--gc"],
	]);
	rmSync(join(stores.folder, "result"));
	sameAll(t, stores, [
		["nix-collect-garbage", "--dry-run"],
		["nix-collect-garbage", "--nonsense"],
		["nix-collect-garbage"],
	]);
});

testWithNix("old generations of profiles", (t, stores) => {
	const { base, middle, top } = stores.paths;
	const make = (): void => {
		for (const root of [stores.ours, stores.real]) {
			const profiles = join(root, "nix/var/nix/profiles");
			rmSync(profiles, { recursive: true, force: true });
			mkdirSync(join(profiles, "per-user/me"), { recursive: true });
			for (const [folder, name] of [
				[profiles, "default"],
				[join(profiles, "per-user/me"), "mine"],
			] as const) {
				for (const [index, path] of [base, middle, top, base].entries()) {
					symlinkSync(path, join(folder, `${name}-${index + 1}-link`));
					const days = 100 - 30 * index;
					spawnSync("touch", ["-h", "-d", `${days} days ago`, join(folder, `${name}-${index + 1}-link`)]);
				}
				symlinkSync(`${name}-4-link`, join(folder, name));
			}
		}
	};
	const links = (root: string): string =>
		spawnSync("find", [join(root, "nix/var/nix/profiles"), "-printf", "%P %l\n"], { encoding: "utf8" })
			.stdout.split("\n")
			.filter((line) => line.includes("-link "))
			.sort()
			.join("\n");
	for (const args of [
		["-d", "--dry-run"],
		["--delete-older-than", "50d", "--dry-run"],
		["--delete-older-than", "50d"],
		["--delete-older-than", "5d"],
		["--delete-older-than", "500d"],
		["--delete-older-than", "5"],
		["--delete-older-than", "xd"],
		["-d"],
	]) {
		make();
		const { ours, real } = stores.both("nix-collect-garbage", args);
		const outcome = (each: Run): unknown => ({ ...comparable(each), stderr: "" });
		t.deepEqual(outcome(ours), outcome(real), `${args.join(" ")}\n${ours.stderr}${real.stderr}`);
		t.is(links(stores.ours), links(stores.real), args.join(" "));
	}
});

testWithNix("optimising, and what unused links are worth", (t, stores) => {
	sameAll(t, stores, [
		["nix-store", "--add", "tree/sub/file", "tree/twin"],
		["nix-store", "--optimise"],
		["nix-store", "--gc"],
	]);
});

testWithNix("archives, streams and registrations from standard input", (t, stores) => {
	const { top, tree, base, middle } = stores.paths;
	const nar = spawnSync("nix-store", ["--dump", "tree"], { cwd: stores.folder }).stdout;
	const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
	const stream = bytes(stores.runReal("nix-store", ["--export", base, middle, top]).stdout);
	const registrations = bytes(stores.runReal("nix-store", ["--dump-db"]).stdout);
	for (const root of [stores.ours, stores.real]) rmSync(`${root}-empty`, { recursive: true, force: true });
	same(t, stores, ["nix-store", "--restore", "ROOT/restored"], { input: nar });
	t.is(spawnSync("diff", ["-r", "--no-dereference", `${stores.ours}/restored`, join(stores.folder, "tree")]).status, 0);
	same(t, stores, ["nix-store", "--import"], { input: stream });
	same(t, stores, ["nix-store", "--import", "--store", "ROOT-empty"], { input: stream });
	same(t, stores, ["nix-store", "-q", "-R", top, "--store", "ROOT-empty"]);
	for (const root of [stores.ours, stores.real]) rmSync(join(root, "nix/var/nix/db"), { recursive: true });
	same(t, stores, ["nix-store", "--load-db"], { input: registrations });
	same(t, stores, ["nix-store", "--dump-db"]);
	// Real Nix looks for the files where the paths say, and not below the root.
	for (const args of [["--hash-given", "--reregister"], ["--hash-given"]]) {
		t.is(stores.runOurs("nix-store", ["--register-validity", ...args], { input: registrations }).stderr, "");
	}
	const input = bytes(`${tree}\n\n0\n`);
	t.is(stores.runOurs("nix-store", ["--register-validity", "--reregister"], { input }).stderr, "");
	same(t, stores, ["nix-store", "--dump-db"]);
	t.deepEqual(stores.runOurs("nix-store", ["--restore", "never"], { input: bytes("no archive") }).status, 1);
	t.deepEqual(stores.runOurs("nix-store", ["--import"], { input: stream.subarray(0, 500) }).status, 1);
	t.deepEqual(stores.runOurs("nix-store", ["--load-db"], { input: bytes("/nix/store\n") }).status, 1);
});

testWithNix("verifying what was changed", (t, stores) => {
	const { tree, base, drv } = stores.paths;
	for (const root of [stores.ours, stores.real]) {
		chmodSync(join(root, tree, "sub"), 0o755);
		chmodSync(join(root, tree, "sub/file"), 0o644);
		writeFileSync(join(root, tree, "sub/file"), "changed\n");
		utimesSync(join(root, tree, "sub/file"), 1, 1);
		rmSync(join(root, drv));
		rmSync(join(root, base));
	}
	same(t, stores, ["nix-store", "--verify-path", tree]);
	const { ours, real } = stores.both("nix-store", ["--verify", "--check-contents"]);
	t.deepEqual([ours.status, ours.stdout], [real.status, real.stdout]);
	const lines = (text: string): string[] => text.split("\n").sort();
	t.deepEqual(lines(ours.stderr), lines(real.stderr));
	t.deepEqual(stores.state(stores.ours), stores.state(stores.real));
	using store = openStore({ root: stores.ours, readOnly: true });
	t.false(store.queryAllValidPaths().some((path) => path === drv));
});

testWithNix("nix-hash", (t, stores) => {
	const digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
	const all = [
		["tree", "tree/twin"],
		["--flat", "tree/sub/file"],
		["--type", "sha256", "--base32", "tree"],
		["--type", "sha512", "--flat", "tree/twin"],
		["--type", "sha256", "--truncate", "tree"],
		["--type", "sha256", "--truncate", "--base32", "tree"],
		["--type", "sha1", "--truncate", "tree"],
		["--type", "sha256", "--to-base32", digest],
		["--type", "sha256", "--to-base16", "0wsbvdmcx09vxrbgsrksi3sgfqs07l5nq6sr6p4wzrpm7l6a8q1d".replace(/.$/, "d")],
		["--type", "sha1", "--to-base16", "nix-hash"],
		["--flat", "tree"],
		["none"],
		["--nonsense"],
		["--type", "sha3"],
		["--type"],
	];
	const { ours, real } = stores.bothAll(all.map((args) => ["nix-hash", ...args]));
	t.deepEqual(
		ours.map(({ status, stdout }, index) => ({ args: all[index], status, stdout })),
		real.map(({ status, stdout }, index) => ({ args: all[index], status, stdout })),
	);
	const sri = "sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=";
	const converted = stores.runOursAll([
		["nix-hash", "--to-sri", "--type", "sha256", digest],
		["nix-hash", "--to-base16", sri],
		["nix-hash", "--to-base64", "--type", "sha256", digest],
	]);
	t.deepEqual(
		converted.map(({ stdout }) => stdout),
		[`${sri}\n`, `${digest}\n`, `${sri.slice(7)}\n`],
	);
});

testWithNix("nix-prefetch-url", (t, stores) => {
	const digest = "sha256-Q0qUXWEpwr9j/5yo8xuxkKvDHqc2RVkVdpuWXWG5cZo=";
	const url = `file://${stores.folder}`;
	writeFileSync(
		join(stores.folder, "default.nix"),
		`{ file = { urls = [ "${url}/tree/sub/file" ]; outputHashMode = "flat"; };
		   bare = { urls = [ "${url}/tree/twin" ]; }; none = { urls = [ ]; }; }`,
	);
	spawnSync("tar", ["-cf", "tree.tar", "tree"], { cwd: stores.folder });
	sameAll(t, stores, [
		["nix-prefetch-url", `${url}/tree/sub/file`],
		["nix-prefetch-url", "--print-path", "--name", "other", "--type", "sha1", `${url}/tree/sub/file`],
		["nix-prefetch-url", "--type", "md5", `${url}/tree/sub/file`],
		["nix-prefetch-url", "--print-path", "--unpack", `${url}/tree.tar`],
		["nix-prefetch-url"],
		["nix-prefetch-url", "a", "b", "c"],
	]);
	// Real Nix of this version does not survive -A.
	const [file, bare, wrong, nowhere, empty, there] = stores.runOursAll([
		["nix-prefetch-url", "--print-path", "-A", "file"],
		["nix-prefetch-url", "--print-path", "-A", "bare", "default.nix"],
		["nix-prefetch-url", `${url}/tree/sub/file`, digest],
		["nix-prefetch-url", `${url}/nowhere`],
		["nix-prefetch-url", "-A", "none"],
		["nix-prefetch-url", "--print-path", `${url}/gone/file`, hashOfContent],
	]);
	t.regex(file?.stdout ?? "", /^0lsy428b4vg9jlnhgs9iqyq1mrin6icw76aq3gy5d3x722j2his3\n\S*-file\n$/);
	t.regex(bare?.stdout ?? "", /-twin\n$/);
	t.is(bare?.stderr, "warning: this does not look like a fetchurl call\n");
	t.is(wrong?.status, 102);
	t.regex(
		wrong?.stderr ?? "",
		/error: hash mismatch for '.*-file'\n {2}expected: sha256:\w+\n {2}got: {6}sha256:\w+\n$/,
	);
	t.deepEqual([nowhere?.status, empty?.status, there?.status], [1, 1, 0]);
	t.regex(there?.stdout ?? "", /^\w+\n\/nix\/store\/\S*-file\n$/);
});

const hashOfContent = createHash("sha256").update("content\n").digest("hex");
