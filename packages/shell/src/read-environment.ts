/** Reads and checks the description in an environment store object (`environment.json`, version 1). Layer 2. */

import { readFileSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import type { EnvironmentDescription, Variables } from "./activation-request.ts";

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads `<path>/environment.json`. Throws `ENVIRONMENT_INVALID` where it is missing or not what version 1 says. */
export function readEnvironment(path: string): EnvironmentDescription {
	const file = `${path}/environment.json`;
	const refuse = (what: string): never =>
		fail("ENVIRONMENT_INVALID", `the environment ${file} cannot be used: ${what}`, {
			hint: "this object of the store was changed; give the environment another `name` in env.yaml to have a new one made",
		});
	let value: unknown;
	try {
		value = JSON.parse(readFileSync(file, "utf8"));
	} catch (error) {
		return refuse(error instanceof Error ? error.message : String(error));
	}
	if (!isObject(value)) return refuse("it is not an object");
	if (value["version"] !== 1) return refuse(`version ${JSON.stringify(value["version"])} is not known`);
	const { name, root, storePaths, path: folders, variables, enterShell, packages } = value;
	if (typeof name !== "string") return refuse("name is not a string");
	if (root !== null && !isStorePath(root)) return refuse("root is not a store path");
	if (!isListOf(storePaths, isStorePath)) return refuse("storePaths is not a list of store paths");
	if (!isListOf(folders, isFolder)) return refuse("path is not a list of absolute folders");
	if (!isVariables(variables)) return refuse("variables is not an object of strings");
	if (typeof enterShell !== "string" || enterShell.includes("\0")) return refuse("enterShell is not a string");
	if (!isListOf(packages, isPackage)) return refuse("packages is not a list of packages");
	return { name, root, storePaths, path: folders, variables, enterShell, packages };
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOf<T>(value: unknown, is: (each: unknown) => each is T): value is T[] {
	return Array.isArray(value) && value.every(is);
}

function isStorePath(value: unknown): value is string {
	return typeof value === "string" && /^\/nix\/store\/[0-9a-z]{32}-[A-Za-z0-9+._?=-]+$/.test(value);
}

function isFolder(value: unknown): value is string {
	return typeof value === "string" && value.startsWith("/") && !value.includes("\0") && !value.includes(":");
}

function isVariables(value: unknown): value is Variables {
	return (
		isObject(value) &&
		Object.entries(value).every(
			([name, each]) => variableName.test(name) && typeof each === "string" && !each.includes("\0"),
		)
	);
}

function isPackage(value: unknown): value is EnvironmentDescription["packages"][number] {
	return (
		isObject(value) &&
		typeof value["attr"] === "string" &&
		typeof value["name"] === "string" &&
		typeof value["version"] === "string"
	);
}
