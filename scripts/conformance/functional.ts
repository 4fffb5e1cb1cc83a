/**
 * Nix's own functional tests with the real client and our daemon.
 *
 * Usage: node scripts/conformance/functional.ts [--drop-ins] DIR [TEST…]
 *
 * With `--drop-ins` our own programs stand in the place of those of Nix's that evaluate nothing, beside its other programs and without
 * a daemon; a test counts then only if one of ours ran, and the usual tests are those that call them. The client must have been built.
 *
 * DIR is the folder `tests` of Nix's sources of the version that is installed (tag 2.8.0 for Nix 2.8.0); it is copied. Without names
 * all tests are run that the real daemon passes outside of Nix's build system. Each test has a daemon of its own, and counts only if
 * that was asked something. Prints a line for each, and how many passed; ends with status 1 unless all did.
 */

import { execFileSync, spawnSync } from "node:child_process";
import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** What the real daemon of 2.8.0 passes as an ordinary program. */
const usual: readonly string[] = (
	"simple add dependencies build build-dry nix-build check-refs check-reqs multiple-outputs fixed export export-graph gc " +
	"gc-concurrent gc-runtime import-derivation logging misc nar-access optimise-store pass-as-file placeholders post-hook signing " +
	"remote-store secure-drv-outputs recursive user-envs nix-profile shell why-depends substitute-with-invalid-ca " +
	"binary-cache-build-remote brotli zstd compression-levels filter-source readfile-context nix-copy-ssh store-ping"
).split(" ");

/**
 * Those that call the programs in {@link replaced}. Without `simple` and `repair`, which a superuser cannot pass, and
 * `gc-concurrent`, whose builders wait for files outside of our sandbox.
 */
const withDropIns: readonly string[] = (
	"add hash optimise-store export export-graph dependencies gc referrers dump-db check-refs fixed multiple-outputs nar-access " +
	"gc-runtime logging secure-drv-outputs build-dry"
).split(" ");

const replaced: readonly string[] = ["nix-store", "nix-hash", "nix-collect-garbage", "nix-prefetch-url"];

/** What builds see of the machine, as for a real Nix whose tests were built here. */
const seen: readonly string[] = ["/bin", "/usr", "/lib", "/lib64?", "/etc/alternatives?"];

/** Milliseconds for one test. */
const PATIENCE = 120_000;

const dropIns = process.argv[2] === "--drop-ins";
const [given, ...named] = process.argv.slice(dropIns ? 3 : 2);
if (given === undefined) throw new Error("usage: functional.ts [--drop-ins] DIR [TEST…]");
const top = join(import.meta.dirname, "../..");
const helper = join(top, "build/native/devenv-helper");
/** Not below /tmp, which builds have of their own: the stores of the tests lie here. */
const scratch = mkdtempSync("/var/tmp/devenv-functional-");
const tests = join(scratch, "tests");
const programs = join(scratch, "programs");

function programPath(name: string): string {
	return execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
}

/** Puts the machine's own values for what Nix's build system would. */
function substitute(file: string): void {
	const values: Readonly<Record<string, string>> = {
		bindir: dropIns ? join(programs, "drop-ins") : dirname(programPath("nix-store")),
		coreutils: dirname(programPath("mkdir")),
		bash: programPath("bash"),
		dot: "",
		sandbox_shell: "",
		PACKAGE_VERSION: execFileSync("nix", ["--version"], { encoding: "utf8" }).trim().split(" ").at(-1) ?? "",
		system: `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux`,
	};
	const text = readFileSync(`${file}.in`, "utf8").replace(/@(\w+)@/g, (whole, name: string) => values[name] ?? whole);
	writeFileSync(file, text);
}

function prepare(): void {
	cpSync(given ?? "", tests, { recursive: true });
	for (const name of ["common.sh", "config.nix", "ca/config.nix"]) {
		if (existsSync(join(tests, `${name}.in`))) substitute(join(tests, name));
	}
	mkdirSync(join(programs, "bin"), { recursive: true });
	const daemon = [process.execPath, join(import.meta.dirname, "functional-daemon.ts"), helper];
	const quoted = daemon.map((word) => `'${word}'`).join(" ");
	const paths = seen.map((word) => `'${word}'`).join(" ");
	const version = `case $1 in --version) echo 'nix-daemon (Nix) 2.8.0'; exit ;; esac\n`;
	writeFileSync(join(programs, "bin/nix-daemon"), `#!/bin/sh\n${version}exec ${quoted} "$FUNCTIONAL_LOG" ${paths}\n`);
	writeFileSync(
		join(programs, "bin/nix"),
		`#!/bin/sh\n[ "$1" = daemon ] && exec '${programs}/bin/nix-daemon'\nexec '${programPath("nix")}' "$@"\n`,
	);
	for (const name of ["nix", "nix-daemon"]) chmodSync(join(programs, "bin", name), 0o755);
}

