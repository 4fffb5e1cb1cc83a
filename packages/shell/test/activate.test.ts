import { spawnSync } from "node:child_process";
import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { canRunAs, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { readStamp } from "../src/index.ts";
import { type Caller, callers, lines, Place, self, syntheticRoot, viewTest, waitUntil } from "./fixtures/scaffold.ts";

const object = (name: string): string => `/nix/store/${"0".repeat(32)}-${name}`;

interface Options {
	readonly shell?: string;
	readonly enterShell?: string;
	readonly request?: Record<string, unknown>;
	readonly env?: Record<string, string>;
	/** Enter by bwrap. */
	readonly withoutHelper?: boolean;
	/** Arguments of the command to enter with; absent: only activate. */
	readonly command?: readonly string[];
}

/** A project of one caller, activated by a node process that runs as the caller, as daemon and client do. */
class Installation extends Place {
	readonly project = `${this.folder}/project`;

	constructor(caller: Caller, helper: string) {
		super(caller, helper);
		const store = `${this.folder}/root/nix/store`;
		mkdirSync(`${this.folder}/root${object("environment")}`, { recursive: true });
		symlinkSync(syntheticRoot(), `${this.folder}/root${object("root")}`);
		writeFileSync(`${this.project}/env.yaml`, "packages: []\n");
		// The sources, where every user can read them.
		const repository = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
		for (const name of ["diagnostics", "shell"]) {
			cpSync(join(repository, "packages", name, "src"), `${this.folder}/node/${name}/src`, { recursive: true });
			for (const file of readdirSync(`${this.folder}/node/${name}/src`).filter((each) => each.endsWith(".ts"))) {
				const path = `${this.folder}/node/${name}/src/${file}`;
				const text = readFileSync(path, "utf8").replaceAll('"@devenv/diagnostics"', '"../../diagnostics/src/index.ts"');
				writeFileSync(path, text);
			}
		}
		writeFileSync(`${this.folder}/node/package.json`, '{ "type": "module" }');
		writeFileSync(`${this.folder}/activate.ts`, activateProgram);
		this.describe({});
		chmodSync(store, 0o755);
		this.give(this.folder);
	}

	describe(changes: Record<string, unknown>): void {
		const description = {
			version: 1,
			name: "web",
			root: object("root"),
			storePaths: [],
			path: ["/usr/local/bin", "/usr/bin"],
			variables: { GREETING: "hello" },
			enterShell: "",
			packages: [],
			...changes,
		};
		writeFileSync(`${this.folder}/root${object("environment")}/environment.json`, JSON.stringify(description));
	}

	/** Waits until what was written is old enough to be tracked, then activates, and enters if there is a command. */
	activate(options: Options = {}): {
		outcome: { stamp: string; lasting: boolean; diagnostics: { code: string; message: string }[] };
		stdout: string;
		stderr: string;
		status: number | null;
	} {
		spawnSync("sleep", ["0.05"]);
		const request = {
			project: this.project,
			environment: `${this.folder}/root${object("environment")}`,
			paths: {
				storeRoot: `${this.folder}/root`,
				state: `${this.folder}/state`,
				runtime: `${this.folder}/run`,
				helper: options.withoutHelper === true ? null : this.helper,
			},
			tracked: [
				{ path: `${this.project}/env.yaml`, kind: "file" },
				{ path: `${this.project}/env.local.yaml`, kind: "absent" },
			],
			...options.request,
		};
		const env = { SHELL: options.shell ?? "/bin/bash", DEVENV_HOME: this.folder, ...options.env };
		const args = [process.execPath, `${this.folder}/activate.ts`, JSON.stringify(request), ...(options.command ?? [])];
		const run = this.run(args, { env });
		const [first = "", ...rest] = run.stderr.split("\n");
		if (!first.startsWith("{")) throw new Error(run.stderr);
		return { outcome: JSON.parse(first) as never, stdout: run.stdout, stderr: rest.join("\n"), status: run.status };
	}
}

const activateProgram = `
import { activate, enterStamp } from "./node/shell/src/index.ts";
const [request, ...command] = process.argv.slice(2);
const { caller: changes, ...parsed } = JSON.parse(request);
const { stamp, lasting, diagnostics } = await activate({ readSince: BigInt(Date.now()) * 1_000_000n, caller: { uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(), env: process.env, ...changes }, ...parsed });
process.stderr.write(JSON.stringify({ stamp, lasting, diagnostics }) + "\\n");
if (command.length > 0) process.exit(await enterStamp({ stamp, helper: parsed.paths.helper, bwrap: "bwrap", command, env: process.env }));
`;

for (const caller of callers().filter(canRunAs)) {
	viewTest(test, `makes nothing for ${caller.name} through a link that the project brings`, (t, helper) => {
		const place = new Installation(caller, helper);
		const victim = mkdtempSync(join(tmpdir(), "devenv-victim-"));
		t.teardown(() => {
			rmSync(victim, { recursive: true });
		});
		chmodSync(victim, 0o777);
		symlinkSync(victim, `${place.project}/.devenv`);
		const { outcome } = place.activate();
		t.deepEqual(readdirSync(victim), []);
		t.deepEqual(
			outcome.diagnostics.map(({ code }) => code),
			["SHELL_STATE"],
		);
	});

	viewTest(test, `prepares everything that ${caller.name} needs inside`, (t, helper) => {
		const place = new Installation(caller, helper);
		const script = `
			echo "$GREETING $DEVENV_PROFILE"
			echo "$DEVENV_ROOT"; test -d "$DEVENV_STATE" && test -d "$DEVENV_RUNTIME" && echo folders
			echo "$SHELL"
			grep -c ":x:$(id -u):$(id -g):" /etc/passwd
			cat /usr/marker
			command -v uname; command -v cat; uname -s
			echo "$PATH"`;
		const { outcome, stdout, stderr, status } = place.activate({
			command: ["sh", "-c", script],
			env: { PATH: "/home/bin:/usr/bin:/bin" },
		});
		t.is(stderr, "");
		t.is(status, 0);
		t.deepEqual(outcome.diagnostics, []);
		const view = dirname(readStamp(outcome.stamp).view?.etc ?? "");
		const path = lines(stdout).at(-1) ?? "";
		t.deepEqual(lines(stdout).slice(0, -1), [
			"hello default",
			place.project,
			"folders",
			"/usr/bin/bash",
			"1",
			"first root",
			`${view}/host-programs/uname`,
			"/usr/bin/cat",
			"Linux",
		]);
		const first = caller.uid === 0 ? "" : `${view}/setuid-programs:`;
		t.is(path, `${first}/usr/local/bin:/usr/bin:/home/bin:/bin:${view}/host-programs`);
	});

	viewTest(test, `starts again from the stamp alone for ${caller.name}`, (t, helper) => {
		const place = new Installation(caller, helper);
		t.true(place.activate().outcome.lasting);
		const env = { DEVENV_HOME: place.folder, SHELL: "/bin/bash" };
		const launch = (): string =>
			place.run([helper, "launch", "echo", "fallback", "--", "shell", "--", "cat", "/usr/marker"], { env }).stdout;
		t.is(launch(), "first root\n");
		writeFileSync(`${place.project}/env.local.yaml`, "");
		t.is(launch(), "fallback shell -- cat /usr/marker\n");
	});
}

viewTest(test, "what a view is composed from is recorded: a changed value needs another activation", (t, helper) => {
	const place = new Installation(self(), helper);
	const env = { DEVENV_HOME: place.folder, SHELL: "/bin/bash", PATH: "/usr/bin:/bin", USER: "ann", LOGNAME: "ann" };
	t.true(place.activate({ env }).outcome.lasting);
	const launch = (changes: Record<string, string>): string =>
		place.run([helper, "launch", "/bin/echo", "fallback", "--", "shell", "--", "cat", "/usr/marker"], {
			env: { ...env, ...changes },
		}).stdout;
	t.is(launch({}), "first root\n");
	t.is(launch({ TERM: "dumb" }), "first root\n");
	for (const name of ["PATH", "USER", "LOGNAME"]) {
		t.is(launch({ [name]: "/opt/other" }), "fallback shell -- cat /usr/marker\n", name);
	}
});

viewTest(test, "account and groups are those of the caller, and make views of their own", (t, helper) => {
	const place = new Installation(self(), helper);
	const view = (env: Record<string, string>, groups: readonly number[]): string =>
		readStamp(place.activate({ env, request: { caller: { groups } } }).outcome.stamp).view?.etc ?? "";
	const first = view({ USER: "ann" }, [64_001]);
	t.not(view({ USER: "bob" }, [64_001]), first);
	t.not(view({ USER: "ann" }, [64_001, 64_002]), first);
	t.is(view({ USER: "ann" }, [64_001, 64_001]), first);
});

viewTest(test, "passes the exit status and signals of the program on", (t, helper) => {
	const place = new Installation(self(), helper);
	t.is(place.activate({ command: ["sh", "-c", "exit 42"] }).status, 42);
	t.is(place.activate({ command: ["no-such-program"] }).status, 127);
	const killed = place.activate({ command: ["sh", "-c", "kill -9 $$"] });
	t.is(killed.status, null);
});

viewTest(test, "without the helper, passes the exit status of the program on", (t, helper) => {
	if (spawnSync("bwrap", ["--unshare-user", "--ro-bind", "/", "/", "true"]).status !== 0) {
		skip(t, "no bwrap, or it makes no namespaces here");
		return;
	}
	const place = new Installation(self(), helper);
	const enter = (...command: string[]) => place.activate({ withoutHelper: true, command });
	t.is(enter("cat", "/usr/marker").stdout, "first root\n");
	t.is(enter("sh", "-c", "exit 42").status, 42);
	t.is(enter("sh", "-c", "kill -9 $$").status, 137);
	t.is(enter("/usr/marker").status, 126);
	const missing = enter("no-such-program");
	t.is(missing.status, 127);
	t.regex(missing.stderr, /^\/usr\/bin\/env: .no-such-program.: No such file or directory\n$/u);
	// A signal for bwrap alone, as when the whole group gets it, does not take the program along; one for us reaches it.
	const script = [
		"trap 'echo got it; exit 3' TERM",
		"kill -TERM $PPID; kill -INT $PPID",
		'while read -r key value; do [ "$key" != PPid: ] || us=$value; done </proc/$PPID/status',
		"kill -TERM $us",
		"n=0; while [ $n -lt 20000000 ]; do n=$((n + 1)); done; echo nothing came",
	].join("\n");
	const signalled = enter("sh", "-c", script);
	t.is(signalled.stdout, "got it\n");
	t.is(signalled.status, 3);
});

viewTest(test, "a stamp is not lasting when an input changed after reading began", (t, helper) => {
	const place = new Installation(self(), helper);
	const long = (): unknown =>
		place.activate({ request: { tracked: [{ path: `${place.project}/gone`, kind: "file" }] } }).outcome.lasting;
	t.false(long(), "a file that was read and is gone");
	const absent = { tracked: [{ path: `${place.project}/env.yaml`, kind: "absent" }] };
	t.false(place.activate({ request: absent }).outcome.lasting, "a file that was absent and is there");
	t.true(place.activate().outcome.lasting);
	const program = `${place.folder}/activate.ts`;
	writeFileSync(program, activateProgram.replace("BigInt(Date.now())", "BigInt(Date.now() - 3_600_000)"));
	t.false(place.activate().outcome.lasting, "a file that changed since");
});

viewTest(test, "a shell that the root lacks gives way to bash, with a warning", (t, helper) => {
	const place = new Installation(self(), helper);
	const { outcome } = place.activate({ shell: "/usr/bin/zsh" });
	t.deepEqual(
		outcome.diagnostics.map((each) => `${each.code}: ${each.message}`),
		["SHELL_MISSING: your shell zsh is not in the environment; bash takes its place"],
	);
	t.is(readStamp(outcome.stamp).shell[0], "/usr/bin/bash");
});

viewTest(test, "a locale that cannot be made gives way to C.UTF-8, and none is left alone", (t, helper) => {
	const place = new Installation(self(), helper);
	const locale = ["sh", "-c", 'echo "${LANG-unset} ${LC_TIME-unset}"'];
	const german = place.activate({ command: locale, env: { LANG: "de_DE.UTF-8", LC_TIME: "C" } });
	t.is(german.stdout, "C.UTF-8 C\n");
	t.deepEqual(
		german.outcome.diagnostics.map((each) => each.code),
		["SHELL_LOCALE"],
	);
	const none = place.activate({ command: locale });
	t.is(none.stdout, "unset unset\n");
	t.deepEqual(none.outcome.diagnostics, []);
});

viewTest(test, "a clean environment has neither the caller's variables nor host programs", (t, helper) => {
	const place = new Installation(self(), helper);
	const request = { clean: { keep: ["KEPT"] } };
	const { stdout } = place.activate({
		request,
		command: ["env"],
		env: { KEPT: "1", OTHER: "2", DEVENV_HOST_SOCKET: "/x" },
	});
	const names = lines(stdout).map((line) => line.split("=")[0]);
	t.true(names.includes("KEPT"));
	t.true(names.includes("GREETING"));
	for (const name of ["OTHER", "HOME", "DEVENV_HOST_SOCKET"]) t.false(names.includes(name), name);
	t.true(lines(stdout).includes("PATH=/usr/local/bin:/usr/bin"));
});

viewTest(test, "records the host programs that were used, and leaves no socket behind", async (t, helper) => {
	const place = new Installation(self(), helper);
	const { outcome } = place.activate({ command: ["sh", "-c", "uname >/dev/null; uname >/dev/null"] });
	t.is(readFileSync(readStamp(outcome.stamp).view?.hostLog ?? "", "utf8"), "uname\n");
	const sockets = (): string[] => readdirSync(`${place.folder}/run`).filter((name) => name.endsWith(".sock"));
	await waitUntil(() => sockets().length === 0);
	t.deepEqual(sockets(), []);
});

const badDescriptions: readonly [title: string, change: Record<string, unknown>, message: string][] = [
	["another version", { version: 2 }, "version 2 is not known"],
	["a root outside the store", { root: "/etc" }, "root is not a store path"],
	["a variable's name", { variables: { "A;rm": "1" } }, "variables is not an object of strings"],
	["a folder of PATH with a colon", { path: ["/a:/b"] }, "path is not a list of absolute folders"],
];

for (const [title, change, message] of badDescriptions) {
	viewTest(test, `refuses an environment description: ${title}`, (t: ExecutionContext, helper) => {
		const place = new Installation(self(), helper);
		place.describe(change);
		const error = t.throws(() => place.activate());
		t.true(error.message.includes(`ENVIRONMENT_INVALID: the environment`), error.message);
		t.true(error.message.includes(message), error.message);
		t.false(existsSync(`${place.folder}/state/stamps`));
	});
}
