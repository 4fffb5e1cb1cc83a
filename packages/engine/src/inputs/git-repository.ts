/**
 * Commits of git repositories, by the host's git: fetched into a bare repository in the cache, checked out without the
 * user's filters, so that a commit is the same folder on every machine. Layer 3.
 */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { diagnose, DiagnosticError } from "@devenv/diagnostics";

/** Most characters of git's complaints that are kept. */
const MOST_COMPLAINTS = 64 * 1024;

export interface GitCommit {
	/** In base 16. */
	readonly rev: string;
	/** ISO 8601 in UTC with seconds. */
	readonly date: string;
}

/** What is fetched. */
export interface GitWish {
	/** A branch or tag; absent, and without `rev`: the remote's HEAD. */
	readonly ref?: string;
	readonly rev?: string;
	/** The commit may be on any ref of the remote. */
	readonly allRefs?: boolean;
}

export interface GitRepositoryOptions {
	readonly signal?: AbortSignal | undefined;
	/** Fetch all commits before the wanted one too, so that they can be counted. */
	readonly whole?: boolean;
	/** Ways by which git may reach a remote. */
	readonly protocols?: readonly string[];
}

export interface CheckOutOptions {
	/** Leave out what `.gitattributes` marks as `export-ignore`. */
	readonly exportIgnore?: boolean;
}

export class GitRepository {
	readonly #remote: string;
	readonly #folder: string;
	readonly #options: GitRepositoryOptions;

	/** `cache`: folder for repositories; made when missing. */
	constructor(remote: string, cache: string, options: GitRepositoryOptions = {}) {
		this.#remote = remote;
		this.#options = options;
		// A shallow fetch would cut off the past of a whole one.
		const key = options.whole === true ? `${remote}\nwhole` : remote;
		this.#folder = join(cache, createHash("sha256").update(key).digest("hex").slice(0, 32));
	}

	/** Fetches a commit, a branch or tag, or the remote's HEAD. Throws `INPUT_GIT`. */
	fetch(what: GitWish): Promise<GitCommit> {
		return oneAtATime(this.#folder, () => this.#fetch(what));
	}

	async #fetch(what: GitWish): Promise<GitCommit> {
		await this.#begin();
		const wanted = what.rev ?? what.ref ?? "HEAD";
		const depth = this.#options.whole === true ? [] : ["--depth=1"];
		const single = await this.#run(["fetch", "--quiet", "--no-tags", ...depth, "--", this.#remote, wanted]);
		if (single.code !== 0) {
			// Some servers give no single commits: then all of their branches and tags, among which it has to be.
			const all = what.rev === undefined ? single : await this.#fetchAll(what.allRefs === true);
			if (all.code !== 0) this.#refuse(`git cannot fetch '${wanted}' from ${this.#remote}`, all.text);
		}
		return this.#describe(single.code === 0 ? "FETCH_HEAD" : wanted);
	}

	/** How many commits led to one, itself included; of a whole repository. */
	async count(rev: string): Promise<number> {
		const { code, text } = await this.#run(["rev-list", "--count", rev]);
		if (code !== 0) this.#refuse(`git cannot count the commits before ${rev} of ${this.#remote}`, text);
		return Number(text.trim());
	}

	/** The submodules of a commit: where they lie in it, and which commits they are at. */
	async submodules(rev: string): Promise<ReadonlyMap<string, string>> {
		const { code, text } = await this.#run(["ls-tree", "-r", "-z", "--full-tree", rev]);
		if (code !== 0) this.#refuse(`git cannot list ${rev} of ${this.#remote}`, text);
		return new Map(
			text.split("\0").flatMap((line): [string, string][] => {
				const [, commit, path] = /^160000 commit ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
				return commit === undefined || path === undefined ? [] : [[path, commit]];
			}),
		);
	}

