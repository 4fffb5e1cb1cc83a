/**
 * Watches single paths, whether they exist or not. An event is a hint only: whoever gets it looks at the paths himself.
 * Layer 4.
 *
 * On file systems whose changes the kernel does not see (network and user-space ones), and where the kernel has no more
 * watches to give, the paths are looked at in turn instead.
 */

import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { type FSWatcher, watch } from "chokidar";

export interface PathWatchOptions {
	/** Something may have changed. */
	readonly onEvent: () => void;
	/** Once: the kernel refuses more watches, and paths are polled from now on. `reason` is for people. */
	readonly onDegraded: (reason: string) => void;
}

/** Milliseconds between two looks where there are no events. */
const POLLING_INTERVAL = 1000;

/** Milliseconds for which the first look at the paths is waited for. */
const READY_PATIENCE = 5000;

/** Numbers of statfs(2): NFS, SMB, CIFS, SMB2, 9P, FUSE, AFS, Ceph. */
const withoutEvents: ReadonlySet<number> = new Set([
	0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x5346414f, 0x00c36400,
]);

export class PathWatch {
	readonly #options: PathWatchOptions;
	#paths: ReadonlySet<string> = new Set();
	#native: FSWatcher | undefined;
	#polled: FSWatcher | undefined;
	#degraded = false;
	#closed = false;

	constructor(options: PathWatchOptions) {
		this.#options = options;
	}

	/** Watches these paths and no others. Resolves when changes from now on are seen. */
	async set(paths: Iterable<string>): Promise<void> {
		const wanted = new Set(paths);
		const gone = [...this.#paths].filter((path) => !wanted.has(path));
		const fresh = [...wanted].filter((path) => !this.#paths.has(path));
		this.#paths = wanted;
		if (this.#closed || (gone.length === 0 && fresh.length === 0)) return;
		this.#native?.unwatch(gone);
		this.#polled?.unwatch(gone);
		const polled = fresh.filter((path) => this.#degraded || !hasEvents(path));
		const native = fresh.filter((path) => !polled.includes(path));
		await Promise.all([
			native.length === 0 ? undefined : this.#add("native", native),
			polled.length === 0 ? undefined : this.#add("polling", polled),
		]);
	}

	async close(): Promise<void> {
		this.#closed = true;
		await Promise.all([this.#native?.close(), this.#polled?.close()]);
	}

	async #add(backend: "native" | "polling", paths: readonly string[]): Promise<void> {
		const present = backend === "native" ? this.#native : this.#polled;
		if (present !== undefined) {
			present.add([...paths]);
			return;
		}
		const watcher = watch([...paths], {
			backend,
			// A folder is watched for its entries, not for what is in those.
			depth: 0,
			ignoreInitial: true,
			// A file that is replaced is seen at once, not after a wait for its return.
			atomic: false,
			ignorePermissionErrors: true,
			pollingInterval: POLLING_INTERVAL,
			pollingBinaryInterval: POLLING_INTERVAL,
		});
		if (backend === "native") this.#native = watcher;
		else this.#polled = watcher;
		watcher.on("all", () => {
			this.#options.onEvent();
		});
		watcher.on("error", (error) => {
			this.#failed(error);
		});
		// A scan that does not end must not keep the changes that are known from being given.
		await new Promise<void>((resolve) => {
			const patience = setTimeout(resolve, READY_PATIENCE);
			watcher.once("ready", () => {
				clearTimeout(patience);
				resolve();
			});
		});
	}

	#failed(error: unknown): void {
		if (this.#degraded || this.#closed) return;
		const { code } = error as NodeJS.ErrnoException;
		if (code !== "ENOSPC" && code !== "EMFILE") {
			// What cannot be watched may have changed.
			this.#options.onEvent();
			return;
		}
		this.#degraded = true;
		const paths = this.#paths;
		this.#paths = new Set();
		const native = this.#native;
		this.#native = undefined;
		void native?.close();
		void this.set(paths);
		this.#options.onDegraded(
			code === "ENOSPC"
				? "the limit of watched files is reached (sysctl fs.inotify.max_user_watches raises it)"
				: "the limit of open files is reached (ulimit -n raises it)",
		);
	}
}

/** Whether the kernel tells of changes: asked of the nearest folder that is there. */
function hasEvents(path: string): boolean {
	for (let folder = path; ; folder = dirname(folder)) {
		try {
			return !withoutEvents.has(statfsSync(folder).type);
		} catch {
			if (folder === "/") return true; // and watching will say what is wrong
		}
	}
}
