/**
 * Stage one of a root: its packages merged and configured, or the same from what is kept. Layer 3.
 *
 * Three ways to one result: a tree that was made beforehand; the packages merged and a kept outcome of the scripts applied; the
 * packages merged and the scripts run.
 */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuiltinContext } from "../builtin-builder.ts";
import type { ComposeRootAttributes } from "../compose-root-attributes.ts";
import { makeBaseLayout } from "./base-layout.ts";
import { configureFirstStage, type ConfigureOptions } from "./configure-packages.ts";
import { parseDiversions } from "./diversions.ts";
import { writeDpkgDatabase } from "./dpkg-database.ts";
import { readInRoot } from "./inside-root.ts";
import type { Recipe } from "./ready-stage.ts";
import type { RootPackage } from "./root-package.ts";
import { RootTree, type RootTreeOptions } from "./root-tree.ts";
import { type KeptStage, StageCache, type StageOutcome } from "./stage-cache.ts";
import { applyChanges, changesOf, makeAllCanonical, nameChangedFiles, sharedFiles } from "./tree-changes.ts";

/** A root whose first stage is complete. */
export interface FirstStage {
	readonly tree: RootTree;
	/** What the stubs noted. */
	readonly notes: Pick<StageOutcome, "deferred" | "calls">;
	/** For a further tree like this one; absent where the outcome is not kept. */
	readonly recipe?: Recipe<FirstStage>;
	/** To be called when the composition is over. */
	readonly release?: () => void;
}

export interface FirstStageOptions extends Omit<ConfigureOptions, "tree"> {
	/** In the order of configuration. */
	readonly packages: readonly RootPackage[];
	/** Host folder; not there yet. */
	readonly root: string;
}

/** Rejects as {@link configureFirstStage} does, and with `COMPOSE_CONFLICT`. */
export async function composeFirstStage(options: FirstStageOptions): Promise<FirstStage> {
	const { attributes, context, packages, root } = options;
	const { signal } = context;
	const treeOptions: RootTreeOptions = {
		root,
		onNote: (line) => {
			context.log(line);
		},
		signal,
	};
	const key = stageKey(attributes, packages);
	const ready = context.readyStage?.take(key);
	if (ready !== undefined) {
		const { tree, notes, recipe } = ready.value;
		tree.moveTo(treeOptions);
		context.log(`the first ${packages.length} packages were merged and configured beforehand`);
		return { tree, notes, ...(recipe === undefined ? {} : { recipe }), release: ready.remove };
	}
	const tree = await mergeFirstStage(treeOptions, packages);
	if (packages.length === 0 && attributes.preConfigure === undefined) {
		noticeScripts(tree, []);
		return { tree, notes: { deferred: [], calls: [] } };
	}
	const cache = openCache(context);
	const files = join(context.scratch, "stage-files");
	mkdirSync(files);
	const kept = await cache?.take(key, files);
	if (kept !== undefined) {
		context.log(`the scripts of ${packages.length} packages have run before: ${kept.outcome.changes.length} changes`);
		await applyKept(tree, kept, signal);
	}
	const recipe = cache && { key, prepare: preparation(cache, key, packages) };
	const notes = kept?.outcome ?? (await runScripts({ ...options, tree }, (stage) => cache?.put(key, stage), files));
	return { tree, notes, ...(recipe === undefined ? {} : { recipe }) };
}

async function mergeFirstStage(options: RootTreeOptions, packages: readonly RootPackage[]): Promise<RootTree> {
	mkdirSync(options.root, 0o755);
	const tree = new RootTree(options);
	await tree.merge(packages);
	makeBaseLayout(options.root);
	await writeDpkgDatabase(tree);
	return tree;
}

