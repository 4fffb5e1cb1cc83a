/** .tool-versions (asdf and mise), devbox.json, and the apt-get lines of a Dockerfile. Layer 5 (pure). */

import { packagesFor } from "./package-names.ts";
import { isObject, jsonObject, type Reading, wish, type Wish } from "./reading.ts";

export function readToolVersions(text: string): Reading {
	const wishes: Wish[] = [];
	for (const line of text.split("\n")) {
		const [name, version] = line.replace(/#.*/, "").trim().split(/\s+/);
		if (name === undefined || name === "") continue;
		wishes.push(wish(`${name} ${version ?? ""}`.trim(), ...namesWith(name, version)));
	}
	return { wishes, env: [], remarks: [] };
}

/** With its version first, where packages are named so, then without. */
function namesWith(name: string, version: string | undefined): string[] {
	const major = /^\d+/.exec(version?.replace(/^[a-z]+-/, "") ?? "")?.[0];
	const plain = packagesFor(name);
	if (version === undefined || major === undefined) return plain;
	return name.startsWith("python") || name === "java" || name.startsWith("postgres")
		? [
				...new Set([
					...packagesFor(
						`${name === "postgres" ? "postgresql" : name}${name.startsWith("python") ? version.replace(/^(\d+)\.(\d+).*/, "$1.$2") : `@${major}`}`,
					),
					...plain,
				]),
			]
		: plain;
}

export function readDevbox(text: string): Reading {
	const file = jsonObject(text);
	const { packages, shell, env } = file;
	const listed: string[] = Array.isArray(packages)
		? packages.filter((each) => typeof each === "string")
		: isObject(packages)
			? Object.entries(packages).map(([name, version]) => (typeof version === "string" ? `${name}@${version}` : name))
			: [];
	const wishes = listed.map((each) => {
		const [name = "", version] = each.split("@");
		return wish(each, ...namesWith(name, version === "latest" ? undefined : version));
	});
	const remarks: string[] = [];
	if (isObject(shell)) {
		if (shell["init_hook"] !== undefined) remarks.push("shell.init_hook is not taken over: see enter_shell");
		if (isObject(shell["scripts"]))
			remarks.push(`scripts are not taken over: ${Object.keys(shell["scripts"]).join(", ")}`);
	}
	const variables = isObject(env) ? Object.entries(env) : [];
	return {
		wishes,
		env: variables.flatMap(([name, value]) => (typeof value === "string" ? [[name, value] as const] : [])),
		remarks,
	};
}

export function readDockerfile(text: string): Reading {
	const lines = text
		.replace(/^\s*#.*\n/gm, "")
		.replace(/\\\r?\n/g, " ")
		.split("\n");
	const wishes: Wish[] = [];
	const env: [string, string][] = [];
	const remarks: string[] = [];
	for (const line of lines) {
		const [, instruction = "", rest = ""] = /^\s*([A-Za-z]+)\s+(.*)$/.exec(line) ?? [];
		switch (instruction.toUpperCase()) {
			case "FROM": {
				const image = rest.replace(/--\S+\s+/g, "").split(/\s+/)[0] ?? "";
				const [name = "", tag] = (image.split("/").at(-1) ?? "").split(":");
				if (["debian", "ubuntu", "scratch", "alpine", "busybox"].includes(name) || image.includes("$")) break;
				wishes.push(wish(image, ...namesWith(name, tag)));
				break;
			}
			case "RUN":
				wishes.push(...installedBy(rest));
				break;
			case "ENV":
				for (const [, name = "", quoted, plain] of rest.matchAll(/([A-Za-z_]\w*)=(?:"([^"]*)"|(\S*))/g)) {
					env.push([name, quoted ?? plain ?? ""]);
				}
				break;
			default:
				break;
		}
	}
	return { wishes, env, remarks };
}

/** The packages of `apt-get install` and `apt install` in a shell line. */
function installedBy(line: string): Wish[] {
	return line.split(/&&|\|\||;/).flatMap((command) => {
		const words = command.trim().split(/\s+/);
		const at = words.findIndex((word) => /^(\S*\/)?apt(-get)?$/.test(word));
		if (at < 0 || !words.slice(at).includes("install")) return [];
		return words
			.slice(words.indexOf("install", at) + 1)
			.map((word) => word.replace(/[=/].*$/, ""))
			.filter((word) => /^[a-z0-9][a-z0-9+.-]*$/.test(word))
			.map((word) => wish(`${word} (apt)`, word));
	});
}
