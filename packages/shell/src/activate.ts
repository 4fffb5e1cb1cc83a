/**
 * From a realised environment to a stamp that a shell can be entered with: chooses the shell, composes what the view needs
 * under the state folder, computes the environment's changes, and records what the stamp depends on. Layer 2.
 */

import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, dirname } from "node:path";
import { type Diagnostic, diagnose } from "@devenv/diagnostics";
import type {
	ActivationOutcome,
	ActivationRequest,
	EnvironmentDescription,
	TrackedPath,
} from "./activation-request.ts";
import { activationFor } from "./activation-script.ts";
import { certificateVariables } from "./certificates.ts";
import { composeEtc, etcInputs } from "./compose-etc.ts";
import type { EnvironmentChange } from "./environment-difference.ts";
import { hostProgramFolders, linkHostPrograms, linkSetuidPrograms } from "./host-programs.ts";
import { hostTree, isHidden } from "./host-tree.ts";
import { formatRegistration, makeLiveFolder, type ShellRegistration } from "./live-shell.ts";
import { readEnvironment } from "./read-environment.ts";
import { type ShellName, shellNames } from "./shell-name.ts";
import {
	projectHash,
	projectRuntime,
	type ActivationVariant,
	type Stamp,
	type StampCondition,
	activationName,
	stampPath,
	type ViewSpec,
	writeStampFile,
} from "./stamp-file.ts";
import { observePath, type PathCondition } from "./stamp-conditions.ts";
import { type ToolPrefixes, toolPrefixes } from "./tool-prefixes.ts";
import { placeScripts, scriptFolder } from "./script-folder.ts";
import { localeVariables, provideLocales, viewRunner } from "./user-locale.ts";

/** Changes when what is composed changes, so that older folders are not taken for current ones. */
const layoutVersion = 2;

/** What every activation reads of the caller's variables. */
const callerVariables: readonly string[] = [
	"SHELL",
	"HOME",
	"ZDOTDIR",
	"DEVENV_HOME",
	"XDG_RUNTIME_DIR",
	...localeVariables,
];

/** What a view is composed from besides: the folders of host programs, and the account's name. */
const viewVariables: readonly string[] = ["PATH", "USER", "LOGNAME"];

/** How much older than `readSince` a change must be to count as seen: file times advance in steps of up to 10 ms. */
const clockStep = 10_000_000n;

/** The id under which a root caller appears with `asUser`. */
const ordinaryId = 1000;

/**
 * Writes the stamp for a project's environment. Throws `ENVIRONMENT_INVALID` and the file system's errors; nothing is left
 * half-written then.
 */
