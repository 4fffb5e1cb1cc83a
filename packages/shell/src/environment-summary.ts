/**
 * What changed between two environments, in one line for people: `+ redis 8.0, python3 3.13.4 → 3.13.5, - jq, env PORT`.
 * Layer 2 (this module is pure).
 */

import type { EnvironmentDescription, Variables } from "./activation-request.ts";

/**
 * What a summary looks at. Values of variables and the text of `enterShell` are only compared, never shown, so that
 * hashes may stand for them on both sides.
 */
export type SummarizedEnvironment = Pick<
	EnvironmentDescription,
	"name" | "root" | "packages" | "path" | "variables" | "enterShell"
>;

/** More parts than these are counted, not listed. */
const MOST_PARTS = 12;

/**
 * One line without a line end; empty where nothing that people ask for differs. Packages come first (new, of another
 * version, gone), then variables, then the rest. A root that differs although the packages asked for are the same is
 * `dependencies`: another shell or locale, or an input whose other packages moved.
 */
export function summarizeChange(before: SummarizedEnvironment, after: SummarizedEnvironment): string {
	const packages = packageParts(before, after);
	const rootMoved = before.root !== after.root && packages.length === 0;
	const parts = [
		...packages,
		...(rootMoved ? ["dependencies"] : []),
		...namedParts("env", before.variables, after.variables),
		...(before.enterShell === after.enterShell ? [] : ["enter_shell"]),
		...(before.name === after.name ? [] : [`name ${before.name} → ${after.name}`]),
		...(before.path.join(":") === after.path.join(":") ? [] : ["folders of PATH"]),
	];
	const more = parts.length - MOST_PARTS;
	return more > 1 ? `${parts.slice(0, MOST_PARTS).join(", ")} and ${more} more` : parts.join(", ");
}

/** The same for two shells' aliases, by name: `+ alias gs, alias ll, - alias la`. */
export function summarizeAliases(before: Variables, after: Variables): string {
	return namedParts("alias", before, after).join(", ");
}

function packageParts(before: SummarizedEnvironment, after: SummarizedEnvironment): string[] {
	const old = new Map(before.packages.map(({ attr, version }) => [attr, version]));
	const fresh = new Map(after.packages.map(({ attr, version }) => [attr, version]));
	const added = [...fresh].filter(([attr]) => !old.has(attr));
	const moved = [...fresh].flatMap(([attr, version]) => {
		const was = old.get(attr);
		return was === undefined || was === version ? [] : [`${attr} ${was} → ${version}`];
	});
	const removed = [...old.keys()].filter((attr) => !fresh.has(attr));
	return [
		...added.map(([attr, version]) => `+ ${attr} ${version}`).sort(),
		...moved.sort(),
		...removed.map((attr) => `- ${attr}`).sort(),
	];
}

function namedParts(kind: string, before: Variables, after: Variables): string[] {
	const [old, fresh] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
	const names = [...new Set([...old.keys(), ...fresh.keys()])].sort();
	return names.flatMap((name) => {
		if (old.get(name) === fresh.get(name)) return [];
		return [`${old.has(name) ? (fresh.has(name) ? "" : "- ") : "+ "}${kind} ${name}`];
	});
}
