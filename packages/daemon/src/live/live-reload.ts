/**
 * Finds the open shells and has each project's followed. Layer 4: see {@link ProjectFollower} for what that means and
 * live-shell.ts of @devenv/shell for how shells are found.
 */

import { type LiveShellProcess, listLiveShells, makeLiveFolder } from "@devenv/shell";
import { type FollowerOptions, ProjectFollower } from "./project-follower.ts";
import { PathWatch } from "./path-watch.ts";

export interface LiveReloadOptions extends Omit<FollowerOptions, "project" | "folder"> {
	/** The installation's private runtime folder. */
	readonly runtime: string;
	/** The number of shells may have changed. */
	readonly onShells: () => void;
}

/** Milliseconds after which shells that ended without a word are noticed. */
const SWEEP = 10_000;

export class LiveReload {
	readonly #options: LiveReloadOptions;
	readonly #folder: string;
	readonly #watch: PathWatch;
	readonly #followers = new Map<string, ProjectFollower>();
	#sweep: NodeJS.Timeout | undefined;
	#closed = false;

	private constructor(options: LiveReloadOptions) {
		this.#options = options;
		this.#folder = makeLiveFolder(options.runtime);
		this.#watch = new PathWatch({
			onEvent: () => {
				this.#find();
			},
			onDegraded: (reason) => {
				options.log.write("warning", "watch-degraded", { reason });
			},
		});
	}

	/** Resolves when shells that start from now on are noticed, and those that run are followed. */
	static async start(options: LiveReloadOptions): Promise<LiveReload> {
		const live = new LiveReload(options);
		await live.#watch.set([live.#folder]);
		live.#find();
		return live;
	}

	/** How many shells are followed. */
	get shells(): number {
		let sum = 0;
		for (const follower of this.#followers.values()) sum += follower.size;
		return sum;
	}

	/** How many shells of a project are followed. */
	shellsOf(project: string): number {
		return this.#followers.get(project)?.size ?? 0;
	}

	/** Brings a project's shells to what its files say; how many there are, and what changed, for people. */
	async reload(project: string): Promise<{ readonly shells: number; readonly summary: string }> {
		this.#find();
		const follower = this.#followers.get(project);
		if (follower === undefined) return { shells: 0, summary: "" };
		return { shells: follower.size, summary: await follower.reload() };
	}

	async close(): Promise<void> {
		this.#closed = true;
		clearTimeout(this.#sweep);
		await this.#watch.close();
		await Promise.all([...this.#followers.values()].map((follower) => follower.close()));
	}

	/** Looks for shells; what goes wrong with that must not end the daemon. */
	#find(): void {
		if (this.#closed) return;
		clearTimeout(this.#sweep);
		this.#sweep = setTimeout(() => {
			this.#find();
		}, SWEEP).unref();
		try {
			this.#lookThrough();
		} catch (error) {
			this.#report(error);
		}
	}

	#report(error: unknown): void {
		const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
		this.#options.log.write("error", "bug", { message: "live reload", stack });
	}

	#lookThrough(): void {
		const before = this.shells;
		const projects = Map.groupBy(listLiveShells(this.#folder), ({ project }: LiveShellProcess) => project);
		for (const [project, follower] of this.#followers) {
			if (projects.has(project)) continue;
			this.#followers.delete(project);
			follower.close().catch((error: unknown) => {
				this.#report(error);
			});
		}
		for (const [project, shells] of projects) {
			let follower = this.#followers.get(project);
			if (follower === undefined) {
				follower = new ProjectFollower({ ...this.#options, project, folder: this.#folder });
				this.#followers.set(project, follower);
			}
			follower.setShells(shells);
		}
		if (this.shells !== before) this.#options.onShells();
	}
}
