/**
 * What is done once for the whole root after the last maintainer script: calls that stubs noted, caches, locales. Layer 3.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import type { ComposeRootAttributes } from "../compose-root-attributes.ts";
import { certificateStep } from "./native-hooks.ts";
import { quoteWord, type ScriptStep } from "./script-driver.ts";

/** @param deferred lines of the deferred stubs: command and arguments, separated by tabs */
export function deferredSteps(
	root: string,
	attributes: ComposeRootAttributes,
	deferred: readonly string[],
): readonly ScriptStep[] {
	const calls = deferred.map((line) => line.split("\t"));
	const called = (...names: string[]): boolean => calls.some(([name]) => names.includes(name ?? ""));
	const steps: ScriptStep[] = [];
	if (attributes.postConfigure !== undefined) {
		steps.push({ kind: "shell", label: "postConfigure", text: attributes.postConfigure });
	}
	const locales = localeCommands(root, attributes.locales ?? []);
	if (locales.length > 0) steps.push({ kind: "shell", label: "locales", text: locales.join("\n") });
	if (called("py3compile", "pypy3compile", "pycompile")) {
		steps.push({ kind: "shell", label: "python modules", text: compilePython(calls) });
	}
	const certificates = certificateStep(root);
	if (certificates !== undefined) steps.push(certificates);
	if (called("fc-cache")) {
		/* The cache holds the folders' times, which the store will set to 1. In the background: fc-cache sleeps two seconds. */
		steps.unshift({
			kind: "background",
			label: "font cache",
			text: [
				"for folder in /usr/share/fonts /usr/local/share/fonts; do",
				'	if [ -d "$folder" ]; then find "$folder" -type d -exec touch -d @1 {} +; fi',
				"done",
				"/usr/bin/fc-cache --system-only --force",
			].join("\n"),
		});
	}
	steps.push({ kind: "shell", label: "ldconfig", text: "if [ -x /usr/sbin/ldconfig ]; then /usr/sbin/ldconfig; fi" });
	return steps;
}

/** Byte code for modules outside the standard library, which compiles itself; a root is never written, so now or never. */
function compilePython(calls: readonly (readonly string[])[]): string {
	const folders = new Set(["/usr/lib/python3/dist-packages"]);
	for (const [command, ...words] of calls) {
		if (command !== "py3compile") continue;
		for (const word of words)
			if (/^\/(?:usr\/(?:share|lib)|opt)\/[^*?]+$/.test(word) && !word.includes("..")) folders.add(word);
	}
	return [
		"if [ -x /usr/bin/python3 ]; then",
		`	for folder in ${[...folders].sort().map(quoteWord).join(" ")}; do`,
		/* Some modules are for other versions and do not compile: py3compile passes over them too. */
		'		if [ -d "$folder" ]; then /usr/bin/python3 -m compileall -q -j 2 --invalidation-mode unchecked-hash "$folder" || true; fi',
		"	done",
		"fi",
	].join("\n");
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