	/** What a file in git's format for settings says, such as `.gitmodules` of a folder that was checked out. */
	async settings(file: string): Promise<ReadonlyMap<string, string>> {
		const { code, text } = await this.#run(["config", "--file", file, "--null", "--list"]);
		if (code !== 0) this.#refuse(`git cannot read ${file}`, text);
		const pairs = text.split("\0").filter((pair) => pair.includes("\n"));
		return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf("\n")), pair.slice(pair.indexOf("\n") + 1)]));
	}

	/** A commit that was fetched before; undefined where there is none. */
	async find(rev: string): Promise<GitCommit | undefined> {
		if (!existsSync(join(this.#folder, "HEAD"))) return undefined;
		const { code } = await this.#run(["cat-file", "-e", `${rev}^{commit}`]);
		return code === 0 ? this.#describe(rev) : undefined;
	}

	/** Writes the files of a commit into an empty folder. */
	async checkOut(rev: string, folder: string, { exportIgnore = false }: CheckOutOptions = {}): Promise<void> {
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
		if (exportIgnore) await this.#removeIgnored(folder, extra);
	}

	/** Removes what `export-ignore` marks: files and whole folders. */
	async #removeIgnored(folder: string, extra: Readonly<Record<string, string>>): Promise<void> {
		const listed = await this.#run(["ls-files", "--cached", "-z"], extra);
		if (listed.code !== 0) this.#refuse(`git cannot list the files of ${this.#remote}`, listed.text);
		const files = listed.text.split("\0").filter((path) => path !== "");
		if (!files.some((path) => path === ".gitattributes" || path.endsWith("/.gitattributes"))) return;
		const paths = new Set<string>();
		for (const file of files) {
			for (let path = file; path !== "." && !paths.has(path); path = dirname(path)) paths.add(path);
		}
		const input = `${[...paths].join("\0")}\0`;
		const asked = await this.#run(["check-attr", "--cached", "-z", "--stdin", "export-ignore"], extra, input);
		if (asked.code !== 0) this.#refuse(`git cannot read .gitattributes of ${this.#remote}`, asked.text);
		const answers = asked.text.split("\0");
		for (let at = 0; at + 2 < answers.length; at += 3) {
			const path = answers[at] ?? "";
			if (answers[at + 2] === "set") rmSync(join(folder, path), { recursive: true, force: true });
		}
	}

	async #begin(): Promise<void> {
		if (existsSync(join(this.#folder, "HEAD"))) return;
		mkdirSync(this.#folder, { recursive: true });
		const { code, text } = await this.#run(["init", "--quiet", "--bare", "--template="]);
		if (code !== 0) this.#refuse(`git cannot make a repository in ${this.#folder}`, text);
	}

	#fetchAll(allRefs: boolean): Promise<GitOutcome> {
		const usual = ["+refs/heads/*:refs/remote/heads/*", "+refs/tags/*:refs/remote/tags/*"];
		const refs = allRefs ? ["+refs/*:refs/remote/*"] : usual;
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

	#run(args: readonly string[], extra: Readonly<Record<string, string>> = {}, input: string = ""): Promise<GitOutcome> {
		const { protocols = ["https", "file"], signal } = this.#options;
		const safe = ["never", ...protocols].flatMap((each, index) => [
			"-c",
			index === 0 ? "protocol.allow=never" : `protocol.${each}.allow=always`,
		]);
		return runGit(["--git-dir", this.#folder, ...safe, ...args], { extra, input, signal });
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

export interface GitOutcome {
	readonly code: number | null;
	/** What it wrote; after a failure its complaints too. */
	readonly text: string;
}

export interface GitRun {
	/** Further variables. */
	readonly extra?: Readonly<Record<string, string>>;
	readonly input?: string;
	readonly signal?: AbortSignal | undefined;
}

/** Runs git without a terminal; rejects with `INPUT_NO_GIT` where there is none. */
export function runGit(args: readonly string[], { extra, input = "", signal }: GitRun = {}): Promise<GitOutcome> {
	const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
	return new Promise((resolve, reject) => {
		const child = spawn("git", args, {
			// Asks nobody for a password: the daemon has no terminal.
			env: {
				...own,
				GIT_TERMINAL_PROMPT: "0",
				GIT_ASKPASS: "true",
				GIT_SSH_COMMAND: "ssh -oBatchMode=yes",
				LC_ALL: "C",
				...extra,
			},
			stdio: ["pipe", "pipe", "pipe"],
			...(signal === undefined ? {} : { signal }),
		});
		const pieces: Buffer[] = [];
		let complaints = "";
		child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
		child.stderr.on("data", (piece: Buffer) => {
			if (complaints.length < MOST_COMPLAINTS) complaints += piece.toString("utf8");
		});
		// It may end before it has read all; its exit status tells.
		child.stdin.on("error", () => undefined);
		child.stdin.end(input);
		child.on("error", (error: NodeJS.ErrnoException) => {
			if (signal?.aborted === true) reject(signal.reason as Error);
			else if (error.code === "ENOENT") reject(missingGit());
			else reject(error);
		});
		child.on("close", (code) => {
			resolve({ code, text: Buffer.concat(pieces).toString("utf8") + (code === 0 ? "" : complaints) });
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
