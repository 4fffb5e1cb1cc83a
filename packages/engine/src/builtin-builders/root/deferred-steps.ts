/**
 * What is done once for a stage after its last maintainer script: calls that stubs noted, caches, locales. Layer 3.
 */

import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import type { ComposeRootAttributes } from "../compose-root-attributes.ts";
import { placeInRoot } from "./inside-root.ts";
import { certificateStep } from "./native-hooks.ts";
import { quoteWord, type ScriptStep } from "./script-driver.ts";

export interface DeferredOptions {
	readonly root: string;
	readonly attributes: ComposeRootAttributes;
	/** Lines of the deferred stubs: command and arguments, separated by tabs. */
	readonly deferred: readonly string[];
}

export interface LaterOptions extends DeferredOptions {
	/** Those lines that stubs have noted since the first stage. */
	readonly deferredSince: readonly string[];
	/** Paths that packages have brought since then. */
	readonly pathsSince: readonly string[];
}

/** After the first stage's scripts. */
export function firstDeferredSteps({ root, attributes, deferred }: DeferredOptions): readonly ScriptStep[] {
	const calls = parseCalls(deferred);
	return [
		...(isCalled(calls, "fc-cache") ? [fontCache] : []),
		...localeSteps(root, attributes),
		...(isCalled(calls, ...pythonCompilers) ? [compileFolders(compiledFolders(calls))] : []),
		...certificateSteps(root),
		...linkerSteps(root),
	];
}

