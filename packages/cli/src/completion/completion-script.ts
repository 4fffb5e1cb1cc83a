/** Completion scripts for bash, zsh and fish, from the command table. Pure. Layer 5. */

import type { CompletionCommand } from "./command-table.ts";

export type CompletionShell = "bash" | "zsh" | "fish";

type Table = readonly CompletionCommand[];

export const completionScripts: Readonly<Record<CompletionShell, (table: Table) => string>> = { bash, zsh, fish };

/** The first words of all commands, with what they do. */
function firstWords(table: Table): readonly (readonly [string, string])[] {
	const words = new Map<string, string>();
	for (const {
		words: [first = "", second],
		summary,
	} of table) {
		if (second === undefined) words.set(first, summary);
		else if (!words.has(first))
			words.set(
				first,
				table
					.filter((each) => each.words[0] === first)
					.map((each) => each.words[1])
					.join(", "),
			);
	}
	return [...words];
}

function flagWords(command: CompletionCommand): string[] {
	return command.flags.flatMap(({ long, short }) => (short === undefined ? [long] : [long, short]));
}

function bash(table: Table): string {
	const cases = table.map((command) => {
		const pattern = command.words.length === 1 ? `"${command.words[0]} "*` : `"${command.words.join(" ")}"`;
		const words = [...command.choices, ...flagWords(command), "--help"];
		return `\t\t${pattern}) words="${words.join(" ")}" ;;`;
	});
	const topics = topicsOf(table).map(
		([topic, commands]) => `\t\t\t${topic}) words="${commands.map((each) => each.words[1]).join(" ")}" ;;`,
	);
	const files = table.filter((command) => command.takesFile).map((command) => command.words[0]);
	return `# bash completion of devenv
_devenv() {
	local current=\${COMP_WORDS[COMP_CWORD]} words="" i
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ \${COMP_WORDS[i]} == -- ]]; then
			COMPREPLY=($(compgen -c -f -- "$current"))
			return
		fi
	done
	if ((COMP_CWORD == 1)); then
		words="${firstWords(table)
			.map(([word]) => word)
			.join(" ")} --help --version"
	else
		case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${cases.join("\n")}
		esac
		if ((COMP_CWORD == 2)); then
			case "\${COMP_WORDS[1]}" in
${topics.join("\n")}
			esac
		fi
	fi
	COMPREPLY=($(compgen -W "$words" -- "$current"))
	case "\${COMP_WORDS[1]}" in
		${files.join("|")}) COMPREPLY+=($(compgen -f -- "$current")) ;;
	esac
}
complete -o bashdefault -F _devenv devenv
`;
}

function topicsOf(table: Table): readonly (readonly [string, Table])[] {
	const topics = new Set(table.filter(({ words }) => words.length > 1).map(({ words }) => words[0] ?? ""));
	return [...topics].map((topic) => [topic, table.filter(({ words }) => words.length > 1 && words[0] === topic)]);
}

/** A text inside single quotes of sh. */
function quoted(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}

function zsh(table: Table): string {
	const describe = (entries: readonly (readonly [string, string])[]): string =>
		entries.map(([word, summary]) => quoted(`${word}:${summary.replaceAll(":", "\\:")}`)).join(" ");
	const argumentsOf = (command: CompletionCommand): string => {
		const flags = command.flags.flatMap(({ long, short, summary, takesValue }) => {
			const text = `[${summary.replaceAll("[", "(").replaceAll("]", ")").replaceAll(":", "\\:")}]${takesValue ? ":value:" : ""}`;
			return [long, ...(short === undefined ? [] : [short])].map((flag) => quoted(`${flag}${text}`));
		});
		const rest =
			command.choices.length > 0
				? `1:choice:(${command.choices.join(" ")})`
				: command.takesFile
					? "*:file:_files"
					: "*::";
		return ["_arguments", ...flags, "'--help[show help]'", quoted(rest)].join(" ");
	};
	const plain = table.filter(({ words }) => words.length === 1 && words[0] !== "shell");
	const shell = table.find(({ words }) => words[0] === "shell");
	const topics = topicsOf(table).map(
		([topic, commands]) => `\t\t${topic})
			if ((CURRENT == 3)); then
				local -a entries=(${describe(commands.map(({ words, summary }) => [words[1] ?? "", summary]))})
				_describe command entries
			else
				case $words[3] in
${commands.map((command) => `\t\t\t\t\t${command.words[1]}) shift 2 words; ((CURRENT -= 2)); ${argumentsOf(command)} ;;`).join("\n")}
				esac
			fi ;;`,
	);
	return `#compdef devenv
# zsh completion of devenv
_devenv() {
	local -a entries
	if ((CURRENT == 2)); then
		entries=(${describe(firstWords(table))})
		_describe command entries
		return
	fi
	case $words[2] in
${plain.map((command) => `\t\t${command.words[0]}) shift words; ((CURRENT--)); ${argumentsOf(command)} ;;`).join("\n")}
${topics.join("\n")}
		shell)
			local split=\${words[(i)--]}
			if ((split < CURRENT)); then
				shift split words; ((CURRENT -= split)); _normal
			else
				entries=(${describe([...(shell?.flags ?? []).map(({ long, summary }) => [long, summary] as const), ["--", "run a command"]])})
				_describe option entries
			fi ;;
	esac
}
if [ "$funcstack[1]" = _devenv ]; then _devenv "$@"; else compdef _devenv devenv; fi
`;
}

function fish(table: Table): string {
	const lines = ["# fish completion of devenv", "complete -c devenv -f"];
	for (const [word, summary] of firstWords(table)) {
		lines.push(`complete -c devenv -n __fish_use_subcommand -a ${word} -d ${fishQuoted(summary)}`);
	}
	for (const command of table) {
		const seen = `__fish_seen_subcommand_from ${command.words[0]}`;
		const second = command.words[1];
		const condition = second === undefined ? seen : `${seen}; and __fish_seen_subcommand_from ${second}`;
		if (second !== undefined)
			lines.push(`complete -c devenv -n '${seen}' -a ${second} -d ${fishQuoted(command.summary)}`);
		for (const { long, short, summary, takesValue } of command.flags) {
			const names = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}${takesValue ? " -x" : ""}`;
			lines.push(`complete -c devenv -n '${condition}' ${names} -d ${fishQuoted(summary)}`);
		}
		if (command.choices.length > 0)
			lines.push(`complete -c devenv -n '${condition}' -a '${command.choices.join(" ")}'`);
		if (command.takesFile) lines.push(`complete -c devenv -n '${condition}' -F`);
	}
	lines.push(
		"complete -c devenv -n '__fish_seen_subcommand_from shell; and contains -- -- (commandline -opc)' -a '(__fish_complete_subcommand --commandline)'",
	);
	return `${lines.join("\n")}\n`;
}

function fishQuoted(text: string): string {
	return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