export async function activate(request: ActivationRequest): Promise<ActivationOutcome> {
	const environment = readEnvironment(request.environment);
	const diagnostics: Diagnostic[] = [];
	const asUser = request.asUser === true && request.caller.uid === 0;
	const root = environment.root === null ? null : physical(request, environment.root);
	const shell = chooseShell(request, root, diagnostics);
	const inputs = new Set<string>();
	const view = root === null ? null : prepareView(request, { root, shell, asUser }, inputs);
	const prefixes = root === null ? undefined : prefixesOf(request, environment, root);
	const own = [...ownChanges(request, environment, diagnostics), ...(prefixes?.changes ?? [])];
	const programs = [...scriptsOf(request, root, diagnostics), ...(prefixes?.path ?? [])];
	const changes = await environmentChanges(request, environment, { shell, view, diagnostics, own, programs });
	const { conditions, settled } = observe(request, { inputs, root, variables: prefixes?.read ?? [] });
	const registration: ShellRegistration = {
		project: request.project,
		shell: shell.name,
		variables: callerValues(conditions),
		uid: request.caller.uid,
		gid: request.caller.gid,
		groups: request.caller.groups,
		asUser,
		clean: request.clean !== undefined,
		profile: request.profile ?? null,
		environment: request.environment,
		root,
		etc: view?.spec.etc ?? null,
		swappable: request.paths.helper !== null,
		promptName: request.prompt === "auto" ? promptName(request, environment) : null,
		aliases: Object.fromEntries((request.aliases ?? []).map(({ name, value }) => [name, value])),
		outside: false,
	};
	const live =
		request.live !== true
			? null
			: { folder: makeLiveFolder(request.paths.runtime), registration: formatRegistration(registration) };
	const script = activationFor(shell.name, {
		changes,
		promptName: registration.promptName,
		folder: activationFolder(request, asUser),
		enterShell: environment.enterShell,
		program: shell.program,
		zdotdir: request.caller.env["ZDOTDIR"] ?? null,
		live,
	});
	writeScript(activationFolder(request, asUser), script.files);
	const path = stampPath(request.paths.state, request.project, variantOf(request, asUser));
	const stamp: Stamp = {
		project: request.project,
		lasting: settled,
		conditions,
		view: view?.spec ?? null,
		changes,
		...(request.dotenv === undefined || request.dotenv.length === 0 ? {} : { dotenv: request.dotenv }),
		clean: request.clean === undefined ? null : [...request.clean.keep],
		shell: script.command,
		...(request.live === true ? { live: request.paths.runtime } : {}),
		...(request.allowedContent === undefined ? {} : { allowedContent: request.allowedContent }),
	};
	writeStampFile(path, stamp);
	const depends = conditions.filter((each): each is PathCondition => each.kind !== "variable");
	return {
		stamp: path,
		content: stamp,
		lasting: settled,
		diagnostics,
		registration,
		changes,
		own,
		conditions: depends,
	};
}

function physical(request: ActivationRequest, logical: string): string {
	return `${request.paths.storeRoot.replace(/\/+$/, "")}${logical}`;
}

/** The name that env.yaml gives, else the project folder's: `environment` is what an environment without one is called. */
function promptName(request: ActivationRequest, environment: EnvironmentDescription): string {
	return environment.name === "environment" ? basename(request.project) : environment.name;
}

/* ---- the shell ---- */

interface ChosenShell {
	readonly name: ShellName;
	/** As seen inside. */
	readonly program: string;
}

/** The caller's shell, or the one that env.yaml names, if the root has it; else bash, with a warning. */
function chooseShell(request: ActivationRequest, root: string | null, diagnostics: Diagnostic[]): ChosenShell {
	const wanted = request.shell ?? "auto";
	const own = basename(request.caller.env["SHELL"] ?? "bash");
	const name = wanted === "auto" ? own : wanted;
	const known = shellNames.find((each) => each === name);
	const find = (each: string): string | undefined =>
		["/usr/bin", "/bin", "/usr/local/bin"]
			.map((folder) => `${folder}/${each}`)
			.find((path) => existsSync(`${root ?? ""}${path}`));
	const program =
		known === undefined ? undefined : (find(known) ?? (known === "nu" ? hostNu(request, root) : undefined));
	if (known !== undefined && program !== undefined) return { name: known, program };
	const reason = known === undefined ? "is not one that devenv knows how to start" : "is not in the environment";
	diagnostics.push(
		diagnose("SHELL_MISSING", `your shell ${name} ${reason}; bash takes its place`, {
			severity: "warning",
			...(known === undefined ? {} : { hint: howToHave(known) }),
		}),
	);
	return { name: "bash", program: find("bash") ?? "/bin/bash" };
}

function howToHave(shell: ShellName): string {
	if (shell === "nu") return "install nushell where your PATH finds it: Debian has no package of it";
	return `add '${shell}' to the packages of env.yaml`;
}

/** Debian has no nushell: the caller's own takes its place, as the view shows it. */
function hostNu({ caller }: ActivationRequest, root: string | null): string | undefined {
	const { SHELL: own = "", PATH: path = "" } = caller.env;
	const candidates = [...(basename(own) === "nu" ? [own] : []), ...path.split(":").map((folder) => `${folder}/nu`)];
	const found = candidates.find((each) => each.startsWith("/") && existsSync(each));
	return found === undefined || root === null || !isHidden(found) ? found : `${hostTree}${found}`;
}

