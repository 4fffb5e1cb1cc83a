import test from "ava";
import { expectEnvSpec, parseEnvFile, type EnvSpec } from "../src/index.ts";

function spec(content: string, local?: string): EnvSpec {
	const options = local === undefined ? {} : { local: { file: "env.local.yaml", content: local } };
	return expectEnvSpec(parseEnvFile({ file: "env.yaml", content }, options));
}

function faults(content: string): string[] {
	return parseEnvFile({ file: "env.yaml", content }).diagnostics.map(
		({ code, message, location, hint }) =>
			`${code} ${location?.line}:${location?.column} ${message}${hint ? ` (${hint})` : ""}`,
	);
}

test("a process is shell text, or a table", (t) => {
	const { processes } = spec(`
processes:
  web:
    exec: npm start
    after: [db, migrate@completed]
    ready: { http: "http://localhost:http/health", timeout: 5 }
    restart: always
    ports: { http: 8080, admin: auto }
    env: { DEBUG: 1 }
    cwd: ./server
    stop: { signal: INT, timeout: 3 }
  migrate: ./migrate.sh
  db: { exec: ./db, ready: ./is-ready, restart: { policy: never } }
`);
	t.deepEqual(
		processes.map(({ name }) => name),
		["db", "migrate", "web"],
	);
	t.deepEqual(processes[2], {
		name: "web",
		exec: "npm start",
		description: "",
		after: [
			{ process: "db", condition: "ready" },
			{ process: "migrate", condition: "completed" },
		],
		ready: { check: { kind: "http", url: "http://localhost:http/health" }, interval: 1, timeout: 5 },
		restart: { policy: "always", most: 5, backoff: 1 },
		ports: [
			{ name: "http", port: 8080 },
			{ name: "admin", port: "auto" },
		],
		env: [{ name: "DEBUG", value: "1" }],
		cwd: "./server",
		stop: { signal: "INT", timeout: 3 },
	});
	t.deepEqual(processes[0]?.ready?.check, { kind: "exec", exec: "./is-ready" });
	t.is(processes[0]?.restart.policy, "never");
	t.is(processes[1]?.ready, null);
});

test("a script is shell text, or a table", (t) => {
	const { scripts } = spec(
		"scripts: { test: 'npm test', build: { exec: make, description: all of it, interpreter: python3 } }\n",
		"scripts: { test: x }\n",
	);
	t.deepEqual(scripts, [
		{ name: "build", exec: "make", description: "all of it", interpreter: "python3" },
		{ name: "test", exec: "x", description: "", interpreter: "" },
	]);
	t.regex(faults("scripts: { -x: y }\n").join(), /^ENV_KEY 1:12/);
	t.regex(faults("scripts: { x: { exce: y } }\n").join(), /did you mean 'exec'/);
	t.regex(faults("scripts: { x: { exec: y, interpreter: /bin/sh } }\n").join(), /name of a program/);
});

test("a later file's process takes the place of an earlier one's", (t) => {
	const { processes } = spec("processes: { a: one, b: two }\n", "processes: { b: { exec: three, restart: never } }\n");
	t.deepEqual(
		processes.map(({ name, exec }) => `${name}: ${exec}`),
		["a: one", "b: three"],
	);
});

test("what is wrong with processes is said where it stands", (t) => {
	t.deepEqual(faults("processes:\n  web: { exec: x, after: [bd] }\n  db: y\n"), [
		"ENV_UNKNOWN_PROCESS 2:27 'web' comes after 'bd', which is no process (did you mean 'db'?)",
	]);
	t.deepEqual(
		faults(
			"processes:\n  a: { exec: x, after: [b] }\n  b: { exec: x, after: [c@started] }\n  c: { exec: x, after: [a] }\n",
		),
		["ENV_PROCESS_CIRCLE 2:25 processes wait for each other: a → b → c → a (take one of them out of an 'after')"],
	);
	t.deepEqual(faults("processes:\n  a: { exec: x, ready: { port: htp }, ports: { http: 80 } }\n"), [
		"ENV_UNKNOWN_PORT 2:32 'a' has no port 'htp' (did you mean 'http'?)",
	]);
	t.deepEqual(faults("processes:\n  a: { exec: x, ready: { port: '80', log: y } }\n"), [
		"ENV_READY 2:43 'processes.a.ready' has several of exec, http, port and log (keep one of them)",
	]);
	t.deepEqual(faults("processes:\n  a: { exec: x, ready: { log: '(' } }\n"), [
		"ENV_READY 2:31 'processes.a.ready.log' is no regular expression",
	]);
	t.regex(
		faults("processes: { a: { exec: x, cwd: ../out } }\n").join("\n"),
		/^ENV_VALUE 1:33 .*a folder inside the project/,
	);
	t.regex(
		faults("processes: { a: { exec: x, ports: { http: 70000 } } }\n").join("\n"),
		/^ENV_TYPE 1:43 .*a port from 1 to 65535/,
	);
	t.regex(faults("processes: { a: { exce: x } }\n").join("\n"), /did you mean 'exec'/);
	t.regex(faults("processes: { Web: x }\n").join("\n"), /^ENV_KEY 1:14/);
});

test("services add their packages, variables and processes", (t) => {
	const { packages, processes, serviceVariables } = spec(`
packages: [jq, postgresql]
services:
  postgres: { databases: [app], settings: { max_connections: 50, log_line_prefix: "it's" } }
  redis: true
env: { PGUSER: me }
`);
	t.deepEqual(
		packages.map(({ attr }) => attr),
		["jq", "postgresql", "redis-server"],
	);
	t.deepEqual(
		processes.map(({ name }) => name),
		["postgres", "redis"],
	);
	t.true(processes[0]?.exec.includes("-c 'max_connections=50' -c 'log_line_prefix=it'\\''s'"));
	t.true(processes[0]?.exec.includes('create database "app";'));
	// What env says of a variable counts.
	t.deepEqual(
		serviceVariables.map(({ name }) => name),
		["PGHOST", "PGDATA", "REDIS_URL"],
	);
	t.deepEqual(spec("services: { redis: false, postgres: { enable: false } }\n").processes, []);
	t.is(spec("services: { redis: { port: 6379 } }\n").processes[0]?.ports[0]?.port, 6379);
});

test("env.local.yaml says more of a service", (t) => {
	const { processes } = spec(
		"services: { redis: { port: 6379 } }\n",
		"services: { redis: { settings: { maxmemory: 1mb } } }\n",
	);
	t.true(processes[0]?.exec.includes("--maxmemory '1mb'"));
	t.is(processes[0]?.ports[0]?.port, 6379);
});
