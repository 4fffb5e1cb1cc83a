/**
 * Which changes of a project open shells may take without being asked. Layer 2.
 *
 * Typing `devenv shell` is consent to what the files say then. What they say later is taken where the user allowed that
 * very content (whatever folder it lies in: a second worktree needs no second consent), or everything that this folder
 * will ever say. A denial holds until it is taken back. Nothing of this lies in the project, which could plant it.
 */

import { createHash, randomBytes } from "node:crypto";
import {
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { unreachable } from "@devenv/diagnostics";
import type { TrackedPath } from "./activation-request.ts";
import { projectHash } from "./stamp-file.ts";

/** What the user decided of a folder. */
export type FolderDecision = "always" | "denied";

const version = 1;

export class Trust {
	readonly #folder: string;

	/** `state`: the installation's state folder. */
	constructor(state: string) {
		this.#folder = join(state, "trust");
	}

	/** Why a project's environment of that content has to wait, for people; null: it may be taken. */
	hold(project: string, digest: string): string | null {
		const decision = this.decision(project);
		switch (decision) {
			case "always":
				return null;
			case "denied":
				return "not taken, since `devenv revoke` was used here";
			case null:
				return this.#has(digest)
					? null
					: "`devenv allow` takes it (`devenv allow --always`: and all later changes here)";
			default:
				return unreachable(decision);
		}
	}

	/** What was decided of the folder itself; null: nothing. */
	decision(project: string): FolderDecision | null {
		let value: unknown;
		try {
			value = JSON.parse(readFileSync(this.#file(project), "utf8"));
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
			if (error instanceof SyntaxError) return null; // damaged: nobody has allowed anything
			throw error;
		}
		if (typeof value !== "object" || value === null) return null;
		const found = value as Readonly<Record<string, unknown>>;
		// The file's name is a hash, so that it says which folder it means.
		if (found["version"] !== version || found["project"] !== project) return null;
		return found["decision"] === "always" || found["decision"] === "denied" ? found["decision"] : null;
	}

	/** The file that is there where a content is allowed. */
	contentFile(digest: string): string {
		return join(this.#folder, "contents", digest);
	}

	/** Allows a content, in this folder and every other; an earlier denial of the folder is over. */
	allow(project: string, digest: string): void {
		if (this.decision(project) === "denied") rmSync(this.#file(project), { force: true });
		this.#write(this.contentFile(digest), "");
		this.#write(join(this.#folder, "hints", contentHint(project)), "");
		this.#tell();
	}

	/** Decides on everything that the folder will ever say. */
	decide(project: string, decision: FolderDecision): void {
		this.#write(this.#file(project), `${JSON.stringify({ version, project, decision })}\n`);
		this.#tell();
	}

	/** Takes no change of the folder any more, whatever was allowed. */
	revoke(project: string): void {
		this.decide(project, "denied");
	}

	/** Shells with the hook read this file before each prompt, to look again after a decision. */
	#tell(): void {
		this.#write(join(this.#folder, "changed"), `${randomBytes(9).toString("hex")}\n`);
	}

	#has(digest: string): boolean {
		return lstatSync(this.contentFile(digest), { throwIfNoEntry: false })?.isFile() === true;
	}

	/** native/consent.c finds and reads it too. Two folders with the same hash share a file, which says which of them it means. */
	#file(project: string): string {
		return join(this.#folder, "folders", `${projectHash(project)}.json`);
	}

	#write(file: string, text: string): void {
		mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
		const fresh = `${file}.${process.pid}.part`;
		writeFileSync(fresh, text, { mode: 0o600 });
		renameSync(fresh, file);
	}
}

/**
 * 16 hex digits for what a project's own three files say, by which the native helper tells a content that was certainly never
 * allowed from one that may have been, without evaluating anything (content_hint of native/consent.c does the same). Two
 * FNV-1a hashes of 32 bits; whoever finds a collision gets his project evaluated, not entered.
 */
function contentHint(project: string): string {
	const seeds = [0x811c9dc5, 0x9747b28c];
	const add = (bytes: Uint8Array): void => {
		for (const [lane, seed] of seeds.entries()) {
			let hash = seed;
			for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
			seeds[lane] = hash;
		}
	};
	for (const name of ["env.yaml", "env.local.yaml", "env.lock"]) {
		const path = join(project, name);
		const info = statSync(path, { throwIfNoEntry: false });
		const content = info?.isFile() === true && info.size <= HINT_LIMIT ? readFileSync(path) : undefined;
		add(content === undefined ? Buffer.of(0) : Buffer.concat([Buffer.of(1), content, Buffer.of(0)]));
	}
	return seeds.map((seed) => seed.toString(16).padStart(8, "0")).join("");
}

/** Bytes; env-file refuses larger ones. */
const HINT_LIMIT = 1 << 20;

/**
 * A hash of everything that evaluation read outside the store: env.yaml and env.lock among it. Paths in the project count
 * from its folder, so that equal worktrees have equal digests.
 */
export function contentDigest(project: string, reads: readonly TrackedPath[]): string {
	const entries = reads.map((read) => {
		const inside = relative(project, read.path);
		return JSON.stringify([inside.startsWith("..") ? read.path : inside, read.kind, contentOf(read)]);
	});
	const all = [...new Set(entries)].sort();
	return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}

/** What a path says, in a form that tells it from every other state: a digest, a listing, a target, or the error of reading it. */
export function contentOf({ kind, path }: TrackedPath): string {
	try {
		switch (kind) {
			case "absent":
				return "";
			case "link":
				return readlinkSync(path);
			case "directory":
				return JSON.stringify(readdirSync(path).sort());
			case "file":
				return createHash("sha256").update(readFileSync(path)).digest("hex");
			default:
				return unreachable(kind);
		}
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === undefined) throw error;
		return code; // it is going just now, and nobody has allowed that
	}
}
