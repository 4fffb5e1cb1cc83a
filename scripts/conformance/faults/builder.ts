/** Builders that misbehave, with the whole daemon around them: each is contained, and what it did wrong is said. */

import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { addDerivation, Installation, processesWith, shellDerivation } from "./installation.ts";
import type { Tally } from "./tally.ts";
import { Refused, type WorkerClient } from "./worker-client.ts";

export interface BuilderOptions {
	readonly tally: Tally;
	readonly folder: string;
	/** Bytes of the endless log; default 1 GiB. */
	readonly logBytes?: number;
}

interface Case {
	readonly name: string;
	readonly script: string;
	/** Of the derivation's log or failure; undefined: it succeeds. */
	readonly says?: RegExp;
	readonly fails?: RegExp;
	/** What is wrong with the output, which is at this path. */
	readonly check?: (out: string) => string | undefined;
	/** Compiles a C program of this text as `./tool` first. */
	readonly tool?: string;
}

/** MiB that the daemon may take for anything that a builder does. */
const MOST_MEMORY = 700;

const tracer = `#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>
#include <stdlib.h>
#include <errno.h>
int main(int c, char **v) {
	int pid = atoi(v[1]);
	char byte;
	struct iovec one = {&byte, 1}, other = {(void *)0x400000, 1};
	printf("attach %s\\n", ptrace(PTRACE_ATTACH, pid, 0, 0) == 0 ? "done" : "refused");
	printf("read %s\\n", process_vm_readv(pid, &one, 1, &other, 1, 0) == 1 ? "done" : "refused");
	return 0;
}
`;

