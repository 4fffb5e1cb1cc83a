/**
 * Trees of git repositories as `builtins.fetchGit` sees them: a commit with its place in history, or the tracked files of a working
 * tree as they lie there. Layer 3; by the host's git.
 *
 * Source: Nix manual, "builtins.fetchGit".
 */

import { copyFileSync, cpSync, lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { diagnose, DiagnosticError, fail } from "@devenv/diagnostics";
import { GitRepository, runGit } from "../inputs/git-repository.ts";

export interface GitTreeRequest {
	/** A URL that git takes, or an absolute path. */
	readonly url: string;
	readonly ref?: string;
	/** In base 16. */
	readonly rev?: string;
	readonly allRefs: boolean;
	/** Without the commits before: they are not counted. */
	readonly shallow: boolean;
	readonly submodules: boolean;
	readonly exportIgnore: boolean;
}

export interface GitTree {
	/** Absent for a working tree with changes. */
	readonly rev?: string;
	/** The commit below a working tree with changes, if there is one. */
	readonly dirtyRev?: string;
	readonly revCount?: number;
	/** Seconds since 1970: of the commit. */
	readonly lastModified: number;
}

export interface GitTreeOptions {
	/** Folder for repositories; made when missing. */
	readonly cache: string;
	/** Folder for what is on its way; there is one, and it is empty. */
	readonly scratch: string;
	/** The tree goes here: an empty folder. */
	readonly destination: string;
	readonly signal?: AbortSignal | undefined;
}

/** Ways by which git may reach what an expression names. */
const protocols = ["https", "http", "ssh", "git", "file"] as const;

/** Submodules within submodules. */
const MOST_NESTING = 16;

/** Rejects with `INPUT_GIT` and `INPUT_NO_GIT`. */
export async function fetchGitTree(request: GitTreeRequest, options: GitTreeOptions): Promise<GitTree> {
	const local = localFolder(request.url);
	if (local !== undefined && request.ref === undefined && request.rev === undefined) {
		const tree = await workTree(local, request, options);
		if (tree !== undefined) return tree;
	}
	const { signal, cache, destination } = options;
	const whole = !request.shallow;
	const repository = new GitRepository(request.url, cache, { signal, whole, protocols });
	const { ref, rev, allRefs } = request;
	const wish = { ...(ref === undefined ? {} : { ref }), ...(rev === undefined ? {} : { rev }), allRefs };
	const known = rev === undefined ? undefined : await repository.find(rev);
	const commit = known ?? (await repository.fetch(wish));
	await repository.checkOut(commit.rev, destination, { exportIgnore: request.exportIgnore });
	if (request.submodules) await addSubmodules(repository, commit.rev, { request, options, nesting: 0 });
	return {
		rev: commit.rev,
		...(whole ? { revCount: await repository.count(commit.rev) } : {}),
		lastModified: Date.parse(commit.date) / 1000,
	};
}

/** The commit that a branch, a tag or HEAD of a remote is at. Rejects with `INPUT_GIT` and `INPUT_NO_GIT`. */
export async function resolveRef(remote: string, ref: string, signal: AbortSignal | undefined): Promise<string> {
	const wanted = [ref, `refs/heads/${ref}`, `refs/tags/${ref}^{}`, `refs/tags/${ref}`];
	const { code, text } = await runGit(["ls-remote", "--", remote, ref, `refs/tags/${ref}^{}`], { signal });
	const refs = new Map(
		text.split("\n").map((line): [string, string] => {
			const [rev = "", name = ""] = line.split("\t");
			return [name, rev];
		}),
	);
	const found = wanted.map((each) => refs.get(each)).find((rev) => rev !== undefined);
	if (code === 0 && found !== undefined) return found;
	return fail("INPUT_GIT", `${remote} has no branch or tag '${ref}', or cannot be asked`, {
		notes: code === 0 ? [] : [{ message: text.trim().slice(0, 500) }],
		hint: "try `git ls-remote` with the same address",
	});
}

function localFolder(url: string): string | undefined {
	if (url.startsWith("/")) return url;
	return url.startsWith("file:///") ? fileURLToPath(url.replace(/[?#].*$/, "")) : undefined;
}

/** The tracked files of a working tree that differs from its commit; undefined where it does not, or is none. */
async function workTree(
	folder: string,
	{ submodules }: GitTreeRequest,
	{ destination, signal }: GitTreeOptions,
): Promise<GitTree | undefined> {
	if (lstatSync(join(folder, ".git"), { throwIfNoEntry: false }) === undefined) return undefined;
	const git = async (args: readonly string[]): Promise<string | undefined> => {
		// Programs that a repository's settings name are not run.
		const quiet = ["-C", folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"];
		const { code, text } = await runGit([...quiet, ...args], { signal });
		return code === 0 ? text : undefined;
	};
	const head = (await git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]))?.trim();
	const changes = await git(["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=none"]);
	if (changes === undefined) {
		throw new DiagnosticError(diagnose("INPUT_GIT", `git cannot read the repository in ${folder}`));
	}
	if (head !== undefined && changes === "") return undefined;
	const listed = await git(["ls-files", "-z", "--cached", ...(submodules ? ["--recurse-submodules"] : [])]);
	for (const path of new Set((listed ?? "").split("\0"))) if (path !== "") copyEntry(folder, destination, path);
	const seconds = head === undefined ? "0" : ((await git(["log", "-1", "--no-show-signature", "--format=%ct"])) ?? "0");
	return { ...(head === undefined ? {} : { dirtyRev: head }), lastModified: Number(seconds.trim()) };
}

/** Copies one tracked file or link; one that was deleted is left out, and so is a submodule's folder. */
function copyEntry(from: string, to: string, path: string): void {
	const info = lstatSync(join(from, path), { throwIfNoEntry: false });
	if (info === undefined || info.isDirectory()) return;
	mkdirSync(dirname(join(to, path)), { recursive: true });
	if (info.isSymbolicLink()) symlinkSync(readlinkSync(join(from, path)), join(to, path));
	else copyFileSync(join(from, path), join(to, path));
}

async function addSubmodules(
	repository: GitRepository,
	rev: string,
	at: { readonly request: GitTreeRequest; readonly options: GitTreeOptions; readonly nesting: number },
): Promise<void> {
	const { request, options, nesting } = at;
	const modules = await repository.submodules(rev);
	if (modules.size === 0) return;
	if (nesting === MOST_NESTING) fail("INPUT_GIT", `the submodules of ${request.url} are nested too deeply`);
	const settings = await repository.settings(join(options.destination, ".gitmodules"));
	for (const [path, commit] of modules) {
		const name = [...settings].find(([key, value]) => key.endsWith(".path") && value === path)?.[0];
		const url = name === undefined ? undefined : settings.get(name.replace(/\.path$/, ".url"));
		if (url === undefined)
			return fail("INPUT_GIT", `.gitmodules of ${request.url} does not say where '${path}' is from`);
		const remote = resolveSubmodule(request.url, url);
		const { signal, cache } = options;
		const inner = new GitRepository(remote, cache, { signal, protocols });
		if ((await inner.find(commit)) === undefined) await inner.fetch({ rev: commit });
		const scratch = join(options.scratch, `module-${nesting}`);
		const destination = join(scratch, "source");
		mkdirSync(destination, { recursive: true });
		await inner.checkOut(commit, destination);
		const below = { ...options, scratch, destination };
		await addSubmodules(inner, commit, { request: { ...request, url: remote }, options: below, nesting: nesting + 1 });
		cpSync(destination, join(options.destination, path), { recursive: true, verbatimSymlinks: true });
		rmSync(scratch, { recursive: true });
	}
}

/** Relative addresses in `.gitmodules` start from that of the repository. */
function resolveSubmodule(base: string, url: string): string {
	if (!url.startsWith("./") && !url.startsWith("../")) return url;
	const parts = base.replace(/\/$/, "").split("/");
	for (const part of url.split("/")) {
		if (part === "..") parts.pop();
		else if (part !== ".") parts.push(part);
	}
	return parts.join("/");
}
