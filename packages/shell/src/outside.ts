/**
 * An environment for programs that are in no view: the project's variables, and shims first on PATH. Layer 2.
 *
 * It is computed for everybody who asks, and put in place ({@link placeOutside}) only where its content is allowed: what
 * lies there is what editors and shells run without being asked again.
 */

import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ActivationOutcome, ActivationRequest, Variables } from "./activation-request.ts";
import { aliasChanges, fishChanges, posixChanges } from "./change-script.ts";
import { applyChanges, type EnvironmentChange } from "./environment-difference.ts";
import { fishRegistration, posixRegistration } from "./live-functions.ts";
import { formatRegistration, liveFolder, type ShellRegistration } from "./live-shell.ts";
import { readEnvironment } from "./read-environment.ts";
import { shimFolder, writeShims } from "./shims.ts";
import { outsideStampPath, projectHash, writeStampFile } from "./stamp-file.ts";

/** The environment as data, for editors and other programs. Paths are as the host sees them. */
export interface EnvironmentReport {
	readonly version: 1;
	readonly project: string;
	readonly name: string;
	/** The environment's store object, and its FHS root (null: none). */
	readonly environment: string;
	readonly root: string | null;
	/** Variables with the values that they get on top of the caller's, but PATH. */
	readonly variables: Variables;
	readonly unset: readonly string[];
	/** Folders that come first on PATH. */
	readonly path: readonly string[];
	/** Folders of C and C++ headers, of libraries, and of pkg-config's files, where the root has them. */
	readonly headers: readonly string[];
	readonly libraries: readonly string[];
	readonly pkg_config: readonly string[];
	/** Files that the environment was computed from. */
	readonly watched: readonly string[];
}

export interface OutsideEnvironment {
	readonly changes: readonly EnvironmentChange[];
	readonly report: EnvironmentReport;
	/** What a shell or program that takes it says of itself. */
	readonly registration: ShellRegistration;
}

/** `request` and what {@link activate} made of it. Shims need the native helper: without one there is no folder of them. */
export function outsideEnvironment(request: ActivationRequest, outcome: ActivationOutcome): OutsideEnvironment {
	const { root } = outcome.registration;
	const hasShims = root !== null && request.paths.helper !== null;
	const folder = shimFolder(request.paths.state, projectHash(request.project));
	const described = readEnvironment(request.environment);
	const path = hasShims ? [folder] : root === null ? [...described.path] : [];
	const changes: EnvironmentChange[] = [...outcome.own];
	if (path.length > 0) changes.push({ kind: "prepend", name: "PATH", separator: ":", value: path.join(":") });
	const after = applyChanges(changes, request.caller.env);
	const named = [
		...new Set(
			changes.flatMap((each) =>
				each.kind === "unset" || each.kind === "alias" || each.name === "PATH" ? [] : [each.name],
			),
		),
	];
	const report: EnvironmentReport = {
		version: 1,
		project: request.project,
		name: outcome.registration.promptName ?? described.name,
		environment: request.environment,
		root,
		variables: Object.fromEntries(named.sort().map((name) => [name, after[name] ?? ""])),
		unset: changes.flatMap((each) => (each.kind === "unset" ? [each.name] : [])),
		path,
		...developmentFolders(root),
		watched: request.tracked.map((each) => each.path).filter((each, index, all) => all.indexOf(each) === index),
	};
	return {
		changes,
		report,
		registration: { ...outcome.registration, outside: true, swappable: false, promptName: null },
	};
}

/**
 * Writes the shims, the stamp that they enter, and the texts that the hook's shells read. Only for a content that is
 * allowed.
 */
export function placeOutside(
	request: ActivationRequest,
	outcome: ActivationOutcome,
	outside: OutsideEnvironment,
): void {
	const { state, helper, runtime } = request.paths;
	const hash = projectHash(request.project);
	const stamp = outsideStampPath(state, request.project);
	writeStampFile(stamp, outcome.content);
	const { root } = outcome.registration;
	if (root !== null && helper !== null) {
		const { path, packages } = readEnvironment(request.environment);
		const folder = shimFolder(state, hash);
		writeShims({ root, path, packages: packages.map(({ name }) => name), folder, stamp, helper });
	}
	const follows = request.live === true ? outside.registration : null;
	const of = (shell: ShellRegistration["shell"]): string => formatRegistration({ ...outside.registration, shell });
	const folder = liveFolder(runtime);
	for (const shell of ["bash", "zsh", "fish"] as const) {
		const live = follows === null ? null : { folder, registration: of(shell) };
		const text =
			shell === "fish"
				? `${fishChanges(outside.changes)}\n${aliasChanges(shell, outside.changes)}\n${live === null ? "" : fishRegistration(live)}`
				: `${posixChanges(outside.changes)}\n${aliasChanges(shell, outside.changes)}\n${live === null ? "" : posixRegistration(live)}`;
		writePrivate(outsideText(state, request.project, shell), text);
	}
}

/** The text that brings a shell of the hook to a project's environment; the same as the hook's own (hook-script.ts). */
function outsideText(state: string, project: string, shell: "bash" | "zsh" | "fish"): string {
	return `${state}/activations/${projectHash(project)}-outside/enter.${shell}`;
}

function writePrivate(file: string, text: string): void {
	mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
	const fresh = `${file}.${process.pid}`;
	writeFileSync(fresh, text, { mode: 0o600 });
	renameSync(fresh, file);
}

/** Where a root keeps what compilers and editors look for. */
function developmentFolders(root: string | null): Pick<EnvironmentReport, "headers" | "libraries" | "pkg_config"> {
	if (root === null) return { headers: [], libraries: [], pkg_config: [] };
	const names = (folder: string): string[] =>
		existsSync(`${root}${folder}`) ? readdirSync(`${root}${folder}`).sort() : [];
	const triplets = names("/usr/lib").filter((name) => /^[a-z0-9_]+-linux-gnu[a-z0-9_]*$/.test(name));
	const there = (...folders: readonly string[]): string[] =>
		folders.map((folder) => `${root}${folder}`).filter((folder) => existsSync(folder));
	const standard = names("/usr/include/c++").flatMap((version) => [
		`/usr/include/c++/${version}`,
		...triplets.map((triplet) => `/usr/include/${triplet}/c++/${version}`),
	]);
	const each = (format: (triplet: string) => string): string[] => triplets.map(format);
	return {
		headers: there(...standard, "/usr/local/include", ...each((triplet) => `/usr/include/${triplet}`), "/usr/include"),
		libraries: there("/usr/local/lib", ...each((triplet) => `/usr/lib/${triplet}`), "/usr/lib"),
		pkg_config: there(
			...each((triplet) => `/usr/lib/${triplet}/pkgconfig`),
			"/usr/lib/pkgconfig",
			"/usr/share/pkgconfig",
		),
	};
}
