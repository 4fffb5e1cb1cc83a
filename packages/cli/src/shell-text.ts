/** An environment as text for a shell to evaluate: settings of variables, whatever the shell has now. Layer 5 (pure). */

import { unreachable } from "@devenv/diagnostics";
import type { PrintedEnvironment } from "@devenv/protocol";
import { quoteForFish, quoteForSh } from "@devenv/shell";

/** `direnv`: bash, and what direnv is to watch. */
export type TextForm = "bash" | "zsh" | "fish" | "direnv";

export const textForms: readonly TextForm[] = ["bash", "zsh", "fish", "direnv"];

/** Lines that set, unset and put first on PATH; values are never evaluated. */
export function shellText(form: TextForm, environment: PrintedEnvironment): string {
	const { variables, unset, path, watched } = environment;
	const settings = Object.entries(variables);
	switch (form) {
		case "bash":
		case "zsh":
		case "direnv": {
			const lines = [
				...settings.map(([name, value]) => `export ${name}=${quoteForSh(value)}`),
				...unset.map((name) => `unset ${name}`),
				...(path.length === 0 ? [] : [`export PATH=${quoteForSh(path.join(":"))}"\${PATH:+:$PATH}"`]),
				...(form === "direnv" ? watched.map((file) => `watch_file ${quoteForSh(file)}`) : []),
			];
			return lines.map((line) => `${line}\n`).join("");
		}
		case "fish":
			return [
				...settings.map(([name, value]) => `set -gx ${name} ${quoteForFish(value)}\n`),
				...unset.map((name) => `set -e ${name}\n`),
				...(path.length === 0 ? [] : [`set -gx PATH ${path.map(quoteForFish).join(" ")} $PATH\n`]),
			].join("");
		default:
			return unreachable(form);
	}
}
