/**
 * What activation gives to an interactive nushell. Layer 2 (pure: texts).
 *
 * Nushell reads files of commands only where their names are known when it parses, so that a later environment comes as data: one
 * line of JSON (a {@link NuChange}), which a function of the startup text applies. Aliases are commands of their own there, made
 * when the shell starts, and stay until it ends.
 */

import { type EnvironmentChange, listChanges } from "./environment-difference.ts";
import type { LiveShell } from "./live-functions.ts";

/** The whole of an environment, as nushell's `__devenv_apply` takes it. */
export interface NuChange {
	readonly set: Readonly<Record<string, string>>;
	readonly unset: readonly string[];
	readonly lists: Readonly<
		Record<string, { readonly separator: string; readonly first: readonly string[]; readonly last: readonly string[] }>
	>;
	/** What the prompt shows; null: as before. */
	readonly prompt: string | null;
	/** For the user; empty: nothing. */
	readonly message: string;
}

/** The data of an environment. */
export function nuChange(
	changes: readonly EnvironmentChange[],
	{ prompt, message }: Pick<NuChange, "prompt" | "message">,
): NuChange {
	const set = Object.fromEntries(
		changes.flatMap((change) => (change.kind === "set" ? [[change.name, change.value]] : [])),
	);
	const unset = changes.flatMap((change) => (change.kind === "unset" ? [change.name] : []));
	const items = (text: string, separator: string): string[] => text.split(separator).filter((each) => each !== "");
	const lists = Object.fromEntries(
		listChanges(changes).map(({ name, separator, first, last }) => [
			name,
			{ separator, first: items(first, separator), last: items(last, separator) },
		]),
	);
	return { set, unset, lists, prompt, message };
}

/** Sets an environment's variables, remembers what was there before, and leaves what the user changed since. */
const functions = `def --env __devenv_apply [change: record] {
	if $change.message? != null and $change.message != "" { print --stderr $change.message }
	if "set" not-in $change { return }
	let names = $change.set | columns
	mut state = $env.__devenv
	for name in $names {
		let value = $change.set | get $name
		if $name in $state.values {
			if ($env | get --optional $name) != ($state.values | get $name) { continue }
		} else if $"__DEVENV_HAD_($name)" in $env {
			$state.before = ($state.before | upsert $name ($env | get $"__DEVENV_HAD_($name)"))
			hide-env $"__DEVENV_HAD_($name)"
		} else if $name in $env and ($state.entered or ($env | get $name) != $value) {
			$state.before = ($state.before | upsert $name ($env | get $name))
		}
		load-env {$name: $value}
		$state.values = ($state.values | upsert $name $value)
	}
	for name in $change.unset { if $name in $env { hide-env $name } }
	for name in ($state.values | columns) {
		if $name in $names { continue }
		if ($env | get --optional $name) == ($state.values | get $name) {
			if $name in $state.before { load-env {$name: ($state.before | get $name)} } else { hide-env $name }
		}
		$state.values = ($state.values | reject $name)
		if $name in $state.before { $state.before = ($state.before | reject $name) }
	}
	for name in ($state.lists | columns) {
		if $name in ($change.lists | columns) { continue }
		$state.lists = ($state.lists | upsert $name (__devenv_join $name ($state.lists | get $name) {separator: ":", first: [], last: []}))
	}
	for name in ($change.lists | columns) {
		let old = $state.lists | get --optional $name | default {separator: ":", first: [], last: []}
		$state.lists = ($state.lists | upsert $name (__devenv_join $name $old ($change.lists | get $name)))
	}
	$state.entered = true
	$env.__devenv = $state
	if $change.prompt? != null { $env.__devenv.prompt = $change.prompt }
}
def --env __devenv_join [name: string, old: record, new: record] {
	let now = $env | get --optional $name | default []
	let items = if ($now | describe) == "string" { $now | split row $new.separator } else { $now }
	let ours = [$new.first $new.last $old.first $old.last] | flatten
	let rest = $items | where {|each| $each != "" and $each not-in $ours }
	let all = [$new.first $rest $new.last] | flatten
	load-env {$name: (if $name == "PATH" { $all } else { $all | str join $new.separator })}
	$new
}
$env.__devenv = {values: {}, before: {}, lists: {}, entered: false, prompt: "", own_prompt: "", generation: "0", shell: ""}
`;

