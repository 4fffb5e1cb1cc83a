import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { skip } from "@devenv/test-support";
import test from "ava";
import { callers, isProgram, Place, self, strangerId, viewTest, waitUntil } from "./fixtures/scaffold.ts";

for (const caller of callers()) {
	viewTest(test, `runs programs on the host as if typed there by ${caller.name}`, (t, helper) => {
		const place = new Place(caller, helper);
		const outcome = place.inView(
			`host="/.devenv/helper host"
			$host sh -c 'test -e /.devenv || echo outside; pwd; echo $GREETING; umask; echo "\${DEVENV_HOST_SOCKET-none} $CA"'
			echo data | $host cat
			$host sh -c 'cat <&7; echo error >&2' 7<input
			$host sh -c 'exit 9'; echo $?
			$host sh -c 'kill -USR1 $$'; echo $?
			$host no-such-program; echo $?
			$host /etc/passwd; echo $?`.replace(
				"host=",
				"export GREETING=hello CA=/.devenv/host/etc/x; umask 027; echo file >input\nhost=",
			),
			{ hostLog: `${place.folder}/state/log` },
		);
		t.deepEqual(outcome.stdout.split("\n"), [
			"outside",
			`${place.folder}/project`,
			"hello",
			"0027",
			"none /etc/x",
			"data",
			"file",
			"9",
			"138",
			"127",
			"126",
			"",
		]);
		t.regex(outcome.stderr, /^error\n/);
		t.regex(outcome.stderr, /devenv: host: no-such-program: command not found\n/);
		const log = readFileSync(`${place.folder}/state/log`, "utf8").split("\n");
		t.deepEqual(log, ["sh", "cat", "no-such-program", "passwd", ""]);
	});

	viewTest(test, `runs the host program that a link is named after for ${caller.name}`, (t, helper) => {
		const place = new Place(caller, helper);
		mkdirSync(`${place.folder}/links`);
		symlinkSync("/.devenv/helper", `${place.folder}/links/uname`);
		const outcome = place.inView(`PATH=$PATH:${place.folder}/links; command -v uname; uname -s`);
		t.is(outcome.stdout, `${place.folder}/links/uname\nLinux\n`);
	});

	viewTest(
		test,
		`gives programs asked for from another session a terminal of their own for ${caller.name}`,
		(t, helper) => {
			if (!isProgram("script")) {
				skip(t, "no script");
				return;
			}
			const place = new Place(caller, helper);
			const inner =
				"/.devenv/helper host sh -c 'tty <&1; stty -a -F /dev/tty | grep -c isig; echo asked >/dev/tty; exit 6'";
			const outcome = place.inView(`script -qec "${inner}" /dev/null </dev/null; echo $?`);
			t.regex(outcome.stdout, /\/dev\/pts\/\d+\r\n1\r\nasked\r\n6\n$/);
		},
	);

	viewTest(test, `passes signals on and ends with its program for ${caller.name}`, async (t, helper) => {
		const place = new Place(caller, helper);
		const spec = place.write("view", { view: place.view() });
		const script = 'trap "echo caught; exit 3" TERM; echo ready; while :; do sleep 0.05; done';
		const as = caller.uid === process.getuid?.() ? {} : { uid: caller.uid, gid: caller.gid };
		const options = { cwd: place.folder, env: { PATH: "/usr/bin:/bin" }, ...as };
		const child = spawn(helper, ["view", spec, "--", "/.devenv/helper", "host", "sh", "-c", script], options);
		let output = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			if (output === "") child.kill("SIGTERM");
			output += text;
		});
		const status = await new Promise((resolve) =>
			child.on("close", (code, signal) => {
				resolve(code ?? signal);
			}),
		);
		t.is(output, "ready\ncaught\n");
		t.is(status, 3);
	});

	viewTest(test, `kills the program with its caller, and goes with the view, for ${caller.name}`, async (t, helper) => {
		const place = new Place(caller, helper);
		const file = `${place.folder}/project/pid`;
		const outcome = place.inView(
			`/.devenv/helper host sh -c 'echo $$ >${file}; exec sleep 100' & while ! test -s ${file}; do sleep 0.02; done; kill -9 $!; wait $!; echo $?`,
		);
		t.is(outcome.stdout, "137\n");
		const pid = readFileSync(file, "utf8").trim();
		await waitUntil(() => !isRunning(pid));
		await waitUntil(() => readdirSync(`${place.folder}/run`).length === 0);
		t.false(isRunning(pid));
		t.deepEqual(readdirSync(`${place.folder}/run`), []);
	});
}

viewTest(test, "obeys nobody else", (t, helper) => {
	const root = callers().find((each) => each.uid === 0);
	if (root === undefined) {
		skip(t, "only root can play two users");
		return;
	}
	const place = new Place(root, helper);
	const spec = place.write("view", { view: place.view() });
	// The folder is opened to the stranger, so that only the check of the peer is left.
	const script = `chmod 711 ${place.folder} ${place.folder}/run; chmod 777 ${place.folder}/run/*; env >${place.folder}/env; sleep 1`;
	const view = spawn(
		helper,
		["view", spec, "--", "/.devenv/helper", "host", "sh", "-c", `DEVENV_HOST_SOCKET=; ${script}`],
		{ cwd: "/" },
	);
	t.teardown(() => view.kill());
	for (let tries = 0; tries < 100 && !existsSync(`${place.folder}/env`); tries++) spawnSync("sleep", ["0.02"]);
	const [socket = ""] = readdirSync(`${place.folder}/run`);
	const attempt = spawnSync(helper, ["host", "id"], {
		encoding: "utf8",
		cwd: "/",
		env: { DEVENV_HOST_SOCKET: `${place.folder}/run/${socket}` },
		uid: strangerId,
		gid: strangerId,
	});
	t.is(attempt.status, 125);
	t.is(attempt.stdout, "");
	t.regex(attempt.stderr, /Operation not permitted/);
});

viewTest(test, "needs a runtime folder that is the caller's alone", (t, helper) => {
	const place = new Place(self(), helper);
	spawnSync("chmod", ["755", `${place.folder}/run`]);
	const outcome = place.inView("echo in; echo ${DEVENV_HOST_SOCKET-none}");
	t.is(outcome.stdout, "in\nnone\n");
	t.regex(outcome.stderr, /no host programs in this shell: cannot listen in .*: Operation not permitted/);
});

viewTest(test, "listens at a path longer than a socket address", (t, helper) => {
	const place = new Place(self(), helper);
	const runtime = `${place.folder}/${"long-".repeat(30)}`;
	mkdirSync(runtime, { mode: 0o700 });
	place.give(runtime);
	t.is(place.inView("/.devenv/helper host echo reached", { runtime }).stdout, "reached\n");
});

viewTest(test, "leaves a clean view without an agent", (t, helper) => {
	const place = new Place(self(), helper);
	const { runtime: _runtime, ...view } = place.view();
	const spec = place.write("view", { view });
	const outcome = place.run([helper, "view", spec, "--", "/.devenv/helper", "host", "id"], {
		env: { DEVENV_HOST_SOCKET: "/x" },
	});
	t.is(outcome.status, 125);
	writeFileSync(`${place.folder}/seen`, outcome.stderr);
	t.regex(outcome.stderr, /id is a program of the host, and this shell's host agent does not answer/);
});

function isRunning(pid: string): boolean {
	return existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
