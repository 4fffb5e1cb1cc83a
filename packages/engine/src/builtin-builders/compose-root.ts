/**
 * `builtin:compose-root`: the closure of an environment as one root folder, configured. Layer 3.
 *
 * Stage one, of the packages whose scripts do something and of what those depend on: merge (hard links) → base layout and dpkg's
 * database → maintainer scripts in the sandbox. Stage two, of the rest: merge → triggers and caches → cleaning → check that no
 * shared inode was written. The outcome of stage one is kept; the same packages give the same bytes, whoever composes them and
 * wherever, and whether a kept outcome was there or not.
 */

import { lstatSync, mkdirSync, readlinkSync, statfsSync, symlinkSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { DiagnosticError, fail } from "@devenv/diagnostics";
import { diskFull } from "../system-failure.ts";
import type { BuiltinAttributes, BuiltinContext } from "./builtin-builder.ts";
import { decodeComposeRootAttributes } from "./compose-attributes-decoder.ts";
import type { ComposeMember, ComposeRootAttributes } from "./compose-root-attributes.ts";
import { makeBaseLayout } from "./root/base-layout.ts";
import { cleanRoot } from "./root/clean-root.ts";
import { configureSecondStage, type ConfigureOptions, scriptDeadline } from "./root/configure-packages.ts";
import { completeDpkgDatabase } from "./root/dpkg-database.ts";
import { composeFirstStage, type FirstStage } from "./root/first-stage.ts";
import { writeJavaKeyStore } from "./root/native-hooks.ts";
import { readRootPackage, type RootPackage } from "./root/root-package.ts";
import type { RootTree } from "./root/root-tree.ts";
import { splitStages, type Stages } from "./root/stages.ts";

/** Bytes that are free on any disk that is not full. */
const leastSpace = 1024 * 1024;

/** Rejects with `COMPOSE_*`, `SANDBOX_*`, `DISK_FULL` or `BUILTIN_ATTRIBUTE`. */
export async function composeRoot(attributes: BuiltinAttributes, context: BuiltinContext): Promise<void> {
	const decoded = decodeComposeRootAttributes(attributes);
	const packages = configurationOrder(decoded, (member) => readRootPackage(member, context.physical(member.path)));
	const stages = splitStages(packages);
	context.progress({ phase: "merge", done: 0, total: packages.length, unit: "packages" });
	const options = { attributes: decoded, context, deadline: scriptDeadline(decoded) };
	context.readyStage?.begin();
	let first: FirstStage | undefined;
	try {
		first = await composeFirstStage({ ...options, root: context.output, packages: stages.first });
		context.signal.throwIfAborted();
		await composeSecondStage({ ...options, tree: first.tree }, first, stages);
	} finally {
		first?.release?.();
		context.readyStage?.end(first?.recipe);
	}
}

async function composeSecondStage(options: ConfigureOptions, { notes }: FirstStage, stages: Stages): Promise<void> {
	const { attributes, context, tree } = options;
	const { root } = tree;
	await tree.merge(stages.second);
	context.log(`merged ${tree.packages.length} packages: ${tree.size} paths, ${tree.linked.size} shared files`);
	makeBaseLayout(root);
	await completeDpkgDatabase(tree, stages.second);
	await configureSecondStage(options, notes, stages);
	context.progress({ phase: "finish", done: 0, unit: "files" });
	makeLinks(root, attributes);
	writeJavaKeyStore(root);
	cleanRoot(root);
	checkSharedInodes(tree);
	requireSpace(root);
}

/** Scripts may pass over a write that failed: where hardly anything more fits, the root cannot be trusted to be whole. */
function requireSpace(root: string): void {
	const { bavail, bsize } = statfsSync(root);
	if (bavail * bsize < leastSpace) throw new DiagnosticError(diskFull());
}

/** Of a cycle of dependencies, packages without a postinst are configured as soon as they are unpacked. */
function configurationOrder(
	attributes: ComposeRootAttributes,
	read: (member: ComposeMember) => RootPackage,
): readonly RootPackage[] {
	const seen = new Set<string>();
	const order: RootPackage[] = [];
	for (const entry of attributes.packages) {
		const group = (Array.isArray(entry) ? (entry as readonly ComposeMember[]) : [entry as ComposeMember]).map(read);
		const silent = group.filter(({ controlFiles }) => !controlFiles.has("postinst"));
		const rest = group.filter(({ controlFiles }) => controlFiles.has("postinst"));
		for (const rootPackage of [...silent, ...rest]) {
			if (seen.has(rootPackage.infoName)) {
				fail("COMPOSE_TWICE", `the package '${rootPackage.name}' is in the root twice`);
			}
			seen.add(rootPackage.infoName);
			order.push(rootPackage);
		}
	}
	return order;
}

function makeLinks(root: string, { links = {}, optionalLinks = {} }: ComposeRootAttributes): void {
	for (const [path, target] of Object.entries(links)) {
		const { place, obstacle } = placeOfLink(root, path);
		if (obstacle !== undefined)
			fail("COMPOSE_LINK", `the link '${path}' would lie in '${obstacle}', which is no folder`);
		const there = lstatSync(place, { throwIfNoEntry: false });
		if (there?.isSymbolicLink() === true && readlinkSync(place) === target) continue;
		if (there !== undefined)
			fail("COMPOSE_LINK", `the root has '${path}' already, so the link to '${target}' cannot be made`);
		placeLink(target, place);
	}
	for (const [path, target] of Object.entries(optionalLinks)) {
		const { place, obstacle } = placeOfLink(root, path);
		if (obstacle !== undefined || lstatSync(place, { throwIfNoEntry: false }) !== undefined) continue;
		placeLink(target, place);
	}
}

/** Where a link would lie; `obstacle` is what lies above it and is no folder. */
function placeOfLink(root: string, path: string): { readonly place: string; readonly obstacle?: string } {
	const relative = normalize(path).replace(/^\/+/, "");
	if (!path.startsWith("/") || relative === "" || relative.split("/").includes("..")) {
		fail("COMPOSE_LINK", `the link '${path}' is no absolute path`);
	}
	const place = join(root, relative);
	let above = root;
	for (const part of dirname(relative).split("/")) {
		above = join(above, part);
		const info = lstatSync(above, { throwIfNoEntry: false });
		if (info === undefined) break;
		if (!info.isDirectory()) return { place, obstacle: part };
	}
	return { place };
}

function placeLink(target: string, place: string): void {
	mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
	symlinkSync(target, place);
}

/** A write to a shared inode would have changed a package in the store, or other roots; it cannot happen, and is looked for all the same. */
function checkSharedInodes(tree: RootTree): void {
	for (const [path, { source, size, modified }] of tree.linked) {
		const now = lstatSync(source);
		if (now.size === size && now.mtimeMs === modified) continue;
		fail(
			"COMPOSE_SHARED_WRITE",
			`a maintainer script changed /${path}, which belongs to the store object ${String(source)}`,
			{
				hint: "the object's contents are no longer what they were: verify the store and have it repaired",
			},
		);
	}
}
