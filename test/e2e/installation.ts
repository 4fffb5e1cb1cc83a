/** A devenv of its own for a test: its own DEVENV_HOME and projects in a temporary folder, and its own daemon. */

import { spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const top = join(import.meta.dirname, "../..");

/** The launcher of this checkout. */
export const launcher: string = join(top, "scripts/devenv");

export interface Outcome {
	/** Exit code; 128+n for a process that signal n ended. */
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

export interface RunOptions {
	readonly cwd?: string;
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** Standard input; a promise: kept open until it comes. */
	readonly input?: string | Promise<string>;
	/** Runs in front of the launcher, for example `["unshare", "--net"]`. */
	readonly prefix?: readonly string[];
	/** Milliseconds; default 10 minutes. */
	readonly timeout?: number;
	/** Called with the child's process id once it runs. */
	readonly onStart?: (pid: number) => void;
	/** Called with all that came on standard output and standard error so far, whenever something comes. */
	readonly onOutput?: (text: string) => void;
}

export class Installation {
	readonly folder: string;
	readonly home: string;
	/** The ids that commands run with; undefined: the test's own. */
	readonly ids: { readonly uid: number; readonly gid: number } | undefined;
	/** Variables that every command gets. */
	environment: Readonly<Record<string, string>> = {};

	constructor(options: { readonly home?: string; readonly uid?: number } = {}) {
		this.folder = mkdtempSync(join(tmpdir(), "devenv-e2e-"));
		this.home = options.home ?? join(this.folder, "home");
		this.ids = options.uid === undefined ? undefined : { uid: options.uid, gid: options.uid };
		this.#own(this.folder);
		mkdirSync(join(this.folder, "user-home"));
		this.#own(join(this.folder, "user-home"));
	}

	/** Makes a project folder with these files; gives its path. */
	project(name: string, files: Readonly<Record<string, string>>): string {
		const folder = join(this.folder, name);
		mkdirSync(folder, { recursive: true });
		this.#own(folder);
		for (const [path, text] of Object.entries(files)) this.write(join(folder, path), text);
		return folder;
	}

	write(path: string, text: string): void {
		if (!existsSync(dirname(path))) {
			mkdirSync(dirname(path), { recursive: true });
			this.#own(dirname(path));
		}
		writeFileSync(path, text);
		this.#own(path);
	}

	/** Runs the launcher with these arguments. */
	devenv(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
		return this.run([launcher, ...args], options);
	}

	/** Runs a command with this installation's environment. */
	run(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
		const [program, ...args] = [...(options.prefix ?? []), ...command];
		if (program === undefined) throw new Error("empty command");
		const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
		const child = spawn(program, args, {
			cwd: options.cwd ?? this.folder,
			env: {
				...baseEnvironment(),
				HOME: join(this.folder, "user-home"),
				DEVENV_HOME: this.home,
				...this.environment,
				...options.env,
			},
			stdio: "pipe",
			timeout: options.timeout ?? 600_000,
			...this.ids,
		});
		let stdout = "";
		let stderr = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			stdout += text;
			options.onOutput?.(stdout + stderr);
		});
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			stderr += text;
			options.onOutput?.(stdout + stderr);
		});
		child.on("error", reject);
		child.on("spawn", () => {
			if (child.pid !== undefined) options.onStart?.(child.pid);
		});
		child.on("close", (code, signal) => {
			resolve({ code: code ?? 128 + signalNumber(signal), stdout, stderr });
		});
		// A child that does not read its input closes it early; its exit code tells the rest.
		child.stdin.on("error", () => undefined);
		void Promise.resolve(options.input ?? "").then((text) => child.stdin.end(text));
		return promise;
	}

	/** Process id of the running daemon. */
	async daemonPid(): Promise<number> {
		const { stdout } = await this.devenv(["daemon", "status", "--json"]);
		return (JSON.parse(stdout) as { pid: number }).pid;
	}

	/** Stops the daemon and removes everything. */
	async remove(): Promise<void> {
		const { code, stderr } = await this.devenv(["daemon", "stop"], { timeout: 60_000 });
		if (code !== 0) throw new Error(`the daemon of ${this.home} was not stopped:\n${stderr}`);
		await this.run(["chmod", "-R", "u+w", this.folder]);
		rmSync(this.folder, { recursive: true, force: true });
	}

	#own(path: string): void {
		if (this.ids !== undefined) chownSync(path, this.ids.uid, this.ids.gid);
	}
}

/** What of the caller's environment a test passes on: no settings of the user or of node. */
function baseEnvironment(): Record<string, string> {
	const environment: Record<string, string> = { LANG: "C.UTF-8", TERM: "dumb" };
	for (const name of ["PATH", "SSL_CERT_FILE", "http_proxy", "https_proxy", "no_proxy", "CI"]) {
		const value = process.env[name];
		if (value !== undefined) environment[name] = value;
	}
	return environment;
}

const signalNumbers: Readonly<Record<string, number>> = { SIGINT: 2, SIGKILL: 9, SIGTERM: 15, SIGHUP: 1 };

function signalNumber(signal: NodeJS.Signals | null): number {
	return signalNumbers[signal ?? ""] ?? 0;
}
