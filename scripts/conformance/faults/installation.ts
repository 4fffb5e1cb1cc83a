/** A devenv of the loops' own: a home, its daemon, and what must not be left of them. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HashesModulo, instantiate, type Derivation, type DrvPath, type StorePath } from "@devenv/nix-formats";
import { openStore, type Store } from "@devenv/store";
import { WorkerClient } from "./worker-client.ts";

const program = join(import.meta.dirname, "../../../packages/daemon/src/main.ts");

/** Where builders get a shell from. */
const hostPaths = '["/bin", "/usr", "/lib", "/lib64?"]';

export class Installation {
	readonly folder: string;
	readonly home: string;
	readonly root: string;
	/** The daemon's folder for temporary files. */
	readonly tmp: string;
	#daemon: ChildProcess | undefined;
	#errors = "";

	/** `folder` is made; the home lies in it unless given. */
	constructor(folder: string, settings = "") {
		this.folder = folder;
		this.home = join(folder, "home");
		this.root = join(this.home, "root");
		this.tmp = join(folder, "tmp");
		for (const each of [this.tmp, join(this.home, "config")]) mkdirSync(each, { recursive: true });
		const text = `sandbox_paths: ${hostPaths}\ndaemon_idle_exit: 0\n${settings}`;
		writeFileSync(join(this.home, "config/config.yaml"), text);
	}

	/** Variables of the daemon and of the programs beside it. */
	get environment(): Record<string, string> {
		const { PATH = "", LD_LIBRARY_PATH } = process.env;
		const own = { PATH, DEVENV_HOME: this.home, HOME: this.folder, TMPDIR: this.tmp, LANG: "C.UTF-8" };
		return { ...own, ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }) };
	}

	get socket(): string {
		return join(this.home, "run/nix-daemon.sock");
	}

	get pid(): number {
		const pid = this.#daemon?.pid;
		if (pid === undefined) throw new Error("no daemon runs");
		return pid;
	}

	get runs(): boolean {
		return this.#daemon !== undefined;
	}

	/** What the daemon said on standard error, which should be nothing. */
	get errors(): string {
		return this.#errors;
	}

	/** Starts a daemon and waits until it listens; rejects with its diagnostics. */
	async start(): Promise<void> {
		const daemon = spawn(process.execPath, [program], {
			env: { ...this.environment, NODE_COMPILE_CACHE: join(this.folder, "../compile-cache") },
			stdio: ["ignore", "pipe", "pipe"],
			cwd: "/",
		});
		// Nothing stays, however this process ends.
		const killed = (): void => void daemon.kill("SIGKILL");
		process.once("exit", killed);
		daemon.stderr.on("data", (piece: Buffer) => {
			this.#errors += piece.toString();
		});
		const line = await new Promise<string>((resolve) => {
			createInterface(daemon.stdout).once("line", resolve);
			daemon.once("close", () => {
				resolve("it ended without a word");
			});
		});
		if (!line.includes('"listening"')) throw new Error(`the daemon did not start: ${line} ${this.#errors}`);
		this.#daemon = daemon;
		daemon.once("exit", () => {
			process.removeListener("exit", killed);
			if (this.#daemon === daemon) this.#daemon = undefined;
		});
	}

	/** Ends the daemon by a signal and waits until it is gone. */
	async end(signal: NodeJS.Signals): Promise<void> {
		const daemon = this.#daemon;
		if (daemon === undefined) return;
		const gone = new Promise((resolve) => daemon.once("close", resolve));
		daemon.kill(signal);
		await gone;
	}

	connect(): Promise<WorkerClient> {
		return WorkerClient.connect(this.socket);
	}

	/** Opens the store beside the daemon, and closes it; what was made there is nobody's then. */
	withStore<T>(action: (store: Store) => T, options: { readonly readOnly?: boolean } = {}): T {
		using store = openStore({ root: this.root, ...options });
		const result = action(store);
		// Else they would stand in Nix's place until this process ends.
		if (options.readOnly !== true) store.forgetTempRoots();
		return result;
	}

	/** The most that the daemon had resident, MiB. */
	peakMemory(): number {
		const status = readFileSync(`/proc/${this.pid}/status`, "latin1");
		return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
	}

	/** Command lines of processes that belong to this installation; those that are about to end get five seconds. */
	async strayProcesses(): Promise<readonly string[]> {
		for (let tries = 0; ; tries++) {
			const found = processesWith(this.folder);
			if (found.length === 0 || tries === 250) return found;
			await sleep(20);
		}
	}

	mounts(): readonly string[] {
		return readFileSync("/proc/self/mountinfo", "utf8")
			.split("\n")
			.map((line) => line.split(" ")[4] ?? "")
			.filter((point) => point.startsWith(`${this.folder}/`));
	}

	/** What nobody finishes any more, while a daemon runs that does nothing, or none. */
	leftovers(): readonly string[] {
		const own = join(this.root, "nix/var/nix/devenv");
		const alive = this.#daemon === undefined ? undefined : `${this.pid}-`;
		const foreign = (folder: string): string[] =>
			names(folder)
				.filter((name) => alive === undefined || !name.startsWith(alive))
				.map((name) => join(folder, name));
		const ownScratch = names(join(own, "tmp")).flatMap((session) =>
			names(join(own, "tmp", session))
				.filter((name) => name !== "temproots" && names(join(own, "tmp", session, name)).length > 0)
				.map((name) => join(own, "tmp", session, name)),
		);
		return [
			...foreign(join(own, "tmp")),
			...foreign(join(own, "sessions")),
			...ownScratch,
			...(existsSync(join(own, "collector-runs")) ? [join(own, "collector-runs")] : []),
			...this.#heldLocks().map((path) => `lock on ${path}`),
			...names(this.tmp).map((name) => join(this.tmp, name)),
			...names(join(this.home, "cache/partial")).map((name) => join(this.home, "cache/partial", name)),
			...walk(join(this.home, "state/log")).filter((path) => path.endsWith(".part")),
			...this.#unregistered(),
		];
	}

	#heldLocks(): string[] {
		const file = join(this.root, "nix/var/nix/devenv/locks.sqlite");
		if (!existsSync(file)) return [];
		using database = new DatabaseSync(file, { readOnly: true });
		return database
			.prepare("select path from Locks")
			.all()
			.map((row) => String(row["path"]));
	}

	#unregistered(): string[] {
		const valid = this.withStore((store) => new Set<string>(store.queryAllValidPaths()), { readOnly: true });
		return names(join(this.root, "nix/store"))
			.map((name) => `/nix/store/${name}`)
			.filter((path) => !valid.has(path) && path !== "/nix/store/.links"); // the judge's
	}

	/** What real Nix finds wrong with the store, every object hashed; undefined: nothing. */
	async judge(): Promise<string | undefined> {
		const args = ["--store", this.root, "--verify", "--check-contents"];
		const { status, stderr } = await run(["nix-store", ...args], judgeEnvironment(this.folder));
		return status === 0 && !/error|disappeared|modified|not in/i.test(stderr) ? undefined : `${status}: ${stderr}`;
	}
}

