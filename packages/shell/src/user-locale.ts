/**
 * The caller's locale inside the view. A root has few locales; a missing one is compiled once with the root's own
 * localedef (the format belongs to its libc), from the root's or the host's sources, else C.UTF-8 takes its place. Layer 2.
 */

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { type Diagnostic, diagnose } from "@devenv/diagnostics";
import type { Variables } from "./activation-request.ts";
import type { EnvironmentChange } from "./environment-difference.ts";
import { hostTree } from "./host-tree.ts";

/** The variables that name locales. */
export const localeVariables: readonly string[] = [
	"LANG",
	"LC_ALL",
	"LC_ADDRESS",
	"LC_COLLATE",
	"LC_CTYPE",
	"LC_IDENTIFICATION",
	"LC_MEASUREMENT",
	"LC_MESSAGES",
	"LC_MONETARY",
	"LC_NAME",
	"LC_NUMERIC",
	"LC_PAPER",
	"LC_TELEPHONE",
	"LC_TIME",
];

export interface LocaleRequest {
	/** Physical path of the root object. */
	readonly root: string;
	readonly environment: Variables;
	/** Folder that keeps compiled locales, one folder per libc in it. */
	readonly cache: string;
	/** Runs a program in the view and waits for its end, however it ends. */
	readonly runInView: (program: string, args: readonly string[]) => Promise<void>;
}

export interface LocaleOutcome {
	readonly changes: readonly EnvironmentChange[];
	readonly diagnostics: readonly Diagnostic[];
}

const builtIn = /^(|C|POSIX|C\.(utf-?8|UTF-?8))$/;

/** A locale's name in glibc's own spelling: `de_DE.UTF-8` → `de_DE.utf8`; null for what cannot be a name. */
function normalizeLocale(name: string): string | null {
	const match = /^([A-Za-z]{2,8}(?:_[A-Za-z]{2,4})?)(?:\.([A-Za-z0-9-]+))?(@[A-Za-z0-9]+)?$/.exec(name);
	if (match === null) return null;
	const [, language = "", codeset, modifier = ""] = match;
	return `${language}${codeset === undefined ? "" : `.${codeset.toLowerCase().replaceAll("-", "")}`}${modifier}`;
}

/** What makes the caller's locales exist in the view. */
export async function provideLocales(request: LocaleRequest): Promise<LocaleOutcome> {
	const wanted = new Map<string, string>();
	for (const variable of localeVariables) {
		const value = request.environment[variable];
		if (value !== undefined && !builtIn.test(value)) wanted.set(variable, value);
	}
	const names = [...new Set(wanted.values())].filter((name) => !rootHas(request.root, name));
	if (names.length === 0) return { changes: [], diagnostics: [] };
	const folder = `${request.cache}/${libcName(request.root)}`;
	const missing: string[] = [];
	for (const name of names) if (!(await compile(name, folder, request))) missing.push(name);
	const changes: EnvironmentChange[] = [];
	if (missing.length < names.length) {
		// With LOCPATH set glibc looks nowhere else, so the root's own locales have to be in it.
		changes.push({ kind: "set", name: "LOCPATH", value: `${folder}:/usr/lib/locale` });
	}
	for (const [variable, value] of wanted) {
		if (missing.includes(value)) changes.push({ kind: "set", name: variable, value: "C.UTF-8" });
	}
	const diagnostics = missing.map((name) =>
		diagnose("SHELL_LOCALE", `the locale ${name} does not exist in the environment; C.UTF-8 takes its place`, {
			severity: "warning",
			hint: "add 'locales' to the packages of env.yaml",
		}),
	);
	return { changes, diagnostics };
}

function rootHas(root: string, name: string): boolean {
	const normal = normalizeLocale(name);
	if (normal === null) return false;
	if (existsSync(`${root}/usr/lib/locale/${normal}/LC_CTYPE`)) return true;
	const archive = `${root}/usr/lib/locale/locale-archive`;
	return existsSync(archive) && readFileSync(archive).includes(`\0${normal}\0`);
}

/** Compiled locales are used by the libc that compiled them only: the root's, told apart by its package version or file. */
function libcName(root: string): string {
	const marker = `${root}/var/lib/dpkg/status`;
	const version = existsSync(marker)
		? /^Package: libc-bin\n(?:.+\n)*?Version: (.+)$/m.exec(readFileSync(marker, "utf8"))?.[1]
		: undefined;
	return (version ?? root.split("/").at(-1) ?? "root").replaceAll(/[^A-Za-z0-9.+-]/g, "_");
}

async function compile(name: string, folder: string, request: LocaleRequest): Promise<boolean> {
	const normal = normalizeLocale(name);
	if (normal === null || !existsSync(`${request.root}/usr/bin/localedef`)) return false;
	const target = `${folder}/${normal}`;
	if (existsSync(`${target}/LC_CTYPE`)) return true;
	const inRoot = existsSync(`${request.root}/usr/share/i18n/locales`);
	if (!inRoot && !existsSync("/usr/share/i18n/locales")) return false;
	const sources = inRoot ? "/usr/share/i18n" : `${hostTree}/usr/share/i18n`;
	const [language = "", codeset = "utf8"] = normal.replace(/@.*$/, "").split(".");
	const modifier = /@.*$/.exec(normal)?.[0] ?? "";
	mkdirSync(folder, { recursive: true });
	const fresh = `${folder}/.${normal}.${process.pid}`;
	const charmap = codeset === "utf8" ? "UTF-8" : codeset.toUpperCase();
	const args = [
		`I18NPATH=${sources}`,
		"localedef",
		"--no-archive",
		"-c",
		"-i",
		`${language}${modifier}`,
		"-f",
		charmap,
		fresh,
	];
	await request.runInView("/usr/bin/env", args);
	// localedef warns with status 1 about sources of another libc version; what counts is the result.
	if (!existsSync(`${fresh}/LC_CTYPE`) || existsSync(`${target}/LC_CTYPE`)) {
		rmSync(fresh, { recursive: true, force: true });
		return existsSync(`${target}/LC_CTYPE`);
	}
	renameSync(fresh, target);
	return true;
}

/** Runs a program in a view by the helper, quietly, for at most a minute. */
export function viewRunner(helper: string, spec: string): LocaleRequest["runInView"] {
	return (program, args) =>
		new Promise((resolve) => {
			const options = { stdio: "ignore", cwd: "/", timeout: 60_000 } as const;
			const child = spawn(helper, ["view", spec, "--", program, ...args], options);
			child.on("error", () => {
				resolve();
			});
			child.on("exit", () => {
				resolve();
			});
		});
}