/* ---- what the view needs ---- */

interface PreparedView {
	readonly spec: ViewSpec;
	/** Folders of links to host programs: those that come first on PATH, those that come last. Empty in clean environments. */
	readonly firstPrograms: readonly string[];
	readonly lastPrograms: readonly string[];
	/** The helper's specification of this view. */
	readonly specFile: string;
}

/** Composes /etc and the host programs' folder, unless they are there from an earlier time with the same inputs. */
function prepareView(
	request: ActivationRequest,
	choice: { readonly root: string; readonly shell: ChosenShell; readonly asUser: boolean },
	inputs: Set<string>,
): PreparedView {
	const { root, shell, asUser } = choice;
	const { state, runtime } = request.paths;
	const folders = hostProgramFolders(request.caller.env["PATH"] ?? "");
	for (const path of [...etcInputs(), ...folders]) inputs.add(path);
	const id = asUser ? ordinaryId : request.caller.uid;
	const home = request.caller.env["HOME"] ?? "/";
	const name = request.caller.env["USER"] ?? request.caller.env["LOGNAME"] ?? accountName() ?? "user";
	const account = { name, uid: id, gid: asUser ? ordinaryId : request.caller.gid, home, shell: shell.program };
	const groups = [...new Set(request.caller.groups)].sort((a, b) => a - b);
	// What is linked depends on the order of the folders too, which `inputs` keeps.
	const facts = [layoutVersion, root, account, groups, ...[...inputs].map(describe)];
	const key = createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 32);
	const folder = `${state}/views/${key}`;
	if (!existsSync(`${folder}/etc`)) {
		buildFolder(folder, (fresh) => {
			composeEtc({ root, target: `${fresh}/etc`, account, groups });
			const inRoot = ["usr/local/bin", "usr/local/sbin", "usr/bin", "usr/sbin", "bin", "sbin", "usr/games"];
			linkHostPrograms(
				`${fresh}/host-programs`,
				folders,
				inRoot.map((each) => `${root}/${each}`),
			);
			if (id !== 0 && !asUser) linkSetuidPrograms(`${fresh}/setuid-programs`, folders);
		});
	}
	const agent = request.clean === undefined && request.paths.helper !== null;
	const spec: ViewSpec = {
		root,
		store: physical(request, "/nix/store"),
		etc: `${folder}/etc`,
		...(agent ? { runtime, hostLog: `${state}/views/${key}/host-programs.log` } : {}),
		...(asUser ? { asUser: ordinaryId } : {}),
	};
	const specFile = `${folder}/view`;
	if (!existsSync(specFile)) {
		const { runtime: _runtime, hostLog: _hostLog, ...plain } = spec;
		writeStampFile(specFile, {
			project: "/",
			lasting: false,
			conditions: [],
			view: plain,
			changes: [],
			clean: null,
			shell: [],
		});
	}
	const programs = (name: string): string[] => (agent && existsSync(`${folder}/${name}`) ? [`${folder}/${name}`] : []);
	return { spec, specFile, firstPrograms: programs("setuid-programs"), lastPrograms: programs("host-programs") };
}

/** Makes a folder whole or not at all; where another process was first, its folder stands. */
function buildFolder(folder: string, build: (fresh: string) => void): void {
	mkdirSync(dirname(folder), { recursive: true, mode: 0o700 });
	const fresh = mkdtempSync(`${folder}.`);
	try {
		build(fresh);
		renameSync(fresh, folder);
	} catch (error) {
		rmSync(fresh, { recursive: true, force: true });
		if (!existsSync(`${folder}/etc`)) throw error;
	}
}

function accountName(): string | undefined {
	try {
		return userInfo().username;
	} catch {
		return undefined; // a uid without an account
	}
}

/** A path's state as a text, for keys. */
function describe(path: string): string {
	const info = statSync(path, { bigint: true, throwIfNoEntry: false });
	return info === undefined
		? `${path} -`
		: `${path} ${info.dev} ${info.ino} ${info.size} ${info.mtimeNs} ${info.ctimeNs}`;
}

