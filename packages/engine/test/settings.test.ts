import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError, renderDiagnostic } from "@devenv/diagnostics";
import test from "ava";
import { defaultSettings, parseSettings, readSettings } from "../src/settings.ts";

test("an empty file and one of comments leave the defaults", (t) => {
	t.deepEqual(parseSettings("", "config.yaml"), defaultSettings());
	t.deepEqual(parseSettings("# nothing\n", "config.yaml"), defaultSettings());
});

test("reads every setting", (t) => {
	const text = `max_jobs: 3
cores: 2
timeout: 3600
max_silent_time: 600
max_log_size: 1000000
keep_derivations: false
keep_outputs: true
auto_optimise_store: true
gc_reserved_space: 4096
secret_key_files: [/etc/devenv/key]
post_build_hook: /usr/local/bin/push
max_fetches: 5
daemon_idle_exit: 0
evaluator_memory: 512
mirrors:
  debian: [http://a.example/debian, file:///srv/debian]
substituters: ["https://cache.example.org?priority=10", file:///srv/cache]
sandbox_paths: [/bin/sh, "/lib64?", "/opt/tools=/srv/tools"]
trusted_public_keys: ["a-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
`;
	t.deepEqual(parseSettings(text, "config.yaml"), {
		maxJobs: 3,
		cores: 2,
		timeout: 3600,
		maxSilentTime: 600,
		maxLogSize: 1_000_000,
		keepDerivations: false,
		keepOutputs: true,
		autoOptimiseStore: true,
		gcReservedSpace: 4096,
		secretKeyFiles: ["/etc/devenv/key"],
		postBuildHook: "/usr/local/bin/push",
		maxFetches: 5,
		daemonIdleExit: 0,
		evaluatorMemory: 512,
		mirrors: new Map([["debian", ["http://a.example/debian", "file:///srv/debian"]]]),
		substituters: ["https://cache.example.org?priority=10", "file:///srv/cache"],
		sandboxPaths: ["/bin/sh", "/lib64?", "/opt/tools=/srv/tools"],
		trustedPublicKeys: ["a-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="],
	});
});

test("a file that is missing leaves the defaults, one that cannot be read is refused", (t) => {
	const folder = mkdtempSync(join(tmpdir(), "devenv-settings-"));
	t.teardown(() => rmSync(folder, { recursive: true }));
	const file = join(folder, "config.yaml");
	t.deepEqual(readSettings(file), defaultSettings());
	writeFileSync(file, "cores: 3\n");
	t.is(readSettings(file).cores, 3);
	rmSync(file);
	mkdirSync(file);
	const error = t.throws(() => readSettings(file), { instanceOf: DiagnosticError });
	t.like(error.diagnostics[0], { code: "CONFIG_UNREADABLE", message: `cannot read ${file}: EISDIR` });
});

const refusals: readonly (readonly [string, string])[] = [
	[
		"max_job: 3\n",
		`error[CONFIG_UNKNOWN_KEY]: unknown setting 'max_job'
  --> config.yaml:1:1
 1 | max_job: 3
   | ^^^^^^^
  help: did you mean 'max_jobs'?
`,
	],
	[
		"cores: 1\nmax_jobs: 0\n",
		`error[CONFIG_TYPE]: 'max_jobs' must be a whole number from 1 to 1024
  --> config.yaml:2:11
 2 | max_jobs: 0
   |           ^
`,
	],
	[
		"- max_jobs\n",
		`error[CONFIG_TYPE]: the settings are not a mapping
  --> config.yaml:1:1
 1 | - max_jobs
   | ^^^^^^^^^^
`,
	],
	[
		"mirrors: { debian: [ftp://x] }\n",
		`error[CONFIG_TYPE]: 'mirrors' must be a mapping from archive names to lists of http, https or file URLs
  --> config.yaml:1:10
 1 | mirrors: { debian: [ftp://x] }
   |          ^^^^^^^^^^^^^^^^^^^^^
`,
	],
	[
		"substituters: [https://cache.example.org, ftp://x]\n",
		`error[CONFIG_TYPE]: 'substituters' must be a list of addresses of binary caches: 'ftp://x' is no address of a binary cache: ftp: is not known; use http, https or file
  --> config.yaml:1:15
 1 | substituters: [https://cache.example.org, ftp://x]
   |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
`,
	],
	[
		"sandbox_paths: [bin/sh]\n",
		`error[CONFIG_TYPE]: 'sandbox_paths' must be a list of absolute paths, /inside=/outside where they differ: 'bin/sh' is no such path
  --> config.yaml:1:16
 1 | sandbox_paths: [bin/sh]
   |                ^^^^^^^^
`,
	],
	[
		"trusted_public_keys: [key]\n",
		`error[CONFIG_TYPE]: 'trusted_public_keys' must be a list of public keys, <name>:<base64> each: a public key has no name
  --> config.yaml:1:22
 1 | trusted_public_keys: [key]
   |                      ^^^^^
`,
	],
	[
		"cores: 1\ncores: 2\n",
		`error[CONFIG_SYNTAX]: Map keys must be unique
  --> config.yaml:2:1
 2 | cores: 2
   | ^
`,
	],
];

for (const [text, expected] of refusals) {
	test(`refuses ${JSON.stringify(text)}`, (t) => {
		const error = t.throws(() => parseSettings(text, "config.yaml"), { instanceOf: DiagnosticError });
		t.is(error.diagnostics.map((each) => renderDiagnostic(each)).join(""), expected);
	});
}

test("anchors cannot blow it up", (t) => {
	const text = `a: &a [x, x]\nb: &b [*a, *a]\nmirrors: { debian: *b }\n`;
	t.throws(() => parseSettings(text, "config.yaml"), { instanceOf: DiagnosticError });
});
