import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { DrvPath } from "@devenv/nix-formats";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { processStart } from "../../src/process-start.ts";
import { QueueJournal } from "../../src/queue/journal.ts";

const drvPath = "/nix/store/i9pmrzmpshapij2kin22pff6fc2adavx-a.drv" as DrvPath;
const wanted = new Map([[drvPath, ["out", "dev"]]]);

/** Of a process that has ended. */
const gone: number = spawnSync("true").pid;

/** The entries of a folder, as another process would have left them. */
function abandon(folder: string): void {
	for (const name of readdirSync(folder)) {
		const file = join(folder, name);
		const entry = JSON.parse(readFileSync(file, "utf8")) as object;
		writeFileSync(file, JSON.stringify({ ...entry, pid: gone }));
	}
}

function refuse(message: string): never {
	throw new Error(message);
}

test("a request stands there until it ends", (t) => {
	const folder = join(temporaryFolder(t), "queue");
	const journal = new QueueJournal(folder, "/nix/store");
	t.deepEqual(journal.takeLeft(refuse), []);
	const done = journal.begin(wanted);
	t.is(readdirSync(folder).length, 1);
	done();
	t.deepEqual(readdirSync(folder), []);
	done();
});

test("what a killed process left is taken over twice, then given up", (t) => {
	const folder = join(temporaryFolder(t), "queue");
	const journal = new QueueJournal(folder, "/nix/store");
	journal.begin(wanted);
	for (let time = 0; time < 2; time++) {
		abandon(folder);
		const left = journal.takeLeft(refuse);
		t.deepEqual(
			left.map((each) => each.wanted),
			[wanted],
		);
		t.is(readdirSync(folder).length, 1, "it is still written down");
	}
	abandon(folder);
	const faults: string[] = [];
	t.deepEqual(
		journal.takeLeft((message) => faults.push(message)),
		[],
	);
	t.regex(faults.join(), /begun 3 times/);
	t.deepEqual(readdirSync(folder), []);
});

test("what has ended is not left over, nor is what another process works at", (t) => {
	const folder = join(temporaryFolder(t), "queue");
	const journal = new QueueJournal(folder, "/nix/store");
	journal.begin(wanted);
	abandon(folder);
	journal.takeLeft(refuse)[0]?.done();
	t.deepEqual(readdirSync(folder), []);
	journal.begin(wanted);
	const [name = ""] = readdirSync(folder);
	const entry = JSON.parse(readFileSync(join(folder, name), "utf8")) as object;
	writeFileSync(join(folder, name), JSON.stringify({ ...entry, pid: process.ppid, began: processStart(process.ppid) }));
	t.deepEqual(journal.takeLeft(refuse), []);
	t.is(readdirSync(folder).length, 1);
});

test("an ended process is told from one with its number, also before its parent knows", async (t) => {
	const folder = join(temporaryFolder(t), "queue");
	const journal = new QueueJournal(folder, "/nix/store");
	journal.begin(wanted);
	const [name = ""] = readdirSync(folder);
	const entry = JSON.parse(readFileSync(join(folder, name), "utf8")) as object;
	writeFileSync(join(folder, name), JSON.stringify({ ...entry, began: "1" }));
	t.is(journal.takeLeft(refuse).length, 1, "the number was given again");

	// The first of the two never asks how the second ended.
	const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] });
	t.teardown(() => parent.kill("SIGKILL"));
	const [line] = (await once(parent.stdout, "data")) as [Buffer];
	const pid = Number(line.toString());
	const deadline = Date.now() + 20_000;
	while (processStart(pid) !== undefined && Date.now() < deadline) await setTimeout(10);
	t.true(existsSync(`/proc/${pid}`));
	t.is(processStart(pid), undefined);
});

for (const text of [
	"",
	"null",
	"{",
	'{"version":2}',
	`{"version":1,"pid":${gone},"began":"1","attempt":1,"wanted":[["/etc/passwd",["out"]]]}`,
	`{"version":1,"pid":-1,"began":"1","attempt":1,"wanted":[]}`,
]) {
	test(`an entry that is none is told and removed: ${text}`, (t) => {
		const folder = join(temporaryFolder(t), "queue");
		mkdirSync(folder);
		writeFileSync(join(folder, "x.json"), text);
		const faults: string[] = [];
		t.deepEqual(
			new QueueJournal(folder, "/nix/store").takeLeft((message) => faults.push(message)),
			[],
		);
		t.is(faults.length, 1);
		t.deepEqual(readdirSync(folder), []);
	});
}