/* ---- the environment's variables ---- */

async function environmentChanges(
	request: ActivationRequest,
	environment: EnvironmentDescription,
	around: {
		readonly shell: ChosenShell;
		readonly view: PreparedView | null;
		readonly diagnostics: Diagnostic[];
		readonly own: readonly EnvironmentChange[];
		/** Folders of PATH, before all others. */
		readonly programs: readonly string[];
	},
): Promise<EnvironmentChange[]> {
	const { view, shell } = around;
	const changes: EnvironmentChange[] = [];
	if (view !== null) {
		for (const name of certificateVariables) changes.push({ kind: "rehost", name });
		// Terminals that the root does not know are described on the host.
		const terminals = ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"];
		const value = [...terminals, ...terminals.map((path) => `${hostTree}${path}`)].join(":");
		changes.push({ kind: "append", name: "TERMINFO_DIRS", separator: ":", value });
		const locales = await provideLocales({
			root: view.spec.root,
			environment: request.caller.env,
			cache: `${request.paths.state}/locales`,
			runInView:
				request.paths.helper === null ? () => Promise.resolve() : viewRunner(request.paths.helper, view.specFile),
		});
		changes.push(...locales.changes);
		around.diagnostics.push(...locales.diagnostics);
	}
	changes.push(...around.own);
	const first = [...around.programs, ...(view?.firstPrograms ?? []), ...environment.path];
	const last = view?.lastPrograms ?? [];
	if (first.length > 0) changes.push({ kind: "prepend", name: "PATH", separator: ":", value: first.join(":") });
	if (last.length > 0) changes.push({ kind: "append", name: "PATH", separator: ":", value: last.join(":") });
	changes.push(set("SHELL", shell.program));
	return changes;
}

/** What holds inside a view and outside of one: the project's own variables. */
function ownChanges(
	request: ActivationRequest,
	environment: EnvironmentDescription,
	diagnostics: Diagnostic[],
): EnvironmentChange[] {
	const folders: Readonly<Record<string, string>> = {
		DEVENV_STATE: projectFolder(request, diagnostics),
		DEVENV_RUNTIME: runtimeFolder(request),
	};
	const inFolders = (text: string): string =>
		text.replace(/\$(DEVENV_STATE|DEVENV_RUNTIME)/g, (_, name: string) => folders[name] ?? "");
	return [
		...Object.entries(environment.variables).map(([name, value]) => set(name, value)),
		...(request.folderVariables ?? []).map(({ name, value }) => set(name, inFolders(value))),
		set("DEVENV_ROOT", request.project),
		...Object.entries(folders).map(([name, folder]) => set(name, folder)),
		set("DEVENV_PROFILE", request.profile ?? "default"),
		...(request.aliases ?? []).map(({ name, value }): EnvironmentChange => ({ kind: "alias", name, value })),
	];
}

/** In a clean environment only what is kept of the caller's variables counts. */
function prefixesOf(request: ActivationRequest, environment: EnvironmentDescription, root: string): ToolPrefixes {
	const { clean, caller } = request;
	const kept = Object.entries(caller.env).filter(([name]) => clean === undefined || clean.keep.includes(name));
	return toolPrefixes({
		root,
		state: request.paths.state,
		hash: projectHash(request.project),
		project: request.project,
		set: environment.variables,
		caller: Object.fromEntries(kept),
	});
}

function set(name: string, value: string): EnvironmentChange {
	return { kind: "set", name, value };
}

/** Where the project's services and tools keep their data: `.devenv/state` in the project. */
function projectFolder(request: ActivationRequest, diagnostics: Diagnostic[]): string {
	const folder = `${request.project}/.devenv/state`;
	try {
		/* A link may have come with the project and lead anywhere. */
		for (const path of [`${request.project}/.devenv`, folder]) {
			if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
				throw new Error(`${path} is a symbolic link; put a folder in its place`);
		}
		mkdirSync(folder, { recursive: true });
	} catch (error) {
		const message = error instanceof Error ? error.message : String(error);
		diagnostics.push(diagnose("SHELL_STATE", `DEVENV_STATE cannot be made: ${message}`, { severity: "warning" }));
	}
	return folder;
}

