/** What a root must hold for the sake of the caller: their shell and their locale. Layer 3; pure. */

/** Variables that {@link callerShell} and {@link callerLocales} read. */
export const CALLER_VARIABLES: readonly string[] = [
	"SHELL",
	"LANG",
	"LC_ALL",
	"LC_COLLATE",
	"LC_CTYPE",
	"LC_MESSAGES",
	"LC_MONETARY",
	"LC_NUMERIC",
	"LC_TIME",
];

type Variables = Readonly<Record<string, string>>;

/** The shell that the root must hold: the one asked for, the caller's where the choice is `auto`, bash when in doubt. */
export function callerShell(
	choice: "auto" | "bash" | "zsh" | "fish" | "nu",
	variables: Variables,
): "bash" | "zsh" | "fish" {
	// Nushell is no package of Debian's: the caller's own is used.
	if (choice === "nu") return "bash";
	if (choice !== "auto") return choice;
	const name = (variables["SHELL"] ?? "").split("/").at(-1);
	return name === "zsh" || name === "fish" ? name : "bash";
}

/** UTF-8 locales that the caller's variables name, in glibc's spelling, sorted; `C` and `POSIX` need nothing. */
export function callerLocales(variables: Variables): string[] {
	const locales = new Set<string>();
	for (const name of CALLER_VARIABLES) {
		if (name === "SHELL") continue;
		const match = /^([a-z]{2,3}_[A-Z]{2})\.(?:UTF-8|utf-?8)(@[a-z]+)?$/i.exec(variables[name] ?? "");
		const [, language, modifier = ""] = match ?? [];
		if (language !== undefined) locales.add(`${language}.UTF-8${modifier}`);
	}
	return [...locales].sort();
}
