import {
	chmodSync,
	linkSync,
	lstatSync,
	mkdirSync,
	renameSync,
	rmSync,
	symlinkSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import test from "ava";
import { type StampCondition, stampPath } from "../src/index.ts";
import { Place, self, viewTest } from "./fixtures/scaffold.ts";

const FALLBACK = ["launch", "echo", "fallback", "--"];

function conditionOf(kind: "file" | "link", path: string): StampCondition {
	const info = kind === "file" ? statSync(path, { bigint: true }) : lstatSync(path, { bigint: true });
	const signature = {
		device: info.dev,
		inode: info.ino,
		size: info.size,
		modified: info.mtimeNs,
		changed: info.ctimeNs,
	};
	return { kind, path, signature };
}

class Project extends Place {
	readonly project = `${this.folder}/project`;
	readonly env = { DEVENV_HOME: this.folder, TRACKED: "yes" };
	conditions: StampCondition[] = [];

	stamp(changes: Parameters<Place["write"]>[1] = {}): string {
		const path = stampPath(`${this.folder}/state`, this.project, { asUser: false });
		return this.write(path.slice(this.folder.length + 1), { conditions: this.conditions, ...changes });
	}

	launch(args: readonly string[], options: { env?: Record<string, string>; cwd?: string } = {}): string {
		const cwd = options.cwd ?? this.project;
		const outcome = this.run([this.helper, ...FALLBACK, ...args], { cwd, env: { ...this.env, ...options.env } });
		return `${outcome.stdout}${outcome.stderr}`;
	}

	/** Whether the stamp holds now. */
	holds(env: Record<string, string> = {}): boolean {
		return this.launch(["shell", "--", "echo", "entered"], { env }) === "entered\n";
	}
}

function project(helper: string): Project {
	const made = new Project(self(), helper);
	writeFileSync(`${made.project}/env.yaml`, "packages: []\n");
	return made;
}

viewTest(test, "enters with the environment's changes from any folder below the project", (t, helper) => {
	const made = project(helper);
	mkdirSync(`${made.project}/a/b`, { recursive: true });
	made.stamp({
		changes: [
			{ kind: "set", name: "GREETING", value: "two\nlines 'quoted'" },
			{ kind: "unset", name: "TRACKED" },
			{ kind: "prepend", name: "PATH", separator: ":", value: "/first:/usr/bin" },
			{ kind: "append", name: "PATH", separator: ":", value: "/last" },
		],
		shell: ["/bin/sh", "-c", "echo interactive $0", "shell"],
	});
	const script = 'pwd; echo "$GREETING"; echo "$PATH"; echo "${TRACKED-unset}"';
	const options = { cwd: `${made.project}/a/b`, env: { PATH: "/bin:/last:/usr/bin" } };
	t.is(
		made.launch(["shell", "--", "sh", "-c", script], options),
		`${made.project}/a/b\ntwo\nlines 'quoted'\n/first:/usr/bin:/bin:/last\nunset\n`,
	);
	t.is(made.launch(["shell"], options), "interactive shell\n");
});

viewTest(test, "hands everything else to the fallback", (t, helper) => {
	const made = project(helper);
	made.stamp();
	t.is(made.launch(["info", "--json"]), "fallback info --json\n");
	t.is(made.launch(["shell", "--profile", "x"]), "fallback shell --profile x\n");
	t.is(made.launch(["shell", "--"]), "fallback shell --\n");
	t.is(made.launch(["shell", "--user", "--", "true"]), "fallback shell --user -- true\n");
	t.is(made.launch([]), "fallback\n");
	t.is(made.launch(["shell"], { cwd: "/" }), "fallback shell\n");
	t.is(made.launch(["shell"], { env: { DEVENV_HOME: "relative" } }), "fallback shell\n");
});

viewTest(test, "sees every kind of change to what it tracks", (t, helper) => {
	const made = project(helper);
	const file = `${made.project}/env.yaml`;
	const older = `${made.project}/older`;
	const link = `${made.project}/link`;
	writeFileSync(older, "packages: []\n");
	utimesSync(older, 1, 1);
	symlinkSync("env.yaml", link);
	const track = (...conditions: StampCondition[]): void => {
		made.conditions = conditions;
		made.stamp();
		t.true(made.holds());
	};
	track(conditionOf("file", file));
	writeFileSync(file, "packages: [a]\n");
	t.false(made.holds(), "an edit");
	track(conditionOf("file", file));
	renameSync(older, file);
	t.false(made.holds(), "an older file moved over it");
	const times = statSync(file);
	track(conditionOf("file", file));
	writeFileSync(file, "packages: [b]");
	writeFileSync(file, "packages: []\n");
	utimesSync(file, times.atime, times.mtime);
	t.false(made.holds(), "an edit of the same length whose time was set back");
	writeFileSync(older, "other\n");
	track(conditionOf("link", link));
	rmSync(link);
	symlinkSync("older", link);
	t.false(made.holds(), "a link that leads elsewhere");
	track(conditionOf("file", link));
	rmSync(link);
	symlinkSync("env.yaml", link);
	t.false(made.holds(), "a followed link that leads elsewhere");
	track(conditionOf("file", made.project));
	writeFileSync(`${made.project}/new`, "");
	t.false(made.holds(), "a new entry of a listed folder");
	track({ kind: "absent", path: `${made.project}/missing` });
	symlinkSync("nowhere", `${made.project}/missing`);
	t.true(made.holds(), "a link to nothing is nothing");
	linkSync(file, `${made.project}/nowhere`);
	t.false(made.holds(), "something where there was nothing");
	track({ kind: "present", path: older });
	rmSync(older);
	t.false(made.holds(), "a store object that is gone");
});

viewTest(test, "tracks variables, set and unset", (t, helper) => {
	const made = project(helper);
	made.conditions = [
		{ kind: "variable", name: "TRACKED", value: "yes" },
		{ kind: "variable", name: "OTHER", value: null },
	];
	made.stamp();
	t.true(made.holds());
	t.false(made.holds({ TRACKED: "no" }));
	t.false(made.holds({ OTHER: "" }));
});

viewTest(
	test,
	"refuses a stamp that is damaged, another project's, not lasting or not the caller's alone",
	(t, helper) => {
		const made = project(helper);
		const path = made.stamp();
		t.true(made.holds());
		chmodSync(path, 0o620);
		t.false(made.holds());
		made.stamp({ project: "/elsewhere" });
		t.false(made.holds());
		made.stamp({ lasting: false });
		t.false(made.holds());
		for (const text of [
			"",
			"devenv-stamp\0",
			"devenv-stamp\0" + "2\0end\0",
			"devenv-stamp\0" + "1\0file\0/x\0end\0",
			"devenv-stamp\0" + "1\0bogus\0end\0",
		]) {
			writeFileSync(path, text, { mode: 0o600 });
			t.false(made.holds(), JSON.stringify(text));
		}
		rmSync(path);
		symlinkSync("/etc/passwd", path);
		t.false(made.holds());
	},
);

viewTest(test, "starts from nothing but the kept variables in a clean environment", (t, helper) => {
	const made = project(helper);
	made.stamp({ clean: ["HOME", "ABSENT"], changes: [{ kind: "set", name: "A", value: "1" }] });
	t.is(made.launch(["shell", "--", "/usr/bin/env"]), `HOME=${made.folder}/home\nA=1\n`);
});

viewTest(test, "checks each of 500 inputs", (t, helper) => {
	const made = project(helper);
	for (let index = 0; index < 500; index++) {
		const path = `${made.folder}/home/${index}`;
		writeFileSync(path, "");
		made.conditions.push(conditionOf("file", path));
	}
	made.stamp();
	t.true(made.holds());
	for (const index of [0, 250, 499]) {
		const path = `${made.folder}/home/${index}`;
		writeFileSync(path, "changed");
		t.false(made.holds(), path);
		made.conditions = made.conditions.map((each) =>
			"path" in each && each.path === path ? conditionOf("file", path) : each,
		);
		made.stamp();
		t.true(made.holds(), path);
	}
});

viewTest(test, "gives the shell the caller's limit of files and ignored signals, which node changes", (t, helper) => {
	const made = project(helper);
	const stamp = made.write("once.stamp", {});
	const asNode =
		'ulimit -Sn "$(ulimit -Hn)"; trap "" PIPE XFSZ; exec "$0" enter "$1" -- sh -c "ulimit -Sn; grep SigIgn /proc/self/status; env"';
	const caller = `ulimit -Sn 200; trap "" XFSZ; exec "$0" launch sh -c '${asNode}' "$0" "$1" -- info`;
	const [files, signals, ...variables] = made.run(["sh", "-c", caller, helper, stamp]).stdout.split("\n");
	t.is(files, "200");
	t.is(signals, "SigIgn:\t0000000001000000");
	t.deepEqual(
		variables.filter((each) => each.startsWith("DEVENV_")),
		[],
	);
});
