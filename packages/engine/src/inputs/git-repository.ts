/**
 * Commits of git repositories, by the host's git: fetched into a bare repository in the cache, checked out without the
 * user's filters, so that a commit is the same folder on every machine. Layer 3.
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { diagnose, DiagnosticError } from "@devenv/diagnostics";

/** Most characters of git's complaints that are kept. */
const MOST_OUTPUT = 64 * 1024;

export interface GitCommit {
	/** In base 16. */
	readonly rev: string;
	/** ISO 8601 in UTC with seconds. */
	readonly date: string;
}

export class GitRepository {
	readonly #remote: string;
	readonly #folder: string;
	readonly #signal: AbortSignal | undefined;

	/** `cache`: folder for repositories; made when missing. */
	constructor(remote: string, cache: string, signal?: AbortSignal) {
		this.#remote = remote;
		this.#folder = join(cache, createHash("sha256").update(remote).digest("hex").slice(0, 32));
		this.#signal = signal;
	}

	/** Fetches a commit, a branch or tag, or the remote's HEAD. Throws `INPUT_GIT`. */
	fetch(what: { readonly ref?: string; readonly rev?: string }): Promise<GitCommit> {
		return oneAtATime(this.#folder, () => this.#fetch(what));
	}

	async #fetch(what: { readonly ref?: string; readonly rev?: string }): Promise<GitCommit> {
		await this.#begin();
		const wanted = what.rev ?? what.ref ?? "HEAD";
		const shallow = await this.#run(["fetch", "--quiet", "--no-tags", "--depth=1", "--", this.#remote, wanted]);
		if (shallow.code !== 0) {
			// Some servers give no single commits: then all of their branches and tags, among which it has to be.
			const whole = what.rev === undefined ? shallow : await this.#fetchAll();
			if (whole.code !== 0) this.#refuse(`git cannot fetch '${wanted}' from ${this.#remote}`, whole.text);
		}
		return this.#describe(shallow.code === 0 ? "FETCH_HEAD" : wanted);
	}

	/** A commit that was fetched before; undefined where there is none. */
	async find(rev: string): Promise<GitCommit | undefined> {
		if (!existsSync(join(this.#folder, "HEAD"))) return undefined;
		const { code } = await this.#run(["cat-file", "-e", `${rev}^{commit}`]);
		return code === 0 ? this.#describe(rev) : undefined;
	}

	/** Writes the files of a commit into an empty folder. */
	async checkOut(rev: string, folder: string): Promise<void> {
		const index = join(folder, "..", "index");
		const extra = {
			GIT_WORK_TREE: folder,
			GIT_INDEX_FILE: index,
			GIT_CONFIG_GLOBAL: "/dev/null",
			GIT_CONFIG_SYSTEM: "/dev/null",
		};
		for (const args of [
			["read-tree", rev],
			["checkout-index", "--all", "--quiet"],
		]) {
			const { code, text } = await this.#run(args, extra);
			if (code !== 0) this.#refuse(`git cannot check out ${rev} of ${this.#remote}`, text);
		}
	}

	async #begin(): Promise<void> {
		if (existsSync(join(this.#folder, "HEAD"))) return;
		mkdirSync(this.#folder, { recursive: true });
		const { code, text } = await this.#run(["init", "--quiet", "--bare", "--template="]);
		if (code !== 0) this.#refuse(`git cannot make a repository in ${this.#folder}`, text);
	}

	#fetchAll(): Promise<GitOutcome> {
		const refs = ["+refs/heads/*:refs/remote/heads/*", "+refs/tags/*:refs/remote/tags/*"];
		return this.#run(["fetch", "--quiet", "--no-tags", "--", this.#remote, ...refs]);
	}

	async #describe(name: string): Promise<GitCommit> {
		const { code, text } = await this.#run(["log", "-1", "--no-show-signature", "--format=%H %ct", name]);
		const [, rev, seconds] = /^([0-9a-f]+) (\d+)\s*$/.exec(text) ?? [];
		if (code !== 0 || rev === undefined) return this.#refuse(`${this.#remote} has no commit '${name}'`, text);
		return { rev, date: new Date(Number(seconds) * 1000).toISOString().replace(/\.\d+Z$/, "Z") };
	}

	#refuse(message: string, text: string): never {
		const lines = text
			.trim()
			.split("\n")
			.filter((line) => line !== "")
			.slice(0, 5);
		throw new DiagnosticError(
			diagnose("INPUT_GIT", message, {
				notes: lines.map((line) => ({ message: line })),
				hint: "try `git ls-remote` with the same address; names of branches and tags are written as it prints them",
			}),
		);
	}

	#run(args: readonly string[], extra: Readonly<Record<string, string>> = {}): Promise<GitOutcome> {
		const safe = [
			"-c",
			"protocol.allow=never",
			"-c",
			"protocol.https.allow=always",
			"-c",
			"protocol.file.allow=always",
		];
		return runGit(["--git-dir", this.#folder, ...safe, ...args], extra, this.#signal);
	}
}

/** The last fetch into each repository: what was fetched stands in one file. */
const fetching = new Map<string, Promise<unknown>>();

async function oneAtATime<T>(folder: string, work: () => Promise<T>): Promise<T> {
	const before = fetching.get(folder) ?? Promise.resolve();
	const mine = before.then(work, work);
	fetching.set(folder, mine);
	try {
		return await mine;
	} finally {
		if (fetching.get(folder) === mine) fetching.delete(folder);
	}
}

/** Variables that mean another repository, as in a git hook from which the daemon was started. */
const foreign =
	/^GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|SHALLOW_FILE)$/;

interface GitOutcome {
	readonly code: number | null;
	/** What it wrote, errors too. */
	readonly text: string;
}

function runGit(
	args: readonly string[],
	extra: Readonly<Record<string, string>>,
	signal: AbortSignal | undefined,
): Promise<GitOutcome> {
	const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
	return new Promise((resolve, reject) => {
		const child = spawn("git", args, {
			// Asks nobody for a password: the daemon has no terminal.
			env: { ...own, GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "true", LC_ALL: "C", ...extra },
			stdio: ["ignore", "pipe", "pipe"],
			...(signal === undefined ? {} : { signal }),
		});
		let text = "";
		const keep = (piece: Buffer): void => {
			if (text.length < MOST_OUTPUT) text += piece.toString("utf8");
		};
		child.stdout.on("data", keep);
		child.stderr.on("data", keep);
		child.on("error", (error: NodeJS.ErrnoException) => {
			if (signal?.aborted === true) reject(signal.reason as Error);
			else if (error.code === "ENOENT") reject(missingGit());
			else reject(error);
		});
		child.on("close", (code) => {
			resolve({ code, text });
		});
	});
}

function missingGit(): DiagnosticError {
	return new DiagnosticError(
		diagnose("INPUT_NO_GIT", "there is no git on this machine, which inputs from git repositories need", {
			hint: "install git",
		}),
	);
}