/** A folder with all of Nix's programs, of which some are ours. */
function placeDropIns(): void {
	const folder = join(programs, "drop-ins");
	mkdirSync(folder, { recursive: true });
	const real = dirname(programPath("nix-store"));
	for (const name of readdirSync(real).filter((each) => /^nix(?:-|$)/.test(each))) {
		if (!replaced.includes(name)) symlinkSync(join(real, name), join(folder, name));
	}
	mkdirSync(join(scratch, "home/config"), { recursive: true });
	writeFileSync(join(scratch, "home/config/config.yaml"), `sandbox_paths: ${JSON.stringify(seen)}\n`);
	const client = `'${process.execPath}' --disable-warning=ExperimentalWarning '${join(top, "build/client/main.cjs")}'`;
	for (const name of replaced) {
		const text = `#!/bin/sh\necho ${name} >>"$DROP_INS_LOG"\nDEVENV_HOME='${scratch}/home' exec ${client} ${name} "$@"\n`;
		writeFileSync(join(folder, name), text, { mode: 0o755 });
	}
}

/** Ends what is left of a process group, whose number stands in the file. */
function endGroup(file: string): void {
	const number = Number(readFileSync(file, "utf8"));
	if (!Number.isInteger(number) || number <= 1) return;
	try {
		process.kill(-number, "SIGKILL");
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
}

type Verdict = "passed" | "failed" | "skipped" | "not ours";

function run(name: string): { readonly verdict: Verdict; readonly output: string } {
	const folder = join(scratch, "run");
	mkdirSync(folder, { recursive: true });
	const log = join(scratch, `${name.replaceAll("/", "-")}.daemon.log`);
	writeFileSync(log, "");
	const used = join(scratch, "drop-ins.log");
	writeFileSync(used, "");
	const env = {
		PATH: process.env["PATH"],
		TMPDIR: folder,
		TEST_NAME: name,
		NIX_DAEMON_PACKAGE: dropIns ? "" : programs,
		NIX_REMOTE: "",
		FUNCTIONAL_LOG: log,
		DROP_INS_LOG: used,
		LANG: "C.UTF-8",
	};
	mkdirSync(join(folder, "nix-test"), { recursive: true });
	// As Nix's own build does: each test has a store made anew, without the daemon.
	const text = `set -e; (cd '${tests}'; NIX_DAEMON_PACKAGE= bash -e init.sh) </dev/null >/dev/null 2>&1; exec bash -x -e '${name.split("/").at(-1) ?? ""}.sh' </dev/null 2>&1`;
	const group = join(scratch, "group");
	const cwd = join(tests, dirname(`${name}.sh`));
	// A session of its own, of which nothing is left: some tests leave readers of pipes and daemons behind.
	const { status, stdout, signal } = spawnSync(
		"setsid",
		["--wait", "sh", "-c", `echo $$ >'${group}'; exec "$@"`, "sh", "bash", "-c", text],
		{
			cwd,
			encoding: "utf8",
			env,
			timeout: PATIENCE,
		},
	);
	endGroup(group);
	const output = `${stdout}${signal === null ? "" : `\n(ended by ${signal})`}`;
	rmSync(folder, { recursive: true, force: true });
	if (status === 99) return { verdict: "skipped", output };
	if (status !== 0) return { verdict: "failed", output };
	return { verdict: statSync(dropIns ? used : log).size > 0 ? "passed" : "not ours", output };
}

prepare();
if (dropIns) placeDropIns();
const wanted = named.length > 0 ? named : dropIns ? withDropIns : usual;
const counts: Record<Verdict, number> = { passed: 0, failed: 0, skipped: 0, "not ours": 0 };
for (const name of wanted) {
	if (!existsSync(join(tests, `${name}.sh`))) throw new Error(`there is no test ${name}`);
	const { verdict, output } = run(name);
	counts[verdict]++;
	console.log(`${verdict.padEnd(9)} ${name}`);
	if (verdict === "failed") {
		// What waits for the daemon's end at the end says nothing.
		const end = output.slice(0, output.lastIndexOf("\n+ killDaemon\n"));
		console.log(
			end
				.split("\n")
				.slice(-14)
				.map((line) => `    ${line}`)
				.join("\n"),
		);
	}
}
console.log(
	`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, ${counts["not ours"]} did not ask ours`,
);
rmSync(scratch, { recursive: true, force: true });
process.exitCode = counts.passed === wanted.length ? 0 : 1;
