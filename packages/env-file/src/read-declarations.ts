/** The declarations of an env.yaml and of all that it imports, in the order in which they are merged. Layer 1 (pure). */

import { posix } from "node:path";
import { type Diagnostic, diagnose } from "@devenv/diagnostics";
import { isScalar } from "yaml";
import { type Located, overlayInput } from "./env-spec.ts";
import { type EnvDeclaration, environmentOptions, type ProfileDeclaration } from "./environment-options.ts";
import type { EnvFileText } from "./file-text.ts";
import { decodeModule, type EnvModule } from "./module-value.ts";
import { DecodeContext } from "./option-type.ts";
import { readYaml } from "./yaml-text.ts";

/** The env.yaml of a folder that `imports` names. */
export interface ImportedFile {
	/** The folder, without links, relative to the project's: `../shared`; empty for the project's own. */
	readonly folder: string;
	readonly text: EnvFileText;
}

/** Why a folder cannot be imported; `reason` is the end of a diagnostic's code, `ENV_IMPORT_…`. */
export interface ImportFault {
	readonly reason: "MISSING" | "OUTSIDE";
	readonly message: string;
	readonly hint: string;
}

/**
 * Finds the env.yaml of a folder as `imports` names it (`./backend`; `/shared` counts from the repository's top), in a file
 * of the folder `from`, which is relative to the project's.
 */
export type ImportReader = (folder: string, from: string) => ImportedFile | ImportFault;

/** Files that one environment imports, at most. */
const MOST_IMPORTS = 200;

/**
 * What each file declares: before a file stands all that it imports, each folder once. Without a reader, imports are not
 * followed. Imported paths are made relative to the project's folder; an imported `name` does not count.
 */
export function readDeclarations(
	files: readonly (EnvFileText | EnvModule)[],
	reader: ImportReader | undefined,
	diagnostics: Diagnostic[],
): EnvDeclaration[] {
	const declarations: EnvDeclaration[] = [];
	const imported = new Set<string>();
	const read = reader ?? (() => undefined);
	const visit = (text: EnvFileText, open: readonly string[]): void => {
		const folder = open.at(-1) ?? "";
		const declaration = decodeFile(text, diagnostics);
		for (const each of declaration.imports ?? []) {
			const found = read(each.value, folder);
			if (found === undefined) continue;
			if ("reason" in found) {
				diagnostics.push(importDiagnostic(found.reason, found.message, { each, hint: found.hint }));
			} else if (open.includes(found.folder)) {
				const circle = [...open.slice(open.indexOf(found.folder)), found.folder].map((name) => name || ".");
				const message = `imports go in a circle: ${circle.join(" → ")}`;
				diagnostics.push(importDiagnostic("CYCLE", message, { each, hint: "take one of these imports out" }));
			} else if (!imported.has(found.folder)) {
				imported.add(found.folder);
				if (imported.size > MOST_IMPORTS) {
					const message = `more than ${MOST_IMPORTS} folders are imported`;
					diagnostics.push(importDiagnostic("LIMIT", message, { each, hint: "import fewer" }));
					return;
				}
				visit(found.text, [...open, found.folder]);
			}
		}
		declarations.push(folder === "" ? declaration : fromFolder(declaration, folder));
	};
	for (const file of files) {
		if ("value" in file) declarations.push(decodeModule(file, diagnostics));
		else visit(file, [""]);
	}
	return declarations;
}

function importDiagnostic(
	reason: string,
	message: string,
	{ each, hint }: { readonly each: Located<string>; readonly hint: string },
): Diagnostic {
	return diagnose(`ENV_IMPORT_${reason}`, message, {
		...(each.location === undefined ? {} : { location: each.location }),
		hint,
	});
}

function decodeFile(text: EnvFileText, diagnostics: Diagnostic[]): EnvDeclaration {
	const yaml = readYaml(text, "ENV");
	if (!("document" in yaml)) {
		diagnostics.push(yaml);
		return {};
	}
	// A file of nothing but comments is an environment with nothing in it.
	const { contents } = yaml.document;
	if (contents === null || (isScalar(contents) && contents.value === null)) return {};
	const context = new DecodeContext(yaml.source, yaml.document, "ENV");
	const declaration = environmentOptions.decode(context.root, context);
	diagnostics.push(...context.diagnostics);
	return declaration ?? {};
}

/** What a file of another folder declares, as the project's own file would say it. */
function fromFolder({ name: _, ...declaration }: EnvDeclaration, folder: string): EnvDeclaration {
	const overlay = (each: Located<string>): Located<string> =>
		overlayInput(each.value) === undefined && !each.value.startsWith("/")
			? { ...each, value: joinPath(folder, each.value) }
			: each;
	const url = (each: Located<string>): Located<string> => {
		const path = /^path:(?!\/)(.*)$/s.exec(each.value)?.[1];
		return path === undefined ? each : { ...each, value: `path:${joinPath(folder, path)}` };
	};
	const files = ({ dotenv }: ProfileDeclaration): Pick<ProfileDeclaration, "dotenv"> =>
		dotenv === undefined ? {} : { dotenv: dotenv.map((each) => ({ ...each, value: joinPath(folder, each.value) })) };
	const { profiles, overrides } = declaration;
	return {
		...declaration,
		...files(declaration),
		...(overrides === undefined
			? {}
			: {
					overrides: overrides.map(([key, { src, ...changes }]) => [
						key,
						{ ...changes, ...(src && { src: { ...src, value: joinPath(folder, src.value) } }) },
					]),
				}),
		...(profiles === undefined
			? {}
			: { profiles: profiles.map(([key, profile]) => [key, { ...profile, ...files(profile) }]) }),
		...(declaration.overlays === undefined ? {} : { overlays: declaration.overlays.map(overlay) }),
		...(declaration.inputs === undefined
			? {}
			: {
					inputs: declaration.inputs.map(([key, input]) => [
						key,
						{
							...input,
							...(input.url && { url: url(input.url) }),
							...(input.overlays && { overlays: input.overlays.map(overlay) }),
						},
					]),
				}),
	};
}

/** `path` seen from `folder`, with `.` and `..` worked out; begins with `./` or `../`. */
function joinPath(folder: string, path: string): string {
	const joined = posix.join(folder, path);
	return joined === ".." || joined.startsWith("../") ? joined : `./${joined}`;
}
