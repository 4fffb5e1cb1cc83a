/**
 * `builtin:buildenv`: a tree of links to the files of several packages, as `nix-env` and `nix profile` ask for. Layer 3.
 *
 * Source: Nix manual, "Profiles" and `nix-env --set-flag priority`. Where two packages have the same file, the one of the smaller
 * priority number counts; with equal numbers that is an error. Folders that several have are merged.
 */

import {
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	statSync,
	symlinkSync,
	unlinkSync,
} from "node:fs";
import { fail } from "@devenv/diagnostics";
import { requiredAttribute } from "./attribute.ts";
import type { BuiltinAttributes, BuiltinContext } from "./builtin-builder.ts";

/** What concerns a package alone, or would collide in every profile. */
const leftOut = /\/(?:propagated-build-inputs|nix-support|perllocal\.pod|info\/dir|log|manifest\.nix|manifest\.json)$/;

/** Priorities of packages that other packages bring along: after all that were asked for. */
const FIRST_PROPAGATED = 1000;

interface Package {
	readonly path: string;
	readonly active: boolean;
	readonly priority: number;
}

export function buildUserEnvironment(attributes: BuiltinAttributes, context: BuiltinContext): Promise<void> {
	const packages = parsePackages(attributes);
	new Profile(context).build(packages);
	symlinkSync(requiredAttribute(attributes, "manifest"), `${context.output}/manifest.nix`);
	return Promise.resolve();
}

/** For each package: whether it is active, its priority, the number of its outputs, and these. */
function parsePackages(attributes: BuiltinAttributes): Package[] {
	const words = (attributes.env.get("derivations") ?? "").split(/[ \t\n\r]+/).filter((word) => word !== "");
	const packages: Package[] = [];
	for (let at = 0; at < words.length; ) {
		const [active, priority, count] = words.slice(at, at + 3);
		const outputs = words.slice(at + 3, at + 3 + Number(count));
		if (!/^-?\d+$/.test(priority ?? "") || !/^\d+$/.test(count ?? "") || outputs.length !== Number(count)) {
			fail("BUILTIN_ATTRIBUTE", `the derivation '${attributes.name}' has no list of packages in 'derivations'`);
		}
		for (const path of outputs) packages.push({ path, active: active !== "false", priority: Number(priority) });
		at += 3 + outputs.length;
	}
	return packages;
}

class Profile {
	readonly #context: BuiltinContext;
	/** By path in the profile. */
	readonly #priorities = new Map<string, number>();

	constructor(context: BuiltinContext) {
		this.#context = context;
	}

	build(packages: readonly Package[]): void {
		mkdirSync(this.#context.output, { mode: 0o755 });
		const done = new Set<string>();
		let postponed = new Set<string>();
		const add = (path: string, priority: number): void => {
			if (done.has(path)) return;
			done.add(path);
			this.#link(path, "", priority);
			for (const each of this.#propagated(path)) if (!done.has(each)) postponed.add(each);
		};
		const sorted = [...packages].sort((a, b) => a.priority - b.priority || (a.path < b.path ? -1 : 1));
		for (const { path, active, priority } of sorted) if (active) add(path, priority);
		let next = FIRST_PROPAGATED;
		while (postponed.size > 0) {
			const due = [...postponed].sort();
			postponed = new Set();
			for (const path of due) add(path, next++);
		}
	}

	#propagated(path: string): string[] {
		const file = `${this.#physical(path)}/nix-support/propagated-user-env-packages`;
		if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return [];
		return readFileSync(file, "utf8")
			.split(/[ \n]+/)
			.filter((word) => word !== "");
	}

	/** Links what is in a folder of the store into a folder of the profile. */
	#link(source: string, below: string, priority: number): void {
		for (const name of readdirSync(this.#physical(source)).sort()) {
			const from = `${source}/${name}`;
			if (name.startsWith(".") || leftOut.test(from)) continue;
			const info = statSync(this.#follow(from), { throwIfNoEntry: false });
			// A link that leads nowhere is no use to anybody.
			if (info === undefined) continue;
			const path = `${below}/${name}`;
			if (!(info.isDirectory() ? this.#mergeFolder(from, path, priority) : this.#makeWay(from, path, priority)))
				continue;
			symlinkSync(from, this.#context.output + path);
			this.#priorities.set(path, priority);
		}
	}

	/** True where nothing is there yet, so that one link is enough for the whole folder. */
	#mergeFolder(from: string, path: string, priority: number): boolean {
		const place = this.#context.output + path;
		const there = lstatSync(place, { throwIfNoEntry: false });
		if (there === undefined) return true;
		if (there.isSymbolicLink()) {
			const target = readlinkSync(place);
			if (statSync(this.#follow(target), { throwIfNoEntry: false })?.isDirectory() !== true)
				this.#collide(from, target);
			unlinkSync(place);
			mkdirSync(place, { mode: 0o755 });
			this.#link(target, path, this.#priorities.get(path) ?? 0);
		}
		this.#link(from, path, priority);
		return false;
	}

	/** True where the file is to be linked. */
	#makeWay(from: string, path: string, priority: number): boolean {
		const place = this.#context.output + path;
		const there = lstatSync(place, { throwIfNoEntry: false });
		if (there === undefined) return true;
		if (!there.isSymbolicLink()) this.#collide(from, path);
		const before = this.#priorities.get(path) ?? 0;
		if (before === priority) {
			fail("BUILD_COLLISION", `packages '${readlinkSync(place)}' and '${from}' have the same priority ${priority}`, {
				hint: "`nix-env --set-flag priority NUMBER PACKAGE` says which of them counts: the smaller number",
			});
		}
		if (before < priority) return false;
		unlinkSync(place);
		return true;
	}

	#collide(one: string, other: string): never {
		fail("BUILD_COLLISION", `'${one}' and '${other}' collide: one is a folder and the other is not`);
	}

	#physical(path: string): string {
		return this.#context.physical(path);
	}

	/** Where a path leads: links of the store name logical paths. */
	#follow(path: string): string {
		let current = path;
		for (let steps = 0; steps < 40; steps++) {
			const file = current.startsWith("/") ? this.#inStore(current) : current;
			const info = lstatSync(file, { throwIfNoEntry: false });
			if (info?.isSymbolicLink() !== true) return file;
			const target = readlinkSync(file);
			current = target.startsWith("/") ? target : `${current.slice(0, current.lastIndexOf("/"))}/${target}`;
		}
		return "";
	}

	#inStore(path: string): string {
		try {
			return this.#physical(path);
		} catch {
			return path; // a link out of the store
		}
	}
}