/** Real Nix with settings of its own. */
export function judgeEnvironment(folder: string): Record<string, string> {
	const { PATH = "" } = process.env;
	const config = "experimental-features = nix-command\nsubstituters =\nbuild-users-group =\nsandbox = false\n";
	return { PATH, HOME: folder, NIX_CONF_DIR: join(folder, "no-nix-conf"), NIX_CONFIG: config };
}

export interface Ended {
	readonly status: number;
	readonly stdout: string;
	readonly stderr: string;
}

export function run(command: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
	const [name = "", ...args] = command;
	return new Promise((resolve) => {
		execFile(name, args, { env, cwd: "/", maxBuffer: 64 << 20, timeout: 600_000 }, (error, stdout, stderr) => {
			const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
			resolve({ status, stdout, stderr });
		});
	});
}

/** Derivations with their output paths filled in; gives the path of each and of its output. */
export function addDerivation(store: Store, drv: Derivation): { readonly drvPath: DrvPath; readonly out: StorePath } {
	const { outputPaths } = instantiate(drv, new HashesModulo((path) => store.readDerivation(path)), store.storeDir);
	const out = new Map(outputPaths).get("out");
	if (out === undefined) throw new Error(`${drv.name} has no output 'out'`);
	return { drvPath: store.addDerivation(drv), out };
}

export interface ShellBuild {
	readonly name: string;
	readonly script: string;
	readonly env?: Readonly<Record<string, string>>;
	readonly sources?: readonly StorePath[];
	readonly drvs?: readonly DrvPath[];
}

/** A derivation that a shell script builds. */
export function shellDerivation({ name, script, env = {}, sources = [], drvs = [] }: ShellBuild): Derivation {
	return derivationOf(
		{ name, builder: "/bin/sh", args: ["-c", script], env: { PATH: "/bin:/usr/bin", ...env } },
		sources,
		drvs,
	);
}

/** A derivation of a builtin builder; with `outputHash` (base 16, SHA-256) that of a file. */
export function builtinDerivation(
	{
		name,
		builder,
		env,
		outputHash,
	}: {
		readonly name: string;
		readonly builder: string;
		readonly env: Readonly<Record<string, string>>;
		readonly outputHash?: string;
	},
	sources: readonly StorePath[] = [],
): Derivation {
	const drv = derivationOf({ name, builder, args: [], env }, sources, []);
	if (outputHash === undefined) return drv;
	const fixed = { outputHash, outputHashAlgo: "sha256", outputHashMode: "flat" };
	return {
		...drv,
		outputs: new Map([["out", { path: "", hashAlgo: "sha256", hash: outputHash }]]),
		env: new Map([...drv.env, ...Object.entries(fixed)]),
	};
}

function derivationOf(
	{
		name,
		builder,
		args,
		env,
	}: {
		readonly name: string;
		readonly builder: string;
		readonly args: readonly string[];
		readonly env: Readonly<Record<string, string>>;
	},
	sources: readonly StorePath[],
	drvs: readonly DrvPath[],
): Derivation {
	return {
		name,
		outputs: new Map([["out", { path: "", hashAlgo: "", hash: "" }]]),
		inputDrvs: new Map(drvs.map((path) => [path, ["out"]])),
		inputSrcs: sources,
		system: process.arch === "arm64" ? "aarch64-linux" : "x86_64-linux",
		builder,
		args,
		env: new Map(Object.entries({ name, ...env })),
	};
}

/** Command lines of processes that name a text in their arguments or environment, this one excepted. */
export function processesWith(text: string): readonly string[] {
	return names("/proc")
		.filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
		.filter((pid) => ["environ", "cmdline"].some((file) => readOf(`/proc/${pid}/${file}`).includes(text)))
		.filter((pid) => !/^State:\tZ/m.test(readOf(`/proc/${pid}/status`)))
		.map((pid) => `${pid}: ${readOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()}`);
}

/** Empty where there is nothing to read: processes end while they are looked at. */
function readOf(file: string): string {
	try {
		return readFileSync(file, "latin1");
	} catch {
		return "";
	}
}

/** The names in a folder; none where it is no folder, or gone by now. */
export function names(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch (error) {
		if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
		throw error;
	}
}

function walk(folder: string): string[] {
	return names(folder).flatMap((name) => {
		const path = join(folder, name);
		return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? walk(path) : [path];
	});
}
