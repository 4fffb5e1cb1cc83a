import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import type { Finding } from "../../src/doctor/finding.ts";
import { checkClock, checkKernel, checkNamespaces, checkSpace, checkWatches } from "../../src/doctor/machine-checks.ts";

/** A folder in place of /proc or /proc/sys. */
function tree(t: ExecutionContext, files: Readonly<Record<string, string>>): string {
	const folder = temporaryFolder(t);
	for (const [name, text] of Object.entries(files)) {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	}
	return folder;
}

function assertState(t: ExecutionContext, finding: Finding, state: Finding["state"], remedy?: RegExp): void {
	t.is(finding.state, state, finding.found);
	if (remedy === undefined) t.is(finding.remedy, null);
	else t.regex(finding.remedy ?? "", remedy);
}

test("kernels", (t) => {
	assertState(t, checkKernel("6.1.0-18-amd64", "x64"), "ok");
	assertState(t, checkKernel("5.11.0", "arm64"), "ok");
	assertState(t, checkKernel("5.10.0-28", "x64"), "warn", /5\.11/);
	assertState(t, checkKernel("6.1.0", "riscv64"), "fail", /x86-64/);
	assertState(t, checkKernel(), "ok");
});

test("settings that keep users from namespaces", (t) => {
	assertState(t, checkNamespaces(tree(t, {})), "ok");
	assertState(t, checkNamespaces(tree(t, { "user/max_user_namespaces": "100\n" })), "ok");
	assertState(t, checkNamespaces(tree(t, { "user/max_user_namespaces": "0\n" })), "fail", /max_user_namespaces=15000/);
	assertState(t, checkNamespaces(tree(t, { "kernel/unprivileged_userns_clone": "0\n" })), "fail", /userns_clone=1/);
	const armour = tree(t, { "kernel/apparmor_restrict_unprivileged_userns": "1\n" });
	assertState(t, checkNamespaces(armour), "warn", /userns=0/);
});

test("space and inodes, also where the folder does not exist yet", (t) => {
	const folder = temporaryFolder(t);
	const look = (bytes: number, files: number, ffree: number) => (asked: string) => {
		t.is(asked, folder);
		return { bsize: 4096, bavail: bytes / 4096, files, ffree };
	};
	const check = (bytes: number, files: number, ffree: number): Finding =>
		checkSpace("space", join(folder, "not/yet"), look(bytes, files, ffree));
	assertState(t, check(10e9, 1e6, 9e5), "ok");
	assertState(t, check(10e9, 0, 0), "ok");
	assertState(t, check(1e9, 1e6, 9e5), "warn", /devenv gc/);
	assertState(t, check(10e9, 1e6, 5e4), "warn", /devenv gc/);
	assertState(t, check(1e8, 1e6, 9e5), "fail", /devenv gc/);
	assertState(t, check(10e9, 1e6, 100), "fail", /devenv gc/);
	t.regex(checkSpace("space", folder).found, /free.* at \//);
});

test("watches of this user's processes beside the limits", (t) => {
	const proc = (most: number): string => {
		const folder = tree(t, {
			"sys/fs/inotify/max_user_watches": `${most}\n`,
			"sys/fs/inotify/max_user_instances": "128\n",
			"12/fdinfo/3": "pos:\t0\ninotify wd:1 ino:2\ninotify wd:2 ino:3\n",
			"12/fdinfo/4": "pos:\t0\n",
			"self/fdinfo/3": "inotify wd:1\n",
		});
		mkdirSync(join(folder, "12/fd"));
		symlinkSync("anon_inode:inotify", join(folder, "12/fd/3"));
		symlinkSync("/dev/null", join(folder, "12/fd/4"));
		return folder;
	};
	const fine = checkWatches(proc(1000));
	assertState(t, fine, "ok");
	t.is(fine.found, "2 of 1000 watches, 1 of 128 instances used");
	assertState(t, checkWatches(proc(2)), "warn", /fs\.inotify\.max_user_watches=/);
	assertState(t, checkWatches(tree(t, {})), "ok");
});

test("the clock beside the mirrors'", (t) => {
	const probes = (...skews: readonly (number | undefined)[]) =>
		skews.map((skew) => ({ url: "http://a", problem: undefined, milliseconds: 1, skew }));
	assertState(t, checkClock([]), "ok");
	assertState(t, checkClock(probes(undefined)), "ok");
	assertState(t, checkClock(probes(-2, 90_000)), "ok");
	assertState(t, checkClock(probes(60)), "ok");
	assertState(t, checkClock(probes(-4000)), "warn", /timedatectl/);
	assertState(t, checkClock(probes(200_000, 100_000)), "fail", /timedatectl/);
	t.is(checkClock(probes(100_000)).found, "100000 seconds behind the nearest mirror's");
});