/** With everything there: what is not as the first stage left it. */
export function laterDeferredSteps(options: LaterOptions): readonly ScriptStep[] {
	const { root, attributes, pathsSince } = options;
	const since = parseCalls(options.deferredSince);
	const calls = parseCalls(options.deferred);
	const brings = (pattern: RegExp): boolean => pathsSince.some((path) => pattern.test(path));
	const steps: ScriptStep[] = [];
	if (isCalled(since, "fc-cache") || (isCalled(calls, "fc-cache") && brings(fontPaths))) steps.push(fontCache);
	if (attributes.postConfigure !== undefined) {
		steps.push({ kind: "shell", label: "postConfigure", text: attributes.postConfigure });
	}
	if (brings(/^usr\/share\/i18n\//)) steps.push(...localeSteps(root, attributes));
	if (isCalled(since, ...pythonCompilers)) steps.push(compileFolders(calledFolders(since)));
	const modules = pathsSince.filter((path) => /\.py$/.test(path) && !/[\n\r]/.test(path));
	steps.push(...compileLibraries(root, modules));
	if (isCalled(calls, ...pythonCompilers)) {
		const folders = compiledFolders(calls);
		const among = modules.filter((path) => folders.some((folder) => `/${path}`.startsWith(`${folder}/`)));
		if (among.length > 0) steps.push(compileFiles("python modules", "/usr/bin/python3", among));
	}
	if (brings(/^usr\/share\/ca-certificates\//)) steps.push(...certificateSteps(root));
	if (isCalled(since, "ldconfig") || brings(libraryPaths)) steps.push(...linkerSteps(root));
	return steps;
}

type Call = readonly string[];

const pythonCompilers = ["py3compile", "pypy3compile", "pycompile"];
const fontPaths = /^(?:usr\/(?:local\/)?share\/fonts|etc\/fonts|usr\/share\/fontconfig)\//;
const libraryPaths = /\.so(?:\.[^/]*)?$|^etc\/ld\.so\.conf/;

function parseCalls(lines: readonly string[]): readonly Call[] {
	return lines.map((line) => line.split("\t"));
}

function isCalled(calls: readonly Call[], ...names: readonly string[]): boolean {
	return calls.some(([name]) => names.includes(name ?? ""));
}

function linkerSteps(root: string): ScriptStep[] {
	if (lstatSync(placeInRoot(root, "usr/sbin/ldconfig"), { throwIfNoEntry: false }) === undefined) return [];
	/* Its own cache of what it has looked at goes by inodes and times. */
	return [{ kind: "shell", label: "ldconfig", text: "/usr/sbin/ldconfig --ignore-aux-cache" }];
}

function certificateSteps(root: string): ScriptStep[] {
	const step = certificateStep(root);
	return step === undefined ? [] : [step];
}

/**
 * The cache holds the folders' times, which the store will set to 1. Every program that lists fonts writes it where it is missing;
 * fc-cache would sleep for two seconds after that.
 */
const fontCache: ScriptStep = {
	kind: "shell",
	label: "font cache",
	text: [
		"for folder in /usr/share/fonts /usr/local/share/fonts; do",
		'	if [ -d "$folder" ]; then find "$folder" -type d -exec touch -d @1 {} +; fi',
		"done",
		"rm -rf /var/cache/fontconfig",
		"mkdir -p /var/cache/fontconfig",
		"/usr/bin/fc-list >/dev/null",
	].join("\n"),
};

const compile = "-m compileall -q --invalidation-mode unchecked-hash";

/** Folders of modules outside the standard library that packages' scripts name. */
function calledFolders(calls: readonly Call[]): readonly string[] {
	const folders = new Set<string>();
	for (const [command, ...words] of calls) {
		if (command !== "py3compile") continue;
		for (const word of words)
			if (/^\/(?:usr\/(?:share|lib)|opt)\/[^*?]+$/.test(word) && !word.includes("..")) folders.add(word);
	}
	return [...folders].sort();
}

function compiledFolders(calls: readonly Call[]): readonly string[] {
	return [...new Set(["/usr/lib/python3/dist-packages", ...calledFolders(calls)])].sort();
}

/** Byte code for modules outside the standard library, which compiles itself; a root is never written, so now or never. */
function compileFolders(folders: readonly string[]): ScriptStep {
	return {
		kind: "shell",
		label: "python modules",
		text: [
			"if [ -x /usr/bin/python3 ]; then",
			`	for folder in ${folders.map(quoteWord).join(" ")}; do`,
			/* Some modules are for other versions and do not compile: py3compile passes over them too. */
			`		if [ -d "$folder" ]; then /usr/bin/python3 ${compile} -j 2 "$folder" || true; fi`,
			"	done",
			"fi",
		].join("\n"),
	};
}

/** Modules that came to a standard library after it compiled itself. */
function compileLibraries(root: string, modules: readonly string[]): ScriptStep[] {
	const byLibrary = Map.groupBy(modules, (path) => /^usr\/lib\/(python3\.\d+)\//.exec(path)?.[1]);
	const steps: ScriptStep[] = [];
	for (const [name, paths] of byLibrary) {
		if (name === undefined || lstatSync(placeInRoot(root, `usr/bin/${name}`), { throwIfNoEntry: false }) === undefined)
			continue;
		steps.push(compileFiles(`${name} standard library`, `/usr/bin/${name} -E -S -I`, paths));
	}
	return steps;
}

function compileFiles(label: string, python: string, paths: readonly string[]): ScriptStep {
	const names = paths.map((path) => quoteWord(`/${path}`)).join(" ");
	const text = `if [ -x /usr/bin/python3 ]; then printf '%s\\n' ${names} | ${python} ${compile} -j 1 -i - || true; fi`;
	return { kind: "shell", label, text };
}

function localeSteps(root: string, attributes: ComposeRootAttributes): ScriptStep[] {
	const locales = localeCommands(root, attributes.locales ?? []);
	return locales.length === 0 ? [] : [{ kind: "shell", label: "locales", text: locales.join("\n") }];
}

/** `en_US.UTF-8` → a localedef call. Fails with `COMPOSE_LOCALE` on a name that glibc does not know. */
function localeCommands(root: string, locales: readonly string[]): string[] {
	if (locales.length === 0 || !existsSync(join(root, "usr/share/i18n/locales"))) return [];
	const commands: string[] = [];
	for (const locale of new Set(locales)) {
		const match = /^([a-z]{2,3}(?:_[A-Z]{2})?)(?:\.([A-Za-z0-9-]+))?(@[a-z]+)?$/.exec(locale);
		if (match === null || !existsSync(join(root, "usr/share/i18n/locales", `${match[1]}${match[3] ?? ""}`))) {
			fail("COMPOSE_LOCALE", `there is no locale '${locale}' in Debian`, {
				hint: "'locale -a' on the host lists names in use",
			});
		}
		const charset = match[2] ?? "ISO-8859-1";
		const input = `${match[1]}${match[3] ?? ""}`;
		commands.push(
			`/usr/bin/localedef --no-archive --inputfile=${input} --charmap=${/^utf-?8$/i.test(charset) ? "UTF-8" : charset} ${quoteWord(locale)}`,
		);
	}
	return commands;
}
