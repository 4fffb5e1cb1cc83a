/** Real Nix as a client of our daemon, by its own protocol: it adds, builds, asks, copies, and collects garbage. */

import { execFile, spawn, spawnSync } from "node:child_process";
import {
	chmodSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { findProgram, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { Installation } from "./installation.ts";

const installation = new Installation();
const hasHelper = existsSync(join(import.meta.dirname, "../../build/native/devenv-helper"));
const root = join(installation.home, "root");

test.after.always(() => installation.remove());

interface Ended {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

let remote = "";

/** A program of real Nix with our daemon; its own settings are empty. */
function nix(args: readonly string[], options: { readonly cwd?: string; readonly store?: string } = {}): Ended {
	const [program = "nix", ...rest] = args;
	const { status, stdout, stderr } = spawnSync(program, rest, {
		cwd: options.cwd ?? installation.folder,
		encoding: "utf8",
		timeout: 120_000,
		env: {
			PATH: process.env["PATH"],
			HOME: join(installation.folder, "user-home"),
			NIX_REMOTE: options.store ?? remote,
			NIX_CONF_DIR: join(installation.folder, "no-nix-conf"),
			NIX_CONFIG: "experimental-features = nix-command\nsubstituters =\n",
		},
	});
	return { code: status ?? -1, stdout, stderr };
}

function good(t: ExecutionContext, ...args: readonly string[]): string {
	const { code, stdout, stderr } = nix(args);
	t.is(code, 0, `${args.join(" ")}: ${stderr}`);
	return stdout.trim();
}

/** Starts the daemon, with what builds need of the host; false where a judge or the sandbox is missing. */
async function ready(t: ExecutionContext): Promise<boolean> {
	if (findProgram("nix-store") === undefined || !hasHelper) {
		skip(t, hasHelper ? "no Nix here" : "builds with paths of the host are tried with the native helper");
		return false;
	}
	if (remote !== "") return true;
	installation.write(join(installation.home, "config/config.yaml"), 'sandbox_paths: [/bin, /usr, /lib, "/lib64?"]\n');
	t.is((await installation.devenv(["daemon", "start"])).code, 0);
	const { stdout } = await installation.devenv(["daemon", "status", "--json"]);
	remote = (JSON.parse(stdout) as { readonly nixRemote: string }).nixRemote;
	t.regex(remote, /^unix:\/\/.*nix-daemon\.sock\?root=/);
	return true;
}

const derivations = `let
  mk = name: script: rest: derivation ({
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin"; args = [ "-c" script ];
  } // rest);
in rec {
  one = mk "one" "echo built one; echo 1 > $out" { };
  two = mk "two" "mkdir $out $doc; cat $one > $out/number; echo of $out > $doc/text" { inherit one; outputs = [ "out" "doc" ]; };
  fixed = mk "fixed" "printf hello > $out" {
    outputHashMode = "flat"; outputHashAlgo = "sha256";
    outputHash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  };
  wrong = mk "wrong" "printf other > $out" {
    outputHashMode = "flat"; outputHashAlgo = "sha256";
    outputHash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  };
  placed = mk "placed" "echo $where > $out; test $where = $out" { where = builtins.placeholder "out"; };
  strict = mk "strict" "echo $one > $out" { inherit one; allowedReferences = [ ]; };
  far = mk "far" "echo $two > $out" { inherit two; disallowedRequisites = [ one ]; };
  near = mk "near" "echo $two > $out" { inherit two; disallowedReferences = [ one ]; };
  graph = mk "graph" "cat deps > $out" { exportReferencesGraph = [ "deps" two ]; };
  random = mk "random" "cat /proc/sys/kernel/random/uuid > $out" { };
  slow = mk "slow" "echo begun; sleep 4; echo done > $out" { };
  endless = mk "endless" "sleep 60" { };
  bad = mk "bad" "echo last words; exit 3" { };
}
`;

test.serial("real Nix adds files, folders and texts under the paths that it computes itself", async (t) => {
	if (!(await ready(t))) return;
	const folder = join(installation.folder, "added");
	mkdirSync(join(folder, "sub"), { recursive: true });
	writeFileSync(join(folder, "sub/file"), "text\n", { mode: 0o755 });
	symlinkSync("sub/file", join(folder, "link"));
	writeFileSync(join(installation.folder, "large"), Buffer.alloc(9_000_000, "0123456789"));
	const own = join(installation.folder, "own-store");
	for (const args of [
		["nix-store", "--add", folder],
		["nix-store", "--add", join(installation.folder, "large")],
		["nix-store", "--add-fixed", "sha1", join(installation.folder, "large")],
		["nix-store", "--add-fixed", "--recursive", "sha512", folder],
	]) {
		const ours = good(t, ...args);
		t.is(ours, nix(args, { store: own }).stdout.trim(), args.join(" "));
		t.true(existsSync(root + ours));
		t.is(
			good(t, "nix-store", "-q", "--hash", ours),
			nix(["nix-store", "-q", "--hash", ours], { store: own }).stdout.trim(),
		);
	}
	t.regex(good(t, "nix", "eval", "--raw", "--impure", "--expr", 'builtins.toFile "t" "contents"'), /-t$/);
});

test.serial("real Nix builds with our daemon, sees its logs and failures, and makes roots", async (t) => {
	if (!(await ready(t))) return;
	const project = installation.project("nix-build", { "default.nix": derivations });
	const built = nix(["nix-build", "-A", "two", "-o", "result"], { cwd: project });
	t.is(built.code, 0, built.stderr);
	t.regex(built.stderr, /these 2 derivations will be built:[^]*building '[^']*-one\.drv'[^]*built one/);
	const out = readlinkSync(join(project, "result"));
	t.is(built.stdout.trim(), out);
	t.is(readFileSync(`${root}${out}/number`, "utf8"), "1\n");
	t.regex(good(t, "nix-store", "-q", "--roots", out), new RegExp(`${project}/result`));
	const one = nix(["nix-build", "-A", "one", "--no-out-link"], { cwd: project }).stdout.trim();
	t.is(good(t, "nix-store", "--read-log", one), "built one");
	t.is(good(t, "nix", "log", out), "");

	const again = nix(["nix-build", "-A", "two.doc", "--no-out-link"], { cwd: project });
	t.regex(again.stdout, /-two-doc$/m);
	t.is(good(t, "nix-store", "-q", "--references", again.stdout.trim()), out);
	t.regex(good(t, "nix-store", "-q", "--deriver", out), /-two\.drv$/);
	t.regex(good(t, "nix-store", "-q", "--tree", out), /two[^]*one|two/);
	t.is(nix(["nix-build", "-A", "fixed", "--no-out-link"], { cwd: project }).code, 0);

	const attribute = (name: string): Ended => nix(["nix-build", "-A", name, "--no-out-link"], { cwd: project });
	const placed = attribute("placed");
	t.is(placed.code, 0, placed.stderr);
	t.is(readFileSync(root + placed.stdout.trim(), "utf8"), placed.stdout);
	t.regex(attribute("strict").stderr, /not allowed to refer to these paths:\s+\/nix\/store\/[^ ]*-one$/m);
	t.is(attribute("near").code, 0);
	const graph = attribute("graph");
	t.is(graph.code, 0, graph.stderr);
	const deps = readFileSync(root + graph.stdout.trim(), "utf8").split("\n");
	t.true(deps.includes(out));
	// Each path, its deriver (not told), the number of its references, and these.
	t.deepEqual(deps.slice(deps.indexOf(out) + 1, deps.indexOf(out) + 3), [
		"",
		String(Number(deps[deps.indexOf(out) + 2])),
	]);

	const bad = nix(["nix-build", "-A", "bad", "--no-out-link"], { cwd: project });
	t.not(bad.code, 0);
	t.regex(bad.stderr, /last words[^]*error: .*'bad' failed/);
	const wrong = nix(["nix-build", "-A", "wrong", "--no-out-link"], { cwd: project });
	t.not(wrong.code, 0);
	t.regex(wrong.stderr, /hash mismatch/);

	const json = nix(["nix", "build", "-f", ".", "one", "--no-link", "--json"], { cwd: project });
	t.is(json.code, 0, json.stderr);
	t.regex(json.stdout, /"outputs":\{"out":"\/nix\/store\/[^"]*-one"\}/);
	const imported = nix(["nix-instantiate", "--eval", "-E", "import (import ./.).one"], { cwd: project });
	t.is(imported.stdout.trim(), "1", imported.stderr);
});

test.serial("what real Nix's user wants of builds is done: checks, limits, folders of failed builds", async (t) => {
	if (!(await ready(t))) return;
	const project = installation.project("nix-options", { "default.nix": derivations });
	const build = (...args: readonly string[]): Ended => nix(["nix-build", "--no-out-link", ...args], { cwd: project });
	t.is(build("-A", "random").code, 0);
	const checked = build("-A", "random", "--check");
	t.not(checked.code, 0);
	t.regex(checked.stderr, /derivation '[^']*-random\.drv' may not be deterministic: output '[^']*-random' differs/);
	t.is(build("-A", "one").code, 0);
	t.is(build("-A", "one", "--check").code, 0);
	const late = build("-A", "endless", "--timeout", "1");
	t.not(late.code, 0);
	t.regex(late.stderr, /took longer than 1 s/);
	const silent = build("-A", "endless", "--max-silent-time", "1");
	t.regex(silent.stderr, /wrote nothing for 1 s/);
	const [, kept = ""] = /its build folder is kept: (\S+)/.exec(build("-A", "bad", "-K").stderr) ?? [];
	t.true(existsSync(kept), kept);
	rmSync(kept, { recursive: true });
});

test.serial("what was queued when the daemon was killed is built by the next one", async (t) => {
	if (!(await ready(t))) return;
	const project = installation.project("killed", { "default.nix": derivations });
	const drvPath = nix(["nix-instantiate", "-A", "slow"], { cwd: project }).stdout.trim();
	const out = good(t, "nix-store", "-q", "--outputs", drvPath);
	const status = async (): Promise<{ readonly pid: number; readonly builds: readonly { readonly name: string }[] }> => {
		const { stdout } = await installation.devenv(["daemon", "status", "--json"]);
		return JSON.parse(stdout) as { readonly pid: number; readonly builds: readonly { readonly name: string }[] };
	};
	const client = spawn("nix-store", ["-r", drvPath], {
		stdio: "ignore",
		env: { PATH: process.env["PATH"], HOME: join(installation.folder, "user-home"), NIX_REMOTE: remote },
	});
	const ended = new Promise((resolve) => client.once("close", resolve));
	const deadline = Date.now() + 30_000;
	let seen = await status();
	while (!seen.builds.some(({ name }) => name === "slow")) {
		t.true(Date.now() < deadline, "the build was begun");
		seen = await status();
	}
	process.kill(seen.pid, "SIGKILL");
	await ended;
	t.false(existsSync(root + out));
	t.is((await installation.devenv(["daemon", "start"])).code, 0);
	const { pid } = await status();
	t.not(pid, seen.pid);
	const queue = join(installation.home, "state/queue");
	while (!existsSync(root + out) || readdirSync(queue).length > 0) {
		t.true(Date.now() < deadline + 30_000, "it was built by the next daemon");
		await setTimeout(100);
	}
	t.is(readFileSync(root + out, "utf8"), "done\n");
	t.is(good(t, "nix-store", "--check-validity", out), "");
});

test.serial("real Nix verifies our store, and copies to it and from it", async (t) => {
	if (!(await ready(t))) return;
	t.is(nix(["nix-store", "--verify", "--check-contents"]).code, 0);
	const verified = await installation.devenv(["store", "verify", "--check-contents"]);
	t.regex(verified.stdout, /^\d+ objects are as the database says\.$/m, verified.stderr);
	const paths = JSON.parse(good(t, "nix", "path-info", "--all", "--json")) as readonly {
		path: string;
		narHash: string;
	}[];
	t.true(paths.length > 8);
	const two = paths.find(({ path }) => path.endsWith("-two"))?.path ?? "";
	const other = join(installation.folder, "other-store");
	const requisites = (await installation.devenv(["store", "query", "requisites", two])).stdout.trim().split("\n");
	t.deepEqual(requisites.sort(), good(t, "nix-store", "-qR", two).split("\n").sort());
	const copied = nix(["nix", "copy", "--no-check-sigs", "--to", other, two]);
	t.is(copied.code, 0, copied.stderr);
	t.is(readFileSync(`${other}${two}/number`, "utf8"), "1\n");

	// Back into a store that lost it, with all that it refers to.
	t.not(nix(["nix-store", "--delete", two]).code, 0, "a root keeps it");
	const added = nix(["nix-store", "--add", join(installation.folder, "large")], { store: other }).stdout.trim();
	t.is(nix(["nix", "copy", "--no-check-sigs", "--from", other, added]).code, 0);
	t.is(good(t, "nix-store", "--check-validity", added), "");
	const exported = await promisify(execFile)("nix-store", ["--export", two], {
		encoding: "buffer",
		env: { PATH: process.env["PATH"], HOME: join(installation.folder, "user-home"), NIX_REMOTE: remote },
	});
	t.true(exported.stdout.length > 200);
});

test.serial("real Nix keeps profiles in our store: links of several packages, by priority", async (t) => {
	if (!(await ready(t))) return;
	const mk = `name: text: priority: derivation {
    inherit name; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin";
    args = [ "-c" "mkdir -p $out/bin $out/share/\${name}; echo \${text} > $out/bin/same; echo \${text} > $out/share/\${name}/own" ];
  } // { meta = { inherit priority; }; }`;
	const project = installation.project("profile", {
		"default.nix": `let mk = ${mk}; in { a = mk "a-1" "first" "5"; b = mk "b-1" "second" "9"; c = mk "c-1" "third" "5"; }\n`,
	});
	const profile = join(installation.folder, "a-profile");
	const install = (...names: readonly string[]): Ended =>
		nix(["nix-env", "-p", profile, "-f", ".", "-iA", ...names], { cwd: project });
	const installed = install("b", "a");
	t.is(installed.code, 0, installed.stderr);
	const made = root + readlinkSync(join(installation.folder, readlinkSync(profile)));
	t.is(readFileSync(root + readlinkSync(`${made}/bin/same`), "utf8"), "first\n");
	t.regex(readlinkSync(`${made}/share/b-1`), /-b-1\/share\/b-1$/);
	const collision = install("a", "c");
	t.not(collision.code, 0);
	t.regex(collision.stderr, /have the same priority 5/);
});

test.serial("network: the Nix of our own package set builds with our daemon, from inside an environment", async (t) => {
	t.timeout(600_000);
	if (!(await ready(t))) return;
	const project = installation.project("newer", { "default.nix": derivations });
	const script = [
		"nix --version",
		"nix store info",
		"nix build -f . two --no-link --print-out-paths",
		"nix build -f . bad --no-link || echo failed as it should",
		"nix-store --verify --check-contents && echo sound",
	].join("; ");
	const { code, stdout, stderr } = await installation.devenv(["shell", "-p", "nix-bin", "--", "sh", "-c", script], {
		cwd: project,
		env: { NIX_REMOTE: remote, NIX_CONFIG: "experimental-features = nix-command\nsubstituters =\n" },
	});
	t.is(code, 0, stderr);
	const version = /nix \(Nix\) 2\.(\d+)/.exec(stdout)?.[1];
	t.true(Number(version) >= 24, stdout);
	t.regex(stdout + stderr, /Trusted: 1/);
	t.regex(stdout, /^\/nix\/store\/[^ ]*-two$/m, stderr);
	t.regex(stdout, /failed as it should\s+sound/);
});

test.serial("real Nix has our daemon mend what is damaged", async (t) => {
	if (!(await ready(t))) return;
	const project = installation.project("mending", { "default.nix": derivations });
	const build = (...flags: readonly string[]): Ended =>
		nix(["nix-build", "-A", "one", "--no-out-link", ...flags], { cwd: project });
	const out = build().stdout.trim();
	const damage = (): void => {
		chmodSync(root + out, 0o644);
		writeFileSync(root + out, "2\n");
		chmodSync(root + out, 0o444);
	};
	damage();
	t.is(build().code, 0);
	t.is(readFileSync(root + out, "utf8"), "2\n", "nobody has looked");
	const repaired = build("--repair");
	t.is(repaired.code, 0, repaired.stderr);
	t.is(readFileSync(root + out, "utf8"), "1\n");
	damage();
	t.not(nix(["nix-store", "--verify", "--check-contents"]).code, 0);
	const verified = nix(["nix-store", "--verify", "--check-contents", "--repair"]);
	t.is(verified.code, 0, verified.stderr);
	t.is(readFileSync(root + out, "utf8"), "1\n");
	t.is(nix(["nix-store", "--verify", "--check-contents"]).code, 0);
});

test.serial("our daemon builds for a real Nix that keeps its things elsewhere", async (t) => {
	if (!(await ready(t))) return;
	const project = installation.project("build-machine", { "default.nix": derivations });
	const store = join(installation.folder, "coordinator");
	const flags = ["--no-out-link", "-j0", "--builders", `${remote} - - 1 1`];
	const two = nix(["nix-build", "-A", "two", ...flags], { cwd: project, store });
	t.is(two.code, 0, two.stderr);
	t.is(readFileSync(`${store}${two.stdout.trim()}/number`, "utf8"), "1\n");
	const bad = nix(["nix-build", "-A", "bad", ...flags], { cwd: project, store });
	t.regex(bad.stderr, /last words[^]*building 'bad' failed: its builder left with status 3/);
});

test.serial("real Nix collects our garbage, and what a root keeps stays", async (t) => {
	if (!(await ready(t))) return;
	const dead = good(t, "nix-store", "--gc", "--print-dead").split("\n");
	const live = good(t, "nix-store", "--gc", "--print-live").split("\n");
	t.true(live.some((path) => path.endsWith("-two")));
	t.false(dead.some((path) => live.includes(path)));
	const collected = nix(["nix-collect-garbage"]);
	t.is(collected.code, 0, collected.stderr);
	t.regex(collected.stdout + collected.stderr, /\d+ store paths deleted/);
	const left = JSON.parse(good(t, "nix", "path-info", "--all", "--json")) as readonly { path: string }[];
	t.true(left.some(({ path }) => path.endsWith("-two")));
	t.false(left.some(({ path }) => path.endsWith("-large")));
	t.is(nix(["nix-store", "--verify", "--check-contents"]).code, 0);
});

test.serial("real Nix is told what caches have, with sizes, and our daemon takes it from there", async (t) => {
	if (!(await ready(t))) return;
	const project = installation.project("cached", { "default.nix": derivations });
	const near = nix(["nix-build", "-A", "near", "--no-out-link"], { cwd: project }).stdout.trim();
	const cache = join(installation.folder, "cache");
	const key = join(installation.folder, "key");
	const { stdout: publicKey } = await installation.devenv(["cache", "key", "cache-1", key]);
	const copied = await installation.devenv(["copy", "--to", `file://${cache}`, "--key", key, near]);
	t.is(copied.code, 0, copied.stderr);

	const other = new Installation();
	t.teardown(() => other.remove());
	const settings = [`substituters: ["file://${cache}"]`, `trusted_public_keys: ["${publicKey.trim()}"]`, ""].join("\n");
	other.write(join(other.home, "config/config.yaml"), settings);
	t.is((await other.devenv(["daemon", "start"])).code, 0);
	const { stdout } = await other.devenv(["daemon", "status", "--json"]);
	const store = (JSON.parse(stdout) as { readonly nixRemote: string }).nixRemote;
	const plan = nix(["nix-build", "-A", "near", "--dry-run"], { cwd: project, store });
	t.regex(plan.stderr, /these 2 paths will be fetched \(0\.00 MiB download, 0\.00 MiB unpacked\):/);
	t.notRegex(plan.stderr, /will be built/);
	const ours = await other.devenv(["nix-build", "-A", "near", "--dry-run"], { cwd: project });
	t.is(ours.stderr.replace(/^warning:.*\n/gm, ""), plan.stderr.replace(/^warning:.*\n/gm, ""));
	const graph = nix(["nix-build", "-A", "graph", "--dry-run"], { cwd: project, store });
	t.regex(
		graph.stderr,
		/these? 1? ?derivations? will be built:\n\s+\S+-graph\.drv|this derivation will be built:\n\s+\S+-graph\.drv/,
	);

	// By its path alone, without any derivation.
	const taken = nix(["nix-store", "-r", near], { store });
	t.is(taken.code, 0, taken.stderr);
	const two = readFileSync(join(other.home, "root") + near, "utf8").trim();
	t.is(readFileSync(join(other.home, "root") + two + "/number", "utf8"), "1\n");
	t.is(nix(["nix-store", "-r", "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-nothing"], { store }).code, 1);
	t.is(nix(["nix-store", "--verify", "--check-contents"], { store }).code, 0);
});