export interface NuRequest {
	readonly changes: readonly EnvironmentChange[];
	readonly promptName: string | null;
	/** Folder of the files, as the shell sees it. */
	readonly folder: string;
	readonly enterShell: string;
	readonly live: LiveShell | null;
}

/** The startup text, and the data that it reads. */
export function nuStartup(request: NuRequest): { readonly text: string; readonly data: string } {
	const { changes, promptName, folder, enterShell, live } = request;
	const data = JSON.stringify(nuChange(changes, { prompt: promptName, message: "" }));
	const text = [
		"# Written by devenv for an interactive nushell.",
		functions.trimEnd(),
		`__devenv_apply (open --raw ${quoteForNu(`${folder}/environment.json`)} | from json)`,
		...(promptName === null ? [] : [prompt]),
		...(enterShell.trim() === "" ? [] : [enterHook(`${folder}/enter.sh`)]),
		...changes.flatMap((change) => (change.kind === "alias" ? [command(change.name, change.value)] : [])),
		...(live === null ? [] : [following(live)]),
	];
	return { text: `${text.join("\n")}\n`, data };
}

const prompt = `$env.__devenv.own_prompt = ($env.PROMPT_COMMAND? | default "")
$env.PROMPT_COMMAND = {|| "(" + $env.__devenv.prompt + ") " + (if ($env.__devenv.own_prompt | describe) == "closure" { do $env.__devenv.own_prompt } else { $env.__devenv.own_prompt }) }`;

/** enter_shell is bash: it runs there, and the variables that it changed come back. */
function enterHook(file: string): string {
	return `do --env {
	let after = mktemp --tmpdir
	^bash -c '. "$1"; env -0 >"$2"' bash ${quoteForNu(file)} $after
	let lines = open --raw $after | decode utf-8 | split row (char nul) | where {|each| $each =~ "^[^=]+=" }
	rm $after
	let pairs = $lines | each {|each| $each | split row --number 2 "=" } | where {|each| $each.0 not-in [_ PWD OLDPWD SHLVL] }
	for pair in $pairs {
		if $pair.0 == "PATH" { $env.PATH = ($pair.1 | split row ":"); continue }
		let now = $env | get --optional $pair.0
		if $now == null or (($now | describe) == "string" and $now != $pair.1) { load-env {$pair.0: $pair.1} }
	}
}`;
}

/** An alias's text is shell text: bash runs it, with what is typed after its name. */
function command(name: string, value: string): string {
	const script = quoteForNu(`${value} "$@"`);
	return `def --wrapped ${quoteForNu(name)} [...words] { ^bash -c ${script} ${quoteForNu(name)} ...$words }`;
}

function following({ folder, registration }: LiveShell): string {
	return `$env.__devenv.shell = $"(${quoteForNu(folder)})/($nu.pid)"
$"(${quoteForNu(registration)})\n(open --raw $"/proc/($nu.pid)/stat" | decode utf-8 | str trim)\n" | save --force $"($env.__devenv.shell).shell"
def --env __devenv_prompt [] {
	let now = try { open --raw $"($env.__devenv.shell).generation" | decode utf-8 | str trim } catch { "" }
	if $now == "" or $now == $env.__devenv.generation { return }
	$env.__devenv.generation = $now
	__devenv_apply (open --raw $"($env.__devenv.shell).($now).change" | from json)
}
$env.config.hooks.pre_prompt = ($env.config.hooks.pre_prompt? | default [] | append {|| __devenv_prompt })`;
}

/** A word that nushell reads as this text. */
export function quoteForNu(text: string): string {
	const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
	return `"${escaped.replace(/[\u0000-\u001f\u007f]/g, (each) => `\\u{${each.charCodeAt(0).toString(16)}}`)}"`;
}
