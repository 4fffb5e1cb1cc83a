/**
 * Where `pip install`, `npm install -g`, `gem install`, `cargo install` and `go install` put things inside an environment:
 * a folder of the project's own, whose programs come first on PATH. Layer 2.
 *
 * It lies in the state folder, not in the project: what a repository brought along there would be run by its name. Only
 * tools that the environment has are told of it, and what the user or env.yaml has set wins.
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import type { Variables } from "./activation-request.ts";
import type { EnvironmentChange } from "./environment-difference.ts";

interface Tool {
	/** Is there, in a folder of programs of the root, if the environment has the tool. */
	readonly program: string;
	/** Variables by which somebody says otherwise; ours is the first. */
	readonly variables: readonly [string, ...string[]];
	/** Its value, below the project's folder. */
	readonly value: string;
	/** More variables, with their values. */
	readonly also?: Variables;
	/** Where its programs go, below the project's folder. */
	readonly programs: string;
}

const tools: readonly Tool[] = [
	{
		// The root is read-only, so that pip installs for the user, unless in a venv; PIP_USER would break those.
		program: "pip3",
		variables: ["PYTHONUSERBASE"],
		value: "python",
		also: { PIP_BREAK_SYSTEM_PACKAGES: "1" },
		programs: "python/bin",
	},
	{
		// A configuration file instead of npm_config_prefix: that one wins over the user's own .npmrc, and nvm refuses to work.
		program: "npm",
		variables: ["NPM_CONFIG_GLOBALCONFIG", "npm_config_globalconfig", "NPM_CONFIG_PREFIX", "npm_config_prefix"],
		value: "npmrc",
		programs: "npm/bin",
	},
	{ program: "gem", variables: ["GEM_HOME"], value: "gems", programs: "gems/bin" },
	{ program: "cargo", variables: ["CARGO_INSTALL_ROOT"], value: "cargo", programs: "cargo/bin" },
	{ program: "go", variables: ["GOBIN"], value: "go/bin", programs: "go/bin" },
];

/** The variables that may be set so, with their programs. */
export const toolVariables: ReadonlyMap<string, string> = new Map(
	tools.flatMap(({ program, variables, also = {} }) =>
		[variables[0], ...Object.keys(also)].map((name) => [name, program] as const),
	),
);

export interface ToolPrefixRequest {
	/** Physical path of the FHS root. */
	readonly root: string;
	readonly state: string;
	/** Stands for the project in file names; its folder. */
	readonly hash: string;
	readonly project: string;
	/** What env.yaml sets, and what comes in of the caller's variables. */
	readonly set: Variables;
	readonly caller: Variables;
}

export interface ToolPrefixes {
	readonly changes: readonly EnvironmentChange[];
	/** Folders for PATH, before all others. */
	readonly path: readonly string[];
	/** The caller's variables that this depends on. */
	readonly read: readonly string[];
}

/** Makes the project's folder, if there is a tool for it. Throws the file system's errors. */
export function toolPrefixes(request: ToolPrefixRequest): ToolPrefixes {
	const { root, state, hash, set, caller } = request;
	const all = `${state}/prefixes`;
	const folder = `${all}/${hash}`;
	const present = tools.filter(({ program }) =>
		["usr/bin", "usr/local/bin"].some((place) => existsSync(`${root}/${place}/${program}`)),
	);
	// In a shell of ours the variables are there, of this project or another: nobody has chosen those.
	const isOurs = (value: string): boolean => value.startsWith(`${all}/`);
	const free = present.filter(({ variables }) =>
		variables.every((name) => set[name] === undefined && (caller[name] === undefined || isOurs(caller[name]))),
	);
	if (free.length > 0) makeFolder(folder, request.project);
	const changes = free.flatMap(({ variables, value, also = {} }): EnvironmentChange[] => [
		{ kind: "set", name: variables[0], value: `${folder}/${value}` },
		...Object.entries(also).flatMap(([name, text]): EnvironmentChange[] =>
			set[name] === undefined ? [{ kind: "set", name, value: text }] : [],
		),
	]);
	return {
		changes,
		path: free.map(({ programs }) => `${folder}/${programs}`),
		read: present.flatMap(({ variables }) => variables),
	};
}

/** `project` names the project, for whoever clears up. */
function makeFolder(folder: string, project: string): void {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	writeFileSync(`${folder}/project`, `${project}\n`, { mode: 0o600 });
	writeFileSync(`${folder}/npmrc`, `prefix=${JSON.stringify(`${folder}/npm`)}\n`, { mode: 0o600 });
}
