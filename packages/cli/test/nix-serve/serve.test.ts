/** `nix-store --serve` and `nix-copy-closure`, with real Nix at the other end of an ssh that runs its command here. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseStorePath, WireEncoder } from "@devenv/nix-formats";
import { openStore, StreamSource } from "@devenv/store";
import { findProgram, nodeEnvironment, removeFolder, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { commands, SERVE_ANSWER, SERVE_MAGIC, SERVE_VERSION } from "../../src/nix-serve/serve-protocol.ts";
import { type Run, TwoStores } from "../nix-store/two-stores.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const helper = fileURLToPath(new URL("../../../../build/native/devenv-helper", import.meta.url));

/** Two stores that are empty but for the sample in one; who reaches the other by ssh finds the one. */
class FarStores extends TwoStores {
	/** Environment for a program whose ssh leads to ours, or to the real one. */
	readonly toOurs: Readonly<Record<string, string>>;
	readonly toReal: Readonly<Record<string, string>>;

	constructor(t: ExecutionContext) {
		super(t);
		const conf = join(this.folder, "conf");
		const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");
		// Compiled once: sources that many processes load.
		const cache = `NODE_COMPILE_CACHE=${join(this.folder, "compiled")}`;
		const ours = ["env", cache, `DEVENV_HOME=${join(this.folder, "ours")}`, process.execPath, main, "nix-store"];
		const real = ["env", `NIX_CONF_DIR=${conf}`, `NIX_REMOTE=${this.real}`, findProgram("nix-store") ?? "nix-store"];
		this.toOurs = { PATH: this.#ssh("to-ours", quoted(ours)) };
		this.toReal = { PATH: this.#ssh("to-real", quoted(real)) };
		writeFileSync(join(conf, "nix.conf"), "build-users-group =\nsubstituters =\nexperimental-features = nix-command\n");
	}

	#ssh(name: string, nixStore: string): string {
		const folder = join(this.folder, name);
		mkdirSync(folder);
		const program = (file: string, text: string): void => {
			writeFileSync(join(folder, file), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
		};
		program("nix-store", `exec ${nixStore} "$@"`);
		// Its last argument is the command, after the host, options of Nix's and those of NIX_SSHOPTS.
		program(
			"ssh",
			`echo "$*" >>'${this.folder}/ssh.log'; for last; do :; done; exec env -i HOME="$HOME" PATH="$PATH" sh -c "$last"`,
		);
		return `${folder}:${process.env["PATH"] ?? ""}`;
	}

	/** Leaves nothing in one of the stores. */
	empty(root: string): void {
		removeFolder(root);
		openStore({ root }).close();
	}

	/** Registers an output as if it had been built. */
	async build(path: string): Promise<void> {
		using store = openStore({ root: this.ours });
		using scratch = store.scratch();
		const from = join(scratch.path, "output");
		writeFileSync(from, "made\n");
		await store.registerOutputs([{ path: parseStorePath(path), from, candidates: [] }]);
	}

	valid(root: string): readonly string[] {
		using store = openStore({ root, readOnly: true });
		return store.queryAllValidPaths();
	}

	async sound(t: ExecutionContext, root: string): Promise<void> {
		using store = openStore({ root });
		t.deepEqual(await store.verify({ checkContents: true }), []);
	}
}

function good(t: ExecutionContext, run: Run): string {
	t.is(run.status, 0, run.stderr);
	return run.stdout.trim();
}

function testWithNix(title: string, body: (t: ExecutionContext, stores: FarStores) => Promise<void> | void): void {
	test(title, async (t) => {
		if (findProgram("nix-copy-closure") === undefined) skip(t, "no nix on PATH");
		else await body(t, new FarStores(t));
	});
}

testWithNix("real Nix copies to our store by ssh, and from it", async (t, stores) => {
	const { top, tree, drv, middle, base } = stores.paths;
	const environment = stores.toOurs;
	stores.empty(stores.ours);
	good(t, stores.runReal("nix", ["copy", "--no-check-sigs", "--to", "ssh://far", top], { environment }));
	t.deepEqual(stores.valid(stores.ours), [base, middle, top].sort());
	good(t, stores.runReal("nix-copy-closure", ["--to", "user@far", tree, drv], { environment }));
	await stores.sound(t, stores.ours);
	const kept = stores.valid(stores.ours);
	t.true(kept.includes(tree) && kept.includes(drv));
	const info = good(
		t,
		stores.runReal("nix", ["path-info", "--json", "-r", "--store", "ssh://far", top], { environment }),
	);
	t.is((JSON.parse(info) as unknown[]).length, 3);

	stores.empty(stores.real);
	good(t, stores.runReal("nix-copy-closure", ["--from", "far", top, drv], { environment }));
	good(t, stores.runReal("nix", ["copy", "--no-check-sigs", "--from", "ssh://far", tree], { environment }));
	t.deepEqual(stores.valid(stores.real), kept);
	await stores.sound(t, stores.real);
	t.regex(readFileSync(join(stores.folder, "ssh.log"), "utf8"), /^user@far -x -a .*nix-store --serve --write$/m);
});

testWithNix("our nix-copy-closure copies to a real store by ssh, and from it", async (t, stores) => {
	const { top, tree, drv, dev } = stores.paths;
	await stores.build(dev);
	const environment = { ...stores.toReal, NIX_SSHOPTS: "-o Some=option" };
	stores.empty(stores.real);
	const plan = stores.runOurs("nix-copy-closure", ["--dry-run", "far", top], { environment });
	t.regex(plan.stderr, /^copying 3 paths to 'far'\.\.\.\n {2}\S+-base-1\.0\n/);
	t.deepEqual(stores.valid(stores.real), []);
	good(t, stores.runOurs("nix-copy-closure", ["--to", "far", top, tree], { environment }));
	good(t, stores.runOurs("nix-copy-closure", ["--include-outputs", "far", drv], { environment }));
	t.is(stores.runOurs("nix-copy-closure", ["far", top], { environment }).stderr, "");
	await stores.sound(t, stores.real);
	stores.runReal("nix-store", ["--verify", "--check-contents"]);
	const kept = stores.valid(stores.real);
	t.deepEqual(
		[top, tree, drv, dev].filter((path) => !kept.includes(path)),
		[],
	);

	stores.empty(stores.ours);
	good(t, stores.runOurs("nix-copy-closure", ["--from", "--include-outputs", "far", top, drv, tree], { environment }));
	t.deepEqual(stores.valid(stores.ours), kept);
	await stores.sound(t, stores.ours);
	t.regex(
		readFileSync(join(stores.folder, "ssh.log"), "utf8"),
		/^far -x -a -o Some=option nix-store --serve --write$/m,
	);
});

testWithNix("a far side that is none, or says no, is a diagnostic", (t, stores) => {
	const none = "/nix/store/00000000000000000000000000000000-none";
	const lacking = stores.runOurs("nix-copy-closure", ["--from", "far", none], { environment: stores.toReal });
	t.is(lacking.status, 1);
	t.regex(lacking.stderr, /error: path '\S+-none' is not valid\nerror: the store at 'far' cannot be used/);
	writeFileSync(join(stores.folder, "to-real/nix-store"), "#!/bin/sh\necho Welcome to far\n");
	const talkative = stores.runOurs("nix-copy-closure", ["far", stores.paths.top], { environment: stores.toReal });
	t.regex(talkative.stderr, /^error: the store at 'far' cannot be used: .*\n.*without a word besides\n$/);
	t.regex(stores.runOurs("nix-copy-closure", ["-o", "x"]).stderr, /unrecognised flag '-o'/);
	t.regex(stores.runOurs("nix-copy-closure", []).stderr, /no host name specified/);
});

testWithNix("real Nix has our store build", async (t, stores) => {
	if (!existsSync(helper)) {
		skip(t, "builds that see paths of the host are tried with the native helper");
		return;
	}
	const { folder } = stores;
	mkdirSync(join(folder, "ours/config"));
	writeFileSync(join(folder, "ours/config/config.yaml"), 'sandbox_paths: [/bin, /usr, /lib, "/lib64?"]\n');
	const file = join(folder, "far.nix");
	writeFileSync(
		file,
		`let mk = name: script: rest: derivation ({
			inherit name; system = builtins.currentSystem; builder = "/bin/sh"; PATH = "/bin:/usr/bin"; args = [ "-c" script ];
		} // rest); in rec {
			one = mk "one" "echo said by one; echo 1 > $out" { };
			two = mk "two" "cat $one > $out; echo $one > $doc" { inherit one; outputs = [ "out" "doc" ]; };
			bad = mk "bad" "echo last words; exit 3" { };
		}\n`,
	);
	const environment = stores.toOurs;
	const build = (attribute: string): Run =>
		stores.runReal(
			"nix-build",
			[
				file,
				"-A",
				attribute,
				"--no-out-link",
				"-j0",
				"--builders",
				"ssh://far - - 1 1",
				"--option",
				"max-silent-time",
				"60",
			],
			{ environment },
		);
	const two = build("two");
	const out = good(t, two);
	t.regex(two.stderr, /building '\S+-one\.drv' on 'ssh:\/\/far'[^]*said by one/);
	t.is(readFileSync(stores.real + out, "utf8"), "1\n");
	t.true(stores.valid(stores.ours).includes(out));
	t.false(
		stores.valid(stores.ours).some((path) => path.endsWith("-two.drv")),
		"the derivation itself was not sent",
	);
	const bad = build("bad");
	t.regex(bad.stderr, /last words[^]*failed: building 'bad' failed: its builder left with status 3/);

	const drv = good(t, stores.runReal("nix-instantiate", [file, "-A", "bad"], { environment }));
	good(t, stores.runReal("nix-copy-closure", ["far", drv], { environment }));
	const input = greeting()
		.number(commands.buildPaths)
		.strings([`${drv}!out`])
		.number(0, 0, 0, 0, 0, 0);
	const serving = new Serving(stores, ["--write"], input);
	const { source } = serving;
	await serving.greeted(t);
	t.is(await source.number(), 3);
	t.regex(await source.string(), /^building 'bad' failed/);
	t.is((await serving.end()).status, 0);
});

/** `nix-store --serve` with bytes on its standard input, which stays open. */
class Serving {
	readonly source: StreamSource;
	readonly #child: ChildProcessWithoutNullStreams;
	#stderr = "";

	constructor(stores: TwoStores, flags: readonly string[], input: WireEncoder) {
		this.#child = spawn(process.execPath, [main, "nix-store", "--serve", ...flags], {
			env: { ...nodeEnvironment(), DEVENV_HOME: join(stores.folder, "ours"), HOME: stores.folder },
		});
		this.#child.stderr.on("data", (piece: Buffer) => {
			this.#stderr += piece.toString();
		});
		this.source = new StreamSource(this.#child.stdout, () => undefined);
		this.#child.stdin.on("error", () => undefined);
		this.#child.stdin.write(input.take());
	}

	/** The next of what it answers is a greeting. */
	async greeted(t: ExecutionContext): Promise<void> {
		t.deepEqual([await this.source.number(), await this.source.number()], [SERVE_ANSWER, SERVE_VERSION]);
	}

	/** Its exit status, and what it said on standard error, after its input ended. */
	async end(): Promise<{ readonly status: number | null; readonly stderr: string }> {
		this.#child.stdin.end();
		if (this.#child.exitCode === null) await once(this.#child, "close");
		return { status: this.#child.exitCode, stderr: this.#stderr };
	}
}

function greeting(): WireEncoder {
	return new WireEncoder().number(SERVE_MAGIC, SERVE_VERSION);
}

test("streams of old clients are taken, and the next request follows at once", async (t) => {
	const stores = new TwoStores(t);
	const { top, middle, base } = stores.paths;
	const asked = new Serving(stores, [], greeting().number(commands.exportPaths, 0).strings([top, middle, base]));
	await asked.greeted(t);
	const ended = asked.end();
	const stream: Buffer[] = [];
	for await (const piece of asked.source.pieces()) stream.push(piece);
	t.is((await ended).status, 0);
	removeFolder(stores.ours);
	const input = greeting().number(commands.importPaths).bytes(Buffer.concat(stream));
	input.number(commands.queryValidPaths, 0, 0).strings([top, base, stores.paths.tree]);
	const serving = new Serving(stores, ["--write"], input);
	const { source } = serving;
	await serving.greeted(t);
	t.is(await source.number(), 1);
	t.deepEqual(await source.strings(), [top, base]);
	t.is((await serving.end()).status, 0);
});

for (const [title, input, expected] of [
	["another greeting", new WireEncoder().number(1), /what came is not of the protocol: it begins otherwise/],
	["another version", new WireEncoder().number(SERVE_MAGIC, 0x301), /version 3\.1 is not spoken here/],
	["an unknown command", greeting().number(99), /there is no command 99/],
	["a request that ends too early", greeting().number(commands.queryClosure), /the data end too early/],
	["an object without leave", greeting().number(commands.importPaths), /importing paths is not allowed/],
	["a build without leave", greeting().number(commands.buildPaths), /building paths is not allowed/],
	["a derivation without leave", greeting().number(commands.buildDerivation), /building paths is not allowed/],
] as const) {
	test(`serving refuses ${title}`, async (t) => {
		const { status, stderr } = await new Serving(new TwoStores(t), [], input).end();
		t.is(status, 1);
		t.regex(stderr, expected);
	});
}

test("paths are made valid, or it is said why not", async (t) => {
	const stores = new TwoStores(t);
	const none = "/nix/store/00000000000000000000000000000000-none";
	const input = greeting().number(commands.buildPaths).strings([stores.paths.top]).number(0, 0, 0, 0, 0, 0);
	input.number(commands.buildPaths).strings([none]).number(0, 0, 0, 0, 0, 0);
	const serving = new Serving(stores, ["--write"], input);
	const { source } = serving;
	await serving.greeted(t);
	t.is(await source.number(), 0);
	t.is(await source.number(), 9);
	t.is(await source.string(), `don't know how to build path '${none}'`);
	t.is((await serving.end()).status, 0);
});

test("a derivation that does not fit to its name is not built", async (t) => {
	const stores = new TwoStores(t);
	const input = greeting().number(commands.buildDerivation).string(stores.paths.drv);
	input.number(1).string("out").string(stores.paths.top).string("").string("");
	input.strings([]);
	const serving = new Serving(stores, ["--write"], input.string("x").string("x").strings([]).number(0));
	const { status, stderr } = await serving.end();
	t.is(status, 1);
	t.regex(stderr, /the derivation that was sent as \S+ says that its output 'out' is '\S+-top'/);
});
