/** The keys of `processes` and `services` in env.yaml. Layer 1 (pure). */

import { isScalar } from "yaml";
import type { Located } from "./env-spec.ts";
import { list, record, type RecordType, table } from "./option-collections.ts";
import { choice, environmentValue, flag, portNumber, text, wholeNumber } from "./option-scalars.ts";
import type { OptionType } from "./option-type.ts";
import type {
	ProcessDeclaration,
	ReadyDeclaration,
	RestartDeclaration,
	RestartRule,
	StopDeclaration,
} from "./process-spec.ts";
import type { PostgresDeclaration, RedisDeclaration, ServicesDeclaration } from "./service-spec.ts";

const shellText: OptionType<Located<string>> = text({ expects: "shell commands as one string", maxLength: 100_000 });
export const variableName: RegExp = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The signals that end a process or ask it to. */
const stopSignals = {
	TERM: "ask it to end",
	INT: "as Ctrl-C does",
	QUIT: "as Ctrl-\\ does",
	HUP: "as a closed terminal does",
	USR1: "what the program makes of it",
	USR2: "what the program makes of it",
	KILL: "end it at once",
} as const;

const policies: Readonly<Record<RestartRule["policy"], string>> = {
	never: "it ends once",
	on_failure: "when it ended with another status than 0",
	always: "whenever it ended",
};

const readyType = record<ReadyDeclaration>(
	{
		exec: { type: shellText, description: "Shell text; ready when it ends with 0.", example: "pg_isready" },
		http: {
			type: text({
				expects: "a URL of this machine, such as http://localhost:8080/health",
				pattern: /^http:\/\/(localhost|127\.0\.0\.1)(:([0-9]{1,5}|[a-z][a-z0-9_]*))?(\/[^\s]*)?$/,
				hint: "http://localhost:PORT/PATH, where PORT may be the name of one of the process's ports",
			}),
			description: "A URL of this machine; ready when it answers with a status below 400.",
			example: "http://localhost:8080/health",
		},
		port: {
			type: text({
				expects: "the name of one of the process's ports, or a number in quotes",
				pattern: /^([0-9]{1,5}|[a-z][a-z0-9_]*)$/,
			}),
			description: "A port of this machine; ready when it takes connections.",
			example: "http",
		},
		log: {
			type: text({ expects: "a regular expression", maxLength: 500 }),
			description: "A regular expression; ready when a line of output matches.",
			example: "listening on",
		},
		interval: { type: wholeNumber(), description: "Seconds between two attempts.", fallback: 1, example: 2 },
		timeout: {
			type: wholeNumber(),
			description: "Seconds after which the process counts as failed.",
			fallback: 60,
			example: 120,
		},
	},
	{
		expects: "shell commands, or a table with one of exec, http, port and log",
		example: "ready: { port: http }",
		shorthand: {
			type: shellText,
			accepts: (node) => isScalar(node) && node.value !== null,
			expand: (exec) => ({ exec: exec as Located<string> }),
		},
	},
);

const restartType = record<RestartDeclaration>(
	{
		policy: {
			type: choice(policies),
			description: "When it is started again.",
			fallback: "on_failure",
			example: "always",
		},
		max: { type: wholeNumber(), description: "How often in a row.", fallback: 5, example: 10 },
		backoff: {
			type: wholeNumber(),
			description: "Seconds before the first time; doubled for each further one, up to 30.",
			fallback: 1,
			example: 2,
		},
	},
	{
		expects: "never, on_failure, always or a table",
		example: "restart: { policy: always, max: 10 }",
		shorthand: {
			type: choice(policies),
			accepts: (node) => isScalar(node) && node.value !== null,
			expand: (policy) => ({ policy: policy as RestartRule["policy"] }),
		},
	},
);

const stopType = record<StopDeclaration>(
	{
		signal: { type: choice(stopSignals), description: "What asks it to end.", fallback: "TERM", example: "INT" },
		timeout: { type: wholeNumber(), description: "Seconds after which it is killed.", fallback: 10, example: 30 },
	},
	{ expects: "a table with signal and timeout", example: "stop: { signal: INT, timeout: 30 }" },
);