export async function builderLoop({ tally, folder, logBytes = 1 << 30 }: BuilderOptions): Promise<void> {
	const installation = new Installation(mkdtempSync(join(folder, "builder-")));
	const victim = join(installation.folder, "victim");
	mkdirSync(victim);
	writeFileSync(join(victim, "secret"), "secret\n");
	chmodSync(join(victim, "secret"), 0o640);
	const before = described(join(victim, "secret"));
	let reached = 0;
	const server = createServer((socket) => {
		reached++;
		socket.destroy();
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	try {
		await installation.start();
		for (const each of cases(victim, port)) await tryCase(installation, each, tally);
		if (reached > 0) tally.fault("builder: tries the network", "it reached the host");
		if (described(join(victim, "secret")) !== before)
			tally.fault("builder: links out of its output", "a file of the host was changed");
		await cancelled(installation, tally);
		for (const reads of [true, false]) await endlessLog(installation, tally, { reads, logBytes });
		const judged = await installation.judge();
		if (judged !== undefined) tally.fault("builder", judged);
		await installation.end("SIGTERM");
		tally.none("builder", "left over", installation.leftovers());
		if (installation.errors !== "") tally.fault("builder", installation.errors);
	} finally {
		await installation.end("SIGKILL");
		server.close();
	}
}

function described(file: string): string {
	const { mode, mtimeMs, size, uid } = lstatSync(file);
	return JSON.stringify({ mode, mtimeMs, size, uid, text: readFileSync(file, "latin1") });
}

function cases(victim: string, port: number): readonly Case[] {
	const plain = (out: string): string | undefined =>
		readFileSync(out, "latin1") === "fine\n" ? undefined : "another output";
	const modes = (out: string): string | undefined => {
		const mode = lstatSync(join(out, "file")).mode & 0o7777;
		return mode === 0o444 || mode === 0o555 ? undefined : `the mode is ${mode.toString(8)}`;
	};
	return [
		{
			name: "leaves daemons behind",
			script:
				"for i in $(seq 200); do setsid sh -c 'trap \"\" TERM HUP INT; exec sleep 9999' >/dev/null 2>&1 & done; echo fine > $out",
			check: plain,
		},
		{ name: "leaves daemons that hold its output", script: "setsid sleep 9999 & echo fine > $out", check: plain },
		{ name: "kills all that it can", script: "trap '' TERM; kill -9 -1; sleep 1; echo fine > $out" },
		{ name: "makes device nodes", script: "mkdir $out; mknod $out/file c 1 3", fails: /failed/, says: /not permitted/ },
		{ name: "leaves a pipe", script: "mkdir $out; mkfifo $out/file", fails: /pipe|fifo|type/i },
		{ name: "leaves a pipe as its output", script: "mkfifo $out", fails: /pipe|fifo|type/i },
		{
			name: "leaves a socket",
			script:
				"mkdir $out; perl -MIO::Socket::UNIX -e 'chdir $ENV{out}; IO::Socket::UNIX->new(Local => \"file\", Listen => 1) or die'",
			fails: /socket|type/i,
		},
		{ name: "leaves nothing", script: "true", fails: /made no output 'out'/ },
		{
			name: "sets the user id",
			script:
				"mkdir $out; cp /bin/true $out/file; chmod 4755 $out/file || chmod 2755 $out/file || echo refused; chmod 755 $out/file",
			says: /refused/,
			check: modes,
		},
		{
			name: "sets the user id when it makes a file",
			script:
				'mkdir $out; perl -e \'use Fcntl; sysopen(F, "$ENV{out}/file", O_CREAT|O_WRONLY, 06755) or print "refused\\n"\'; touch $out/file',
			says: /refused/,
			check: modes,
		},
		{
			name: "links out of its output",
			script: `mkdir $out; ln -s ${victim}/secret $out/link; ln -s ${victim} $out/folder; ln -s ../../../../../../../../etc $out/up; echo fine > $out/file; chmod 600 $out/file`,
			check: modes,
		},
		{
			name: "links to what it was given",
			script: "mkdir $out; ln /bin/sh $out/file 2>/dev/null && echo linked || echo refused; echo fine > $out/file",
			says: /refused/,
			check: modes,
		},
		{
			name: "tries the network",
			script: `bash -c 'echo > /dev/tcp/127.0.0.1/${port}' 2>/dev/null && echo reached || echo refused; echo fine > $out`,
			says: /^refused$/m,
			check: plain,
		},
		{
			name: "reads what is not its own",
			script: `for each in /home /root /etc/shadow /proc/1/root/home /nix/var ${victim} /proc/kcore; do head -c 1 $each/. $each >/dev/null 2>&1 || ls $each/* >/dev/null 2>&1 && echo sees $each; done; ls /nix/store | wc -l; echo fine > $out`,
			says: /^0$/m,
			check: plain,
		},
		{
			name: "writes what is not its own",
			script:
				"for each in /bin /usr /proc/sys/kernel /proc/1/root/usr; do (echo > $each/written) 2>/dev/null && echo wrote $each; done; echo fine > $out",
			check: plain,
		},
		{
			name: "traces the sandbox's first process",
			tool: tracer,
			script: "/build/tool 1; echo fine > $out",
			says: /attach refused\nread refused/,
			check: plain,
		},
		{
			name: "makes a very deep tree",
			script: 'mkdir $out; cd $out; perl -e \'for (1..5000) { mkdir "d"; chdir "d" }\'',
			fails: /too long|deep/,
		},
		{
			name: "leaves a folder that nobody may read",
			script: "mkdir -p $out/a; echo fine > $out/a/file; chmod 0 $out/a $out",
		},
		{ name: "moves its output's folder away", script: "mv /nix /moved", fails: /moved|failed|cannot/ },
		{ name: "leaves a very long name", script: "mkdir $out; touch $out/$(printf %0255d 0)" },
		{ name: "leaves a name that is no text", script: "mkdir $out; touch $out/$(printf '\\377\\376')" },
	];
}

async function tryCase(
	installation: Installation,
	{ name, script, says, fails, check, tool }: Case,
	tally: Tally,
): Promise<void> {
	const row = `builder: ${name}`;
	const mark = `${installation.folder}/${name}`;
	const compile = tool === undefined ? "" : 'printf %s "$tool" > /build/tool.c; gcc -w -o /build/tool /build/tool.c\n';
	const drv = shellDerivation({
		name: name.replaceAll(/[^a-z]/g, "-"),
		script: compile + script,
		env: { mark, ...(tool === undefined ? {} : { tool }) },
	});
	const { drvPath, out } = installation.withStore((store) => addDerivation(store, drv));
	const lines: string[] = [];
	const { failure } = await attempt(installation, drvPath, (line) => lines.push(line));
	const said = lines.join("\n");
	if (failure !== undefined && !(failure instanceof Refused)) tally.fault(row, String(failure));
	if (fails !== undefined && !fails.test(failure?.message ?? ""))
		tally.fault(row, `not said clearly: ${String(failure)}`);
	if (fails === undefined && check !== undefined && failure !== undefined)
		tally.fault(row, `${failure.message} ${said}`);
	if (failure !== undefined && /Error:|undefined|\n\s+at /.test(failure.message))
		tally.fault(row, `a fault of ours: ${failure.message}`);
	if (says !== undefined && !says.test(said)) tally.fault(row, `the log: ${said}`);
	if (/^(sees|wrote|linked|reached)/m.test(said)) tally.fault(row, said);
	if (failure === undefined) {
		const wrong = check?.(join(installation.root, out));
		if (wrong !== undefined) tally.fault(row, wrong);
	}
	tally.none(row, "processes left", processesWith(mark));
	if (!installation.runs) {
		tally.fault(row, "the daemon is gone");
		await installation.start();
	}
	tally.count(row);
}

async function attempt(
	installation: Installation,
	drvPath: string,
	onLine: (line: string) => void,
): Promise<{ readonly failure: Error | undefined }> {
	const client = await installation.connect();
	client.onLine = onLine;
	try {
		await client.build([drvPath]);
		return { failure: undefined };
	} catch (error) {
		return { failure: error as Error };
	} finally {
		client.close();
	}
}

/** A client leaves a build that ignores signals. */
async function cancelled(installation: Installation, tally: Tally): Promise<void> {
	const row = "builder: ignores signals when it is not wanted any more";
	const mark = `${installation.folder}/ignores`;
	const script = "trap '' TERM INT HUP QUIT PIPE; echo begun; while :; do sleep 0.1; done";
	const { drvPath, out } = installation.withStore((store) =>
		addDerivation(store, shellDerivation({ name: "ignores", script, env: { mark } })),
	);
	const client = await installation.connect();
	const begun = new Promise<void>((resolve) => {
		client.onLine = (line) => {
			if (line === "begun") resolve();
		};
	});
	const running = client.build([drvPath]).catch(() => undefined);
	await begun;
	client.close();
	await running;
	const left = Date.now();
	while (processesWith(mark).length > 0 && Date.now() - left < 15_000) await sleep(20);
	tally.none(row, "processes left", processesWith(mark));
	if (installation.withStore((store) => store.isValid(out), { readOnly: true }))
		tally.fault(row, "its output is valid");
	tally.count(row);
}

/** The daemon's memory stays bounded, whether the client reads the log or not. */
async function endlessLog(
	installation: Installation,
	tally: Tally,
	{ reads, logBytes }: { readonly reads: boolean; readonly logBytes: number },
): Promise<void> {
	const row = `builder: ${logBytes} bytes of log, a client that ${reads ? "reads it" : "does not read"}`;
	const script = `yes 'a line of some forty characters or more' | head -c ${logBytes}; echo fine > $out`;
	const { drvPath, out } = installation.withStore((store) =>
		addDerivation(store, shellDerivation({ name: `log-${reads ? "read" : "unread"}`, script })),
	);
	const client: WorkerClient = await installation.connect();
	if (!reads) client.pause();
	const running = client.build([drvPath]).catch((error: unknown) => {
		if (reads) tally.fault(row, String(error));
	});
	const isValid = (): boolean => installation.withStore((store) => store.isValid(out), { readOnly: true });
	const began = Date.now();
	while (!isValid() && Date.now() - began < 600_000) await sleep(200);
	if (!isValid()) tally.fault(row, "not built in ten minutes");
	if (!reads) client.close();
	await running;
	client.close();
	const memory = installation.peakMemory();
	if (memory > MOST_MEMORY) tally.fault(row, `the daemon took ${memory.toFixed(0)} MiB`);
	console.log(`${row}: ${((Date.now() - began) / 1000).toFixed(1)} s, at most ${memory.toFixed(0)} MiB`);
	tally.count(row);
}