/** @param files an empty folder for further names of changed files */
async function runScripts(
	options: ConfigureOptions,
	keep: (stage: KeptStage) => Promise<void> | undefined,
	files: string,
): Promise<FirstStage["notes"]> {
	const { tree } = options;
	const { listing, ...notes } = await configureFirstStage(options);
	if (listing === undefined) {
		makeAllCanonical(tree.root);
		noticeScripts(tree, undefined);
		return notes;
	}
	const outcome: StageOutcome = { changes: changesOf(tree.root, listing), ...notes };
	const stage: KeptStage = { outcome, files: nameChangedFiles(tree.root, outcome.changes, files) };
	await keep(stage);
	noticeOutcome(tree, stage);
	return notes;
}

/** Makes a tree from a kept outcome; the signal ends it early. */
function preparation(
	cache: StageCache,
	key: string,
	packages: readonly RootPackage[],
): (folder: string, signal: AbortSignal) => Promise<FirstStage | undefined> {
	const prepare = async (folder: string, signal: AbortSignal): Promise<FirstStage | undefined> => {
		const files = join(folder, "files");
		mkdirSync(files);
		const kept = await cache.take(key, files);
		if (kept === undefined) return undefined;
		const tree = await mergeFirstStage({ root: join(folder, "tree"), onNote: () => undefined, signal }, packages);
		await applyKept(tree, kept, signal);
		return { tree, notes: kept.outcome, recipe: { key, prepare } };
	};
	return prepare;
}

async function applyKept(tree: RootTree, stage: KeptStage, signal: AbortSignal): Promise<void> {
	await applyChanges(tree.root, stage.outcome.changes, { files: stage.files, signal });
	noticeOutcome(tree, stage);
}

/** Looks up what scripts removed of the packages' paths (among `suspects`, if given), and what they diverted. */
function noticeScripts(tree: RootTree, suspects: readonly string[] | undefined): void {
	const diversions = readInRoot(tree.root, "var/lib/dpkg/diversions")?.toString("latin1") ?? "";
	tree.afterScripts(suspects, parseDiversions(diversions));
}

/** Of an outcome that is in the tree: what it removed, and which files share their inodes. */
function noticeOutcome(tree: RootTree, { outcome: { changes }, files }: KeptStage): void {
	noticeScripts(
		tree,
		changes.map(({ path }) => path),
	);
	for (const { kind, path } of changes) if (kind === "file") tree.linked.delete(path);
	for (const [path, file] of sharedFiles(tree.root, changes, files)) tree.linked.set(path, file);
}

function openCache(context: BuiltinContext): StageCache | undefined {
	const { cache, sandbox } = context;
	/* Only an overlay shows what scripts changed. */
	if (cache === undefined || sandbox.kind !== "helper") return undefined;
	return StageCache.open(join(cache, "stages"), (line) => {
		context.log(line);
	});
}

/** The hash of all that stage one's outcome depends on, this program's own text included. */
function stageKey(attributes: ComposeRootAttributes, packages: readonly RootPackage[]): string {
	const { architecture, locales = [], maintainerScripts = {}, preConfigure = null } = attributes;
	const { skip = [], allowFailure = [], stub = [] } = maintainerScripts;
	const names = new Set(packages.map(({ name }) => name));
	const among = (list: readonly string[]): string[] => list.filter((name) => names.has(name)).sort();
	return createHash("sha256")
		.update(
			JSON.stringify({
				text: ownText,
				packages: packages.map(({ name, path }) => [name, path]),
				architecture,
				locales,
				preConfigure,
				skip: among(skip),
				allowFailure: among(allowFailure),
				stub: [...stub].sort(),
			}),
		)
		.digest("hex");
}

/**
 * A hash of this folder's modules, and of those beside it that say what an unpacked package looks like. Of when they were loaded:
 * an installation can be replaced while its daemon runs.
 */
const ownText: string = hashOwnText();

function hashOwnText(): string {
	const hash = createHash("sha256");
	for (const folder of [import.meta.dirname, join(import.meta.dirname, "..")]) {
		for (const name of readdirSync(folder).sort()) {
			if (name.endsWith(".ts")) hash.update(`${name}\n`).update(readFileSync(join(folder, name)));
		}
	}
	return hash.digest("hex");
}
