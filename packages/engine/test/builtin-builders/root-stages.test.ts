/** A root is composed in two stages, and the outcome of the first is kept: what comes out must not depend on whether it was. */

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sandbox } from "@devenv/builder";
import { removeFolder, skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import type { FirstStage } from "../../src/builtin-builders/root/first-stage.ts";
import { ReadyStage } from "../../src/builtin-builders/root/ready-stage.ts";
import { type SyntheticPackage, treeDigest, Workshop } from "./synthetic-packages.ts";

let workshop: Workshop;
let count = 0;

test.before(async () => {
	workshop = await Workshop.open();
});
test.after.always(() => {
	workshop.remove();
});

function newCache(): string {
	return join(workshop.folder, `cache-${++count}`);
}

/** Whether the machine has what keeping outcomes needs. */
function keeps(t: ExecutionContext): boolean {
	if (workshop.sandboxes[0]?.kind === "helper") return true;
	skip(t, "only the helper mounts overlays, and it does not work here");
	t.pass();
	return false;
}

interface Composed {
	readonly root: string;
	/** Whether the outcome of stage one was there. */
	readonly hit: boolean;
	/** Whether stage one was there as a tree. */
	readonly ready: boolean;
	readonly log: readonly string[];
}

async function compose(
	folders: readonly string[],
	cache: string,
	more: {
		readonly preConfigure?: string;
		readonly readyStage?: ReadyStage<FirstStage>;
		readonly sandbox?: Sandbox;
	} = {},
): Promise<Composed> {
	const log: string[] = [];
	const { preConfigure, readyStage, sandbox = workshop.sandboxes[0] } = more;
	const root = await workshop.composeWith({
		folders,
		change: preConfigure === undefined ? {} : { preConfigure },
		cache,
		sandbox,
		...(readyStage === undefined ? {} : { readyStage }),
		onLog: (line) => log.push(line),
	});
	const says = (text: string): boolean => log.some((line) => line.includes(text));
	return { root, log, hit: says("have run before"), ready: says("configured beforehand") };
}

function newReadyStage(t: ExecutionContext): ReadyStage<FirstStage> {
	const ready = new ReadyStage<FirstStage>({
		newFolder: () => {
			const path = join(workshop.folder, `ready-${++count}`);
			mkdirSync(path);
			return {
				path,
				remove: () => {
					removeFolder(path);
				},
			};
		},
		onWarning: (message) => {
			t.fail(message);
		},
		delay: 0,
	});
	t.teardown(() => ready.close());
	return ready;
}

function text(root: string, path: string): string {
	return readFileSync(join(root, path), "utf8");
}

const diversionRecord = "/usr/share/ii/tool\\n/usr/share/ii/tool.real\\nhh\\n";

/** Packages whose files and scripts are in each other's way, in an order of configuration. */
const pool: readonly SyntheticPackage[] = [
	{ name: "base", fields: ["Essential: yes"], files: { "usr/share/base/x": "base", "etc/base": "base" } },
	{
		name: "aa",
		files: {
			"usr/share/aa/file": "aa",
			"usr/share/aa/tool": "aa's tool",
			"usr/share/aa/doc/readme": "doc",
			"usr/share/aa/folder/x": "x",
			"var/lib/aa/state": "0",
		},
		postinst: [
			"adduser --system --group aa",
			"mkdir -p /usr/share/later/deep /srv/aa",
			"echo made >/usr/share/later/made",
			"echo made >/srv/aa/made",
			"echo aa >>/etc/base || true",
			"echo 1 >/var/lib/aa/state",
			"ln -s /usr/share/later /usr/share/later-link",
		].join("\n"),
	},
	{
		name: "bb",
		fields: ["Depends: aa | nothing"],
		files: { "usr/share/bb/x": "x", "usr/share/bb/y/z": "z" },
		postinst: [
			"rm -rf /usr/share/aa/doc /usr/share/bb/y",
			"if [ -e /usr/share/aa/file ]; then echo changed >/usr/share/aa/file; fi",
			"rm -rf /usr/share/aa/folder; mkdir -p /usr/share/aa; ln -s /usr/share/bb /usr/share/aa/folder",
			"rm /usr/share/bb/x; mkdir /usr/share/bb/x; echo file >/usr/share/bb/y; ln /usr/share/bb/y /usr/share/bb/hard",
			"mkdir -p /usr/share/closed; echo x >/usr/share/closed/x; chmod 0 /usr/share/closed/x; chmod 0 /usr/share/closed",
			"chmod 755 /usr/share/bb/hard; echo bb >>/etc/made",
		].join("\n"),
	},
	{
		name: "cc",
		files: {
			"usr/share/later/made": "cc's",
			"usr/share/later/deep/own": "own",
			"usr/share/aa/doc/x": "again",
			"usr/share/later-link/through": "through",
			"usr/share/closed/y": "y",
		},
	},
	{
		name: "dd",
		postinst:
			'mkdir -p /var/lib/dd; echo "$1 $2" >>/var/lib/dd/calls; ls /usr/share /usr/share/later >/var/lib/dd/list || true',
		control: { triggers: "interest-noawait /usr/share/later\ninterest by-name\n" },
	},
	{ name: "ee", files: { "usr/share/ee/x": "x" }, control: { triggers: "activate-noawait by-name\n" } },
	{ name: "ff", fields: ["Replaces: aa"], files: { "usr/share/aa/file": "ff's" } },
	{
		name: "gg",
		files: { "usr/share/aa/tool": "gg's tool" },
		control: { preinst: "dpkg-divert --package gg --divert /usr/share/aa/tool.aa --rename /usr/share/aa/tool\n" },
	},
	{
		name: "hh",
		postinst: `mkdir -p /usr/share/ii; printf '${diversionRecord}' >>/var/lib/dpkg/diversions; echo hh >/usr/share/ii/tool`,
	},
	{ name: "ii", files: { "usr/share/ii/tool": "ii's tool" } },
	{
		name: "jj",
		fields: ["Pre-Depends: virtual (>= 2) | nothing"],
		postinst: "cat /usr/share/kk/value >/etc/jj || echo none >/etc/jj; dpkg-trigger by-name",
	},
	{ name: "kk", fields: ["Provides: virtual (= 2)"], files: { "usr/share/kk/value": "from kk" } },
];

test("whatever was composed before, a root is as one composed afresh: 100 random sequences of additions and removals", async (t) => {
	t.timeout(900_000);
	if (!keeps(t)) return;
	const folders = pool.map((each) => workshop.add(each));
	const warm = newCache();
	const fresh = new Map<string, Promise<string>>();
	const readyStage = newReadyStage(t);
	const found = { hits: 0, ready: 0 };
	const digestOf = async (chosen: ReadonlySet<number>, cache: string): Promise<string> => {
		const { root, hit, ready } = await compose(
			folders.filter((_, index) => chosen.has(index)),
			cache,
			cache === warm ? { readyStage } : {},
		);
		if (hit) found.hits++;
		if (ready) found.ready++;
		const digest = treeDigest(root);
		removeFolder(join(root, ".."));
		return digest;
	};
	const composedAfresh = (chosen: ReadonlySet<number>): Promise<string> => {
		const name = [...chosen].sort((a, b) => a - b).join();
		const known = fresh.get(name) ?? digestOf(chosen, newCache());
		fresh.set(name, known);
		return known;
	};
	const member = fc.nat({ max: pool.length - 1 });
	const sequences = fc.asyncProperty(
		fc.uniqueArray(member, { maxLength: 6 }),
		fc.array(member, { minLength: 1, maxLength: 2 }),
		async (start, edits) => {
			const chosen = new Set(start);
			for (const edit of edits) {
				if (!chosen.delete(edit)) chosen.add(edit);
				const digest = await digestOf(chosen, warm);
				/* Without waiting it may be there or not. */
				if (edit % 2 === 0) await readyStage.settled();
				if (edit !== edits.at(-1)) continue;
				t.is(digest, await composedAfresh(chosen), [...chosen].map((index) => pool[index]?.name).join(" "));
			}
		},
	);
	await fc.assert(sequences, { numRuns: 100, endOnFailure: true });
	t.true(found.hits > 10 && found.ready > 2, JSON.stringify(found));
	t.log(found);
});

test("with and without overlay the two stages give the same bytes", async (t) => {
	const folders = pool.filter(({ name }) => name !== "bb").map((each) => workshop.add(each));
	const digests = new Set<string>();
	for (const sandbox of workshop.sandboxes) {
		digests.add(treeDigest(await workshop.composeWith({ folders, sandbox, cache: newCache() })));
	}
	t.is(digests.size, 1);
});

test("what packages of stage two bring takes the place of what scripts made, and is told to triggers", async (t) => {
	for (const sandbox of workshop.sandboxes) {
		const folders = ["aa", "bb", "cc", "dd", "hh", "ii"].flatMap((name) =>
			pool.filter((each) => each.name === name).map((each) => workshop.add(each)),
		);
		const { root } = await compose(folders, newCache(), { sandbox });
		t.is(text(root, "usr/share/later/made"), "cc's");
		t.is(text(root, "usr/share/later/through"), "through", "a script's link to a folder stands for the folder");
		t.is(text(root, "usr/share/aa/doc/x"), "again", "a folder that a script removed comes again");
		t.is(text(root, "usr/share/aa/file"), "changed\n");
		t.is(text(root, "usr/share/ii/tool"), "hh\n");
		t.is(text(root, "usr/share/ii/tool.real"), "ii's tool", "diverted as dpkg's database says");
		t.is(text(root, "var/lib/dpkg/diversions"), "/usr/share/ii/tool\n/usr/share/ii/tool.real\nhh\n");
		t.is(text(root, "var/lib/dd/calls"), "configure \ntriggered /usr/share/later\n");
		const status = text(root, "var/lib/dpkg/status");
		for (const name of ["aa", "cc", "ii"]) t.regex(status, new RegExp(`^Package: ${name}\nStatus: install ok`, "m"));
	}
});

test("scripts see only packages that they depend on, each alternative and provider that is there", async (t) => {
	const provider = workshop.add({
		name: "provider",
		fields: ["Provides: virtual (= 2)"],
		files: { "usr/share/seen/provider": "" },
	});
	const old = workshop.add({
		name: "old",
		fields: ["Provides: virtual (= 1)"],
		files: { "usr/share/seen/old": "" },
	});
	const deep = workshop.add({ name: "deep", files: { "usr/share/seen/deep": "" } });
	const second = workshop.add({ name: "second", fields: ["Depends: deep"], files: { "usr/share/seen/second": "" } });
	const other = workshop.add({ name: "other", files: { "usr/share/seen/other": "" } });
	const scripted = workshop.add({
		name: "scripted",
		fields: ["Depends: absent | second, virtual (>= 2)"],
		postinst: "ls /usr/share/seen >/seen",
	});
	const { root } = await compose([provider, old, deep, second, other, scripted], newCache());
	t.is(text(root, "seen"), "deep\nprovider\nsecond\n");
});

test("a diversion of a script leads to no place outside of the root", async (t) => {
	const outside = join(workshop.folder, "outside");
	const scripted = workshop.add({
		name: "scripted",
		postinst: [
			`ln -s ${workshop.folder} /usr/share/out`,
			"printf '%s\\n' /usr/share/later/x /usr/share/out/outside scripted /usr/share/later/y /../outside scripted >/var/lib/dpkg/diversions",
		].join("\n"),
	});
	const later = workshop.add({ name: "later", files: { "usr/share/later/x": "x" } });
	await t.throwsAsync(compose([scripted, later], newCache()), { message: /has \/usr\/share\/out\/outside/ });
	const other = workshop.add({ name: "other", files: { "usr/share/later/y": "y" } });
	const { root } = await compose([scripted, other], newCache());
	t.is(text(root, "usr/share/later/y"), "y");
	t.false(existsSync(outside));
});

test("an outcome is taken again for the same stage one only", async (t) => {
	if (!keeps(t)) return;
	const cache = newCache();
	const scripted = workshop.add({ name: "scripted", postinst: "echo ran >/usr/share/ran; echo ran >/etc/ran" });
	const plain = workshop.add({ name: "plain", files: { "usr/share/plain": "x" } });
	const first = await compose([scripted], cache);
	const second = await compose([scripted, plain], cache);
	t.deepEqual([first.hit, second.hit], [false, true]);
	t.is(statSync(join(first.root, "usr/share/ran")).ino, statSync(join(second.root, "usr/share/ran")).ino);
	t.is(statSync(join(second.root, "usr/share/ran")).mode & 0o222, 0, "a shared inode cannot be written");
	t.not(statSync(join(first.root, "etc/ran")).ino, statSync(join(second.root, "etc/ran")).ino);
	t.false((await compose([scripted, plain], cache, { preConfigure: "echo before >/before" })).hit);
	const newer = workshop.add({ name: "scripted", postinst: "echo ran >/usr/share/ran; echo ran >/etc/ran" });
	t.false((await compose([newer, plain], cache)).hit);
	t.true((await compose([newer], cache)).hit);
});

test("a failing composition keeps nothing", async (t) => {
	const cache = newCache();
	const scripted = workshop.add({ name: "scripted", postinst: "echo x >/x; exit 1" });
	await t.throwsAsync(compose([scripted], cache), { message: /failed with status 1/ });
	t.deepEqual(existsSync(join(cache, "stages")) ? readdirSync(join(cache, "stages")) : [], []);
});

test("scripts of stage two do not write to what is kept", async (t) => {
	if (!keeps(t)) return;
	const cache = newCache();
	const watcher = workshop.add({
		name: "watcher",
		postinst: 'echo "$1" >>/usr/share/calls; chmod 755 /usr/share/calls',
		control: { triggers: "interest /usr/share/things\n" },
	});
	const thing = workshop.add({ name: "thing", files: { "usr/share/things/x": "x" } });
	const digests = new Set<string>();
	for (let round = 0; round < 3; round++) {
		const { root, hit } = await compose([watcher, thing], cache);
		t.is(hit, round > 0);
		t.is(text(root, "usr/share/calls"), "configure\ntriggered\n");
		digests.add(treeDigest(root));
	}
	t.is(digests.size, 1);
});

test("a tree that was made beforehand serves one composition, and none after the daemon has ended", async (t) => {
	if (!keeps(t)) return;
	const readyStage = newReadyStage(t);
	const cache = newCache();
	const scripted = workshop.add({
		name: "scripted",
		postinst: "echo ran >/usr/share/ran; rm /usr/share/own/x",
		files: { "usr/share/own/x": "x" },
	});
	const later = workshop.add({ name: "later", files: { "usr/share/own/x": "later's", "usr/share/later": "x" } });
	const alone = treeDigest((await compose([scripted, later], newCache())).root);
	await compose([scripted], cache, { readyStage });
	await readyStage.settled();
	const both = await Promise.all([1, 2].map(() => compose([scripted, later], cache, { readyStage })));
	t.deepEqual(both.map(({ ready }) => ready).sort(), [false, true]);
	for (const { root } of both) t.is(treeDigest(root), alone);
	await readyStage.settled();
	const other = workshop.add({ name: "other", postinst: "echo other >/usr/share/other" });
	t.false((await compose([scripted, other], cache, { readyStage })).ready, "another stage one");
	await readyStage.settled();
	const folders = (): number => readdirSync(workshop.folder).filter((name) => name.startsWith("ready-")).length;
	const before = folders();
	await readyStage.close();
	t.is(folders(), before - 1, "nothing is left of it");
	t.false((await compose([scripted, other], cache, { readyStage })).ready);
});

test("a damaged outcome is not used but made again", async (t) => {
	if (!keeps(t)) return;
	const scripted = workshop.add({ name: "scripted", postinst: "echo ran >/usr/share/ran; echo more >/usr/share/more" });
	const cache = newCache();
	const stages = join(cache, "stages");
	const want = treeDigest((await compose([scripted], cache)).root);
	const [key = ""] = readdirSync(stages);
	const rewrite = (name: string, change: (bytes: Buffer) => Buffer): void => {
		const path = join(stages, key, name);
		chmodSync(path, 0o644);
		writeFileSync(path, change(readFileSync(path)));
		chmodSync(path, 0o444);
	};
	const damages: readonly (() => void)[] = [
		() => {
			rewrite("0", (bytes) => Buffer.concat([bytes, Buffer.from("x")]));
		},
		() => {
			rewrite("0", (bytes) => Buffer.alloc(bytes.length));
		},
		() => {
			rmSync(join(stages, key, "1"));
		},
		() => {
			rewrite("outcome.json", (bytes) => bytes.subarray(0, bytes.length / 2));
		},
		() => {
			rewrite("outcome.json", (bytes) => Buffer.from(bytes.toString().replace("usr/share/ran", "usr/share/run")));
		},
		() => {
			rewrite("outcome.json", () => Buffer.alloc(0));
		},
		() => {
			rmSync(join(stages, key, "outcome.json"));
		},
	];
	for (const [index, damage] of damages.entries()) {
		damage();
		const { root, hit, log } = await compose([scripted], cache);
		t.false(hit, `damage ${index}`);
		t.true(
			log.some((line) => line.includes("cannot be used")),
			`damage ${index}`,
		);
		t.is(treeDigest(root), want, `damage ${index}`);
		t.true((await compose([scripted], cache)).hit, `after damage ${index}`);
	}
});

test("nothing is kept in a folder that others can enter", async (t) => {
	if (!keeps(t)) return;
	const scripted = workshop.add({ name: "scripted", postinst: "echo ran >/usr/share/ran" });
	const cache = newCache();
	await compose([scripted], cache);
	chmodSync(join(cache, "stages"), 0o755);
	const { hit, log } = await compose([scripted], cache);
	t.false(hit);
	t.true(log.some((line) => line.includes("only its user can enter")));
});

test("two compositions at once share a cache", async (t) => {
	if (!keeps(t)) return;
	const cache = newCache();
	const scripted = workshop.add({ name: "scripted", postinst: "echo ran >/usr/share/ran" });
	const plain = workshop.add({ name: "plain", files: { "usr/share/plain": "x" } });
	const alone = treeDigest((await compose([scripted, plain], newCache())).root);
	for (let round = 0; round < 2; round++) {
		const composed = await Promise.all([1, 2, 3].map(() => compose([scripted, plain], cache)));
		for (const { root } of composed) t.is(treeDigest(root), alone);
	}
	t.is(readdirSync(join(cache, "stages")).length, 1);
});
