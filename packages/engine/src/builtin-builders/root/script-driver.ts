/**
 * The shell script that runs maintainer scripts one after another, inside the root. Layer 3, pure.
 *
 * One sandbox for all of them: a namespace for each would cost more than most scripts do. The driver tells what it is at by marker
 * lines on its output, which begin with a random word so that no script's own output is taken for one.
 */

import { unreachable } from "@devenv/diagnostics";
import { notesFolder } from "./script-stubs.ts";

/** One thing to run. */
export type ScriptStep =
	/** A postinst: `configure ""` or `triggered "<names>"`, as dpkg calls it. */
	| {
			readonly kind: "postinst";
			readonly package: string;
			readonly infoName: string;
			readonly architecture: string;
			readonly arguments: readonly string[];
			readonly mayFail: boolean;
	  }
	/** A shell text of ours or of the package set. `label` stands for the package's name in messages. */
	| { readonly kind: "shell"; readonly label: string; readonly text: string }
	/** The same, beside the steps that follow; the driver waits for it in the end. It may fail only by the driver's own fault. */
	| { readonly kind: "background"; readonly label: string; readonly text: string };

/** What a marker line says. */
export type DriverMark =
	| { readonly kind: "begin"; readonly step: number }
	| { readonly kind: "failed"; readonly step: number; readonly status: number }
	| { readonly kind: "end" };

/** The driver's text. It ends with status 1 at the first step that fails and may not. */
export function driverScript(steps: readonly ScriptStep[], marker: string): string {
	const lines = [
		"#!/bin/sh",
		"umask 022",
		"cd /",
		`begin() { printf '%s begin %s\\n' ${marker} "$1"; }`,
		`failed() { printf '%s failed %s %s\\n' ${marker} "$1" "$2"; }`,
		"# postinst STEP MAY-FAIL PACKAGE INFO-NAME ARCHITECTURE ARGUMENT…",
		"postinst() {",
		"	step=$1 may_fail=$2",
		"	export DPKG_MAINTSCRIPT_PACKAGE=$3 DPKG_MAINTSCRIPT_ARCH=$5 DPKG_MAINTSCRIPT_NAME=postinst",
		"	export DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1",
		"	script=/var/lib/dpkg/info/$4.postinst",
		"	shift 5",
		'	begin "$step"',
		'	"$script" "$@" </dev/null',
		"	status=$?",
		'	if [ "$status" -ne 0 ]; then',
		'		failed "$step" "$status"',
		'		if [ "$may_fail" = no ]; then exit 1; fi',
		"	fi",
		"}",
	];
	for (const [index, step] of steps.entries()) {
		switch (step.kind) {
			case "postinst": {
				const words = [String(index), step.mayFail ? "yes" : "no", step.package, step.infoName, step.architecture];
				lines.push(`postinst ${[...words, ...step.arguments].map(quoteWord).join(" ")}`);
				break;
			}
			case "shell":
				lines.push(`begin ${index}`, "export DPKG_MAINTSCRIPT_PACKAGE=", "(", "set -e", step.text, ")");
				lines.push("status=$?", `if [ "$status" -ne 0 ]; then failed ${index} "$status"; exit 1; fi`);
				break;
			case "background":
				lines.push("(", "set -e", step.text, `) >${notesFolder}/background-${index} 2>&1 &`, `background_${index}=$!`);
				break;
			default:
				unreachable(step);
		}
	}
	for (const [index, step] of steps.entries()) {
		if (step.kind !== "background") continue;
		lines.push(`begin ${index}`, `wait "$background_${index}"`, "status=$?", `cat ${notesFolder}/background-${index}`);
		lines.push(`if [ "$status" -ne 0 ]; then failed ${index} "$status"; exit 1; fi`);
	}
	lines.push(`printf '%s end\\n' ${marker}`, "exit 0", "");
	return lines.join("\n");
}

/** Reads a line of the driver's output; undefined where it is not a marker. */
export function parseMark(line: string, marker: string): DriverMark | undefined {
	if (!line.startsWith(`${marker} `)) return undefined;
	const [kind, step, status] = line.slice(marker.length + 1).split(" ");
	if (kind === "begin") return { kind, step: Number(step) };
	if (kind === "failed") return { kind, step: Number(step), status: Number(status) };
	return { kind: "end" };
}

/** The environment of maintainer scripts: nothing of the host's, nothing that differs from run to run. */
export function scriptEnvironment(stubFolder: string): ReadonlyMap<string, string> {
	return new Map([
		["PATH", `${stubFolder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`],
		["HOME", "/root"],
		["SHELL", "/bin/sh"],
		["USER", "root"],
		["LOGNAME", "root"],
		["LC_ALL", "C.UTF-8"],
		["TZ", "UTC"],
		["TERM", "dumb"],
		["TMPDIR", "/tmp"],
		["DEBIAN_FRONTEND", "noninteractive"],
		["DEBCONF_NONINTERACTIVE_SEEN", "true"],
		["DPKG_ROOT", ""],
		["DPKG_ADMINDIR", "/var/lib/dpkg"],
		["DPKG_RUNNING_VERSION", "1.22.0"],
		["DPKG_FORCE", "unsafe-io"],
		["DPKG_COLORS", "never"],
		["UCF_FORCE_CONFFNEW", "1"],
		["NEEDRESTART_SUSPEND", "1"],
		/* Programs that write caches and databases put these for dates and hash orders. */
		["SOURCE_DATE_EPOCH", "1"],
		["PERL_HASH_SEED", "0"],
		["PYTHONHASHSEED", "0"],
		["DEVENV_NOTES", notesFolder],
	]);
}

export function quoteWord(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}