const processType = record<ProcessDeclaration>(
	{
		exec: {
			type: shellText,
			description: "What runs: text for sh, in the project's folder.",
			required: true,
			example: "npm start",
		},
		description: {
			type: text({ expects: "one line of text", pattern: /^[^\n]*$/ }),
			description: "For people.",
			example: "the web server",
		},
		after: {
			type: list(
				text({
					expects: "a process, such as db or db@completed",
					pattern: /^[a-z][a-z0-9_-]*(@(started|ready|completed))?$/,
					hint: "NAME, NAME@started, NAME@ready or NAME@completed",
				}),
				{ expects: "a list of processes", example: "after: [db, migrate@completed]" },
			),
			description:
				"Processes that come first: until they are ready, or what stands behind `@` (started, ready, completed).",
			example: ["db", "migrate@completed"],
		},
		ready: {
			type: readyType,
			description: "How it is known that it does its work; else it is ready once it has started.",
			example: { port: "http" },
		},
		restart: {
			type: restartType,
			description: "Whether it is started again when it ended.",
			fallback: "on_failure",
			example: "always",
		},
		ports: {
			type: table(portNumber(), {
				expects: "a table of ports",
				example: "ports: { http: 8080, admin: auto }",
				key: "a name of small letters, digits and '_'",
				keyPattern: /^[a-z][a-z0-9_]{0,30}$/,
			}),
			description:
				"Ports of this machine that it listens on, by name: a number, or `auto` for a free one. All processes have them as PROCESS_NAME_PORT, and a process with one port has that as PORT.",
			example: { http: 8080 },
		},
		env: {
			type: table(environmentValue(), {
				expects: "a table of environment variables",
				example: "env: { LOG_LEVEL: debug }",
				key: "a variable name",
				keyPattern: variableName,
			}),
			description:
				"Variables of this process alone; `${NAME}` is the value of another of them, or of one of `env`, and `$${` a literal `${`.",
			example: { LOG_LEVEL: "debug" },
		},
		cwd: {
			type: text({
				expects: "a folder inside the project",
				pattern: /^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0]+$/,
				hint: "a path relative to env.yaml, without ..",
			}),
			description: "The folder that it runs in, relative to the project.",
			example: "./server",
		},
		stop: { type: stopType, description: "How it is ended.", example: { signal: "INT", timeout: 30 } },
	},
	{
		expects: "shell commands, or a table with exec",
		example: "web: { exec: npm start }",
		shorthand: {
			type: shellText,
			accepts: (node) => isScalar(node) && node.value !== null,
			expand: (exec) => ({ exec: exec as Located<string> }),
		},
	},
);

export const processesType: OptionType<readonly (readonly [string, ProcessDeclaration])[]> = table(processType, {
	expects: "a table of processes",
	example: "processes: { web: npm start }",
	key: "a name of small letters, digits, '_' and '-' that begins with a letter",
	keyPattern: /^[a-z][a-z0-9_-]{0,40}$/,
});

/** `true` for a table that only enables. */
function enabled<T extends { readonly enable?: boolean }>(
	name: string,
): {
	readonly expects: string;
	readonly example: string;
	readonly shorthand: NonNullable<Parameters<typeof record<T>>[1]["shorthand"]>;
} {
	return {
		expects: "true, false or a table",
		example: `${name}: true`,
		shorthand: {
			type: flag(),
			accepts: (node) => isScalar(node) && typeof node.value === "boolean",
			expand: (enable) => ({ enable: enable === true }) as T,
		},
	};
}

const enableField = { type: flag(), description: "Whether it runs.", fallback: true, example: true } as const;
const packageType = text({
	expects: "a package, such as postgresql",
	pattern: /^[A-Za-z0-9_][A-Za-z0-9_'.+-]*$/,
	maxLength: 256,
});

export const servicesType: RecordType<ServicesDeclaration> = record<ServicesDeclaration>(
	{
		postgres: {
			type: record<PostgresDeclaration>(
				{
					enable: enableField,
					package: {
						type: packageType,
						description: "The package with the server.",
						fallback: "postgresql",
						example: "postgresql-17",
					},
					port: {
						type: portNumber(),
						description:
							"A port of this machine, or `auto`, to listen on beside the socket; without it only the socket.",
						example: 5432,
					},
					databases: {
						type: list(text({ expects: "a database name", pattern: /^[A-Za-z_][A-Za-z0-9_-]{0,62}$/ }), {
							expects: "a list of database names",
							example: "databases: [app]",
						}),
						description: "Databases that are made with the data folder.",
						example: ["app"],
					},
					settings: {
						type: table(environmentValue(), {
							expects: "a table of settings",
							example: "settings: { max_connections: 50 }",
							key: "the name of a setting",
							keyPattern: /^[a-z_][a-z0-9_.]*$/,
						}),
						description: "Settings of postgresql.conf.",
						example: { max_connections: 50 },
					},
				},
				enabled<PostgresDeclaration>("postgres"),
			),
			description:
				"A PostgreSQL server of the project: data in .devenv/state/postgres, socket below DEVENV_RUNTIME, PGHOST and PGUSER set.",
			example: { databases: ["app"] },
		},
		redis: {
			type: record<RedisDeclaration>(
				{
					enable: enableField,
					package: {
						type: packageType,
						description: "The package with the server.",
						fallback: "redis-server",
						example: "redis-server",
					},
					port: {
						type: portNumber(),
						description:
							"A port of this machine, or `auto`, to listen on beside the socket; without it only the socket.",
						example: 6379,
					},
					settings: {
						type: table(environmentValue(), {
							expects: "a table of settings",
							example: "settings: { maxmemory: 100mb }",
							key: "the name of a setting",
							keyPattern: /^[a-z][a-z0-9-]*$/,
						}),
						description: "Settings of redis.conf.",
						example: { maxmemory: "100mb" },
					},
				},
				enabled<RedisDeclaration>("redis"),
			),
			description:
				"A Redis server of the project: data in .devenv/state/redis, socket below DEVENV_RUNTIME, REDIS_URL set.",
			example: true,
		},
	},
	{ expects: "a table of services", example: "services: { postgres: true }" },
);