function runtimeFolder(request: ActivationRequest): string {
	const folder = projectRuntime(request.paths.runtime, request.project);
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	return folder;
}

/* ---- scripts ---- */

/** The folder of the project's scripts, if it has any; says which of them hide a program of the environment. */
function scriptsOf(request: ActivationRequest, root: string | null, diagnostics: Diagnostic[]): string[] {
	const { scripts = [], paths, project } = request;
	const folder = scriptFolder(paths.state, project, request.profile);
	placeScripts(folder, scripts);
	for (const { name } of scripts) {
		if (root === null || !existsSync(`${root}/usr/bin/${name}`)) continue;
		diagnostics.push(
			diagnose("SCRIPT_HIDES_PROGRAM", `the script '${name}' hides the program of that name in the environment`, {
				severity: "warning",
				hint: `name it otherwise; /usr/bin/${name} is the program`,
			}),
		);
	}
	return scripts.length === 0 ? [] : [folder];
}

function variantOf({ profile, variant }: ActivationRequest, asUser: boolean): ActivationVariant {
	return { asUser, profile, variant };
}

function activationFolder(request: ActivationRequest, asUser: boolean): string {
	return `${request.paths.state}/activations/${activationName(request.project, variantOf(request, asUser))}`;
}

/**
 * Each file is replaced in one step. Those of other kinds of shells stay: a user may start shells of several kinds at once, and
 * one of them may be about to read its own.
 */
function writeScript(folder: string, files: ReadonlyMap<string, string>): void {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	for (const [name, text] of files) {
		const fresh = `${folder}/${name}.${process.pid}`;
		writeFileSync(fresh, text, { mode: 0o600 });
		renameSync(fresh, `${folder}/${name}`);
	}
}

/* ---- what the stamp depends on ---- */

/** Everything as it is now; `settled` is false where a tracked path changed after reading began. `root`: of the view. */
function observe(
	request: ActivationRequest,
	around: {
		readonly inputs: ReadonlySet<string>;
		readonly root: string | null;
		/** Variables of the caller that were read besides those that always are. */
		readonly variables: readonly string[];
	},
): { conditions: StampCondition[]; settled: boolean } {
	const { inputs, root } = around;
	const tracked: TrackedPath[] = [...request.tracked];
	for (const path of inputs) tracked.push({ path, kind: existsSync(path) ? "file" : "absent" });
	const conditions: StampCondition[] = [];
	let settled = true;
	for (const each of new Map(tracked.map((one) => [`${one.kind} ${one.path}`, one])).values()) {
		const condition = observePath(each);
		conditions.push(condition);
		// Host inputs are read before this very moment, the project's since `readSince`.
		const own = !inputs.has(each.path);
		if (condition.kind === "absent") settled &&= each.kind === "absent";
		else if (condition.kind === "file" || condition.kind === "link") {
			settled &&= each.kind !== "absent";
			if (own) settled &&= condition.signature.changed < request.readSince - clockStep;
		}
	}
	for (const path of [request.environment, ...(root === null ? [] : [root])])
		conditions.push({ kind: "present", path });
	const variables = new Map(request.trackedVariables);
	for (const name of [...callerVariables, ...around.variables, ...(root === null ? [] : viewVariables)]) {
		if (!variables.has(name)) variables.set(name, request.caller.env[name] ?? null);
	}
	for (const [name, value] of variables) {
		conditions.push({ kind: "variable", name, value });
		settled &&= (request.caller.env[name] ?? null) === value;
	}
	return { conditions, settled };
}

/** The caller's variables that a stamp depends on, with the values they had. */
function callerValues(conditions: readonly StampCondition[]): Record<string, string> {
	return Object.fromEntries(
		conditions.flatMap((each) => (each.kind === "variable" && each.value !== null ? [[each.name, each.value]] : [])),
	);
}
