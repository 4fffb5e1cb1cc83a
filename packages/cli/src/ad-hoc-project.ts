/**
 * `devenv shell -p jq`: an environment without a project, kept as a project of its own in the state folder, so that a second start
 * finds it made. All of them share one lock, which is written once. Layer 5.
 */

import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** `state`: the installation's state folder; `fresh`: forget what was pinned. */
export class AdHocProject {
	/** Its folder, with an env.yaml. */
	readonly folder: string;
	readonly #lock: string;
	readonly #shared: string;
	#isNew = false;

	constructor(state: string, packages: readonly string[], fresh: boolean) {
		const wanted = [...new Set(packages)].sort();
		const key = createHash("sha256").update(JSON.stringify(wanted)).digest("hex").slice(0, 16);
		const all = join(state, "ad-hoc");
		this.folder = join(all, key);
		this.#lock = join(this.folder, "env.lock");
		this.#shared = join(all, "env.lock");
		mkdirSync(this.folder, { recursive: true, mode: 0o700 });
		if (fresh) for (const file of [this.#shared, this.#lock]) rmSync(file, { force: true });
		const file = join(this.folder, "env.yaml");
		// A file that is written again would be evaluated again.
		if (!existsSync(file)) {
			this.#isNew = true;
			const name = wanted
				.join("-")
				.replaceAll(/[^A-Za-z0-9._-]/g, "-")
				.slice(0, 60);
			const lines = [`packages: ${JSON.stringify(wanted)}`, `name: ${JSON.stringify(name)}`, "reload: off", ""];
			replace(file, (temporary) => {
				writeFileSync(temporary, lines.join("\n"));
			});
		}
		if (!existsSync(this.#lock) && existsSync(this.#shared)) this.#copy(this.#shared, this.#lock);
	}

	/** After the environment was made: what it pinned holds for later ones. */
	keepLock(): void {
		if (!existsSync(this.#shared)) this.#copy(this.#lock, this.#shared);
	}

	/** After the environment could not be made: a name that does not exist leaves nothing behind. */
	discard(): void {
		if (this.#isNew) rmSync(this.folder, { recursive: true, force: true });
	}

	#copy(from: string, to: string): void {
		replace(to, (fresh) => {
			copyFileSync(from, fresh);
		});
	}
}

/** Two clients may do so at once. */
function replace(file: string, write: (fresh: string) => void): void {
	const fresh = `${file}.${randomBytes(6).toString("hex")}.part`;
	write(fresh);
	renameSync(fresh, file);
}
