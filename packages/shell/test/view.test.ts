import { spawnSync } from "node:child_process";
import {
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
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test from "ava";
import { callers, lines, Place, self, syntheticRoot, viewTest, waitUntil } from "./fixtures/scaffold.ts";

viewTest(test, "says what to change where the kernel refuses, and ends with 125", (t, helper) => {
	const place = new Place(self(), helper);
	const spec = place.write("view", { view: place.view() });
	/* In a chroot the kernel lets nobody make user namespaces. */
	const bare = mkdtempSync(join(tmpdir(), "devenv-chroot-"));
	const outcome = place.run([
		"unshare",
		"--user",
		"--map-root-user",
		"--mount",
		"sh",
		"-c",
		`mount --rbind / ${bare} && exec chroot ${bare} ${helper} view ${spec} -- true`,
	]);
	rmSync(bare, { recursive: true });
	t.is(outcome.status, 125);
	const [message = "", note, help = ""] = lines(outcome.stderr);
	t.regex(message, /^error\[SHELL_NO_VIEWS\]: the environment cannot be entered: /);
	t.is(note, "  note: no namespace: Operation not permitted");
	t.regex(help, /^ {2}help: \S/);
});

for (const caller of callers()) {
	viewTest(test, `shows ${caller.name} the root's system folders and the host's others`, (t, helper) => {
		const place = new Place(caller, helper);
		const outcome = place.inView(`
			cat /usr/marker /etc/marker /var/lib/compiler/database /opt/tool/version
			readlink /bin /lib64
			pwd; id -u; id -g
			test -e /proc/self/status && test -e /dev/null && test -d /tmp && echo kept
			cat /.devenv/host/etc/passwd >/dev/null && echo host-tree`);
		t.is(outcome.stderr, "");
		t.deepEqual(lines(outcome.stdout), [
			"first root",
			"composed",
			"from the root",
			"1",
			"usr/bin",
			"usr/lib64",
			`${place.folder}/project`,
			String(caller.uid),
			String(caller.gid),
			"kept",
			"host-tree",
		]);
		const top = readdirSync("/").filter((name) => !/^(lib.*|bin|sbin|usr|etc|nix|opt|var)$/.test(name));
		const seen = lines(place.inView("ls -A /").stdout);
		t.deepEqual(
			top.filter((name) => !seen.includes(name)),
			[],
		);
	});

	viewTest(test, `lets ${caller.name} write nothing but the host's own files and /etc`, (t, helper) => {
		const place = new Place(caller, helper);
		const outcome = place.inView(`
			for each in /usr/x /bin/x /nix/store/x ${place.folder}/store/x /x /var/lib/compiler/x /opt/tool/x; do
				touch $each 2>/dev/null && echo "could write $each"
			done
			touch /etc/x ${place.folder}/project/x /tmp/devenv-view-test.$$ && rm /tmp/devenv-view-test.$$ && echo done`);
		t.is(outcome.stdout, "done\n");
		t.true(existsSync(`${place.folder}/project/x`));
		t.false(existsSync(`${syntheticRoot()}/usr/x`));
	});

	viewTest(test, `keeps ${caller.name} from the store by way of the host's tree`, (t, helper) => {
		const place = new Place(caller, helper);
		const store = `${place.folder}/store`;
		symlinkSync(store, `${place.folder}/link-to-store`);
		for (const path of [store, `${place.folder}/link-to-store`]) {
			const spec = place.write("view", { view: { ...place.view(), store: path } });
			const nested = `touch /.devenv/host${store}/x || touch ${store}/x || touch ${path}/x`;
			const script = `(${nested}) 2>/dev/null && echo "could write"; ${helper} view ${spec} -- sh -c '${nested}' 2>&1
				touch /.devenv/host${place.folder}/project/y && echo done`;
			const outcome = place.run([helper, "view", spec, "--", "sh", "-c", script]);
			t.is(outcome.stdout.replaceAll(/touch: .*Read-only file system\n/g, ""), "done\n", path);
			t.false(existsSync(`${store}/x`));
		}
	});

	viewTest(test, `keeps the host's entries beside the root's in /var/lib and /opt for ${caller.name}`, (t, helper) => {
		const place = new Place(caller, helper);
		const seen = lines(place.inView("ls -A /var/lib /opt /var").stdout);
		for (const folder of ["/var/lib", "/opt", "/var"]) {
			for (const name of existsSync(folder) ? readdirSync(folder) : [])
				t.true(seen.includes(name), `${folder}/${name}`);
		}
		t.true(seen.includes("compiler"));
		t.true(seen.includes("tool"));
	});

	viewTest(test, `ends as the program ends for ${caller.name}`, (t, helper) => {
		const place = new Place(caller, helper);
		t.is(place.inView("exit 7").status, 7);
		t.is(place.inView("kill -TERM $$").signal, "SIGTERM");
		const spec = place.write("view", { view: place.view() });
		t.is(place.run([helper, "view", spec, "--", "no-such-program"]).status, 127);
		t.is(place.run([helper, "view", spec, "--", "/etc/marker"]).status, 126);
		t.is(place.run([helper, "view", spec, "--", "cat"], { input: "through\n" }).stdout, "through\n");
	});

	viewTest(test, `makes a view inside a view for ${caller.name}`, async (t, helper) => {
		const place = new Place(caller, helper);
		const spec = place.write("view", { view: place.view() });
		// Other tests mount disks of their own meanwhile.
		const mounts = "grep -vc /devenv-test- /proc/self/mounts";
		const outer = place.run([helper, "view", spec, "--", "sh", "-c", mounts]);
		const script = `cat /usr/marker; test -e /.devenv/host/.devenv/host || echo flat; /.devenv/helper host echo agent; ${mounts}`;
		for (const inner of [helper, "/.devenv/helper"]) {
			const nested = place.run([helper, "view", spec, "--", inner, "view", spec, "--", "sh", "-c", script]);
			t.is(nested.stderr, "");
			t.deepEqual(lines(nested.stdout), ["first root", "flat", "agent", outer.stdout.trim()]);
		}
		await waitUntil(() => readdirSync(`${place.folder}/run`).length === 0);
		t.deepEqual(readdirSync(`${place.folder}/run`), []);
	});

	viewTest(test, `shows the store at /nix/store over the host's own for ${caller.name}`, (t, helper) => {
		const place = new Place(caller, helper);
		writeFileSync(`${place.folder}/store/object`, "ours\n");
		const seen = lines(place.inView("cat /nix/store/object; ls -A /nix/store").stdout);
		t.is(seen[0], "ours");
		for (const name of existsSync("/nix/store") ? readdirSync("/nix/store") : []) t.true(seen.includes(name), name);
	});

	viewTest(test, `goes home when the working folder is not in the view of ${caller.name}`, (t, helper) => {
		const place = new Place(caller, helper);
		const spec = place.write("view", { view: place.view() });
		const outcome = place.run([helper, "view", spec, "--", "sh", "-c", "pwd"], { cwd: "/usr/share" });
		t.is(outcome.stdout, `${place.folder}/home\n`);
		t.is(outcome.stderr, `devenv: /usr/share does not exist in this environment; now in ${place.folder}/home\n`);
	});
}

viewTest(test, "refuses a specification that others could have written", (t, helper) => {
	const place = new Place(self(), helper);
	const spec = place.write("view", { view: place.view() });
	spawnSync("chmod", ["666", spec]);
	const outcome = place.run([helper, "view", spec, "--", "true"]);
	t.is(outcome.status, 125);
	t.is(outcome.stderr, `devenv: ${spec}: it belongs to, or can be written by, someone else\n`);
	writeFileSync(spec, "devenv-stamp\0" + "1\0root\0/x\0", { mode: 0o600 });
	spawnSync("chmod", ["600", spec]);
	t.is(place.run([helper, "view", spec, "--", "true"]).stderr, `devenv: ${spec}: it is damaged\n`);
	rmSync(spec);
	symlinkSync("/etc/passwd", spec);
	t.is(place.run([helper, "view", spec, "--", "true"]).status, 125);
});

viewTest(test, "shows a root caller as an ordinary user who may still write everything", (t, helper) => {
	const root = callers().find((each) => each.uid === 0);
	if (root === undefined) {
		skip(t, "only for root");
		return;
	}
	const place = new Place(root, helper);
	writeFileSync(`${place.folder}/project/foreign`, "");
	spawnSync("chown", [`54321:54321`, `${place.folder}/project/foreign`]);
	const script = `id -u; id -g; stat -c %u ${place.folder} ${place.folder}/project/foreign; echo x >>${place.folder}/project/foreign; touch ${place.folder}/project/new`;
	const outcome = place.inView(script, { asUser: 1000 });
	t.is(outcome.stderr, "");
	t.deepEqual(lines(outcome.stdout), ["1000", "1000", "1000", "54321"]);
	t.is(readFileSync(`${place.folder}/project/foreign`, "utf8"), "x\n");
	t.is(spawnSync("stat", ["-c", "%u", `${place.folder}/project/new`], { encoding: "utf8" }).stdout, "0\n");
});

viewTest(test, "says what to change where user namespaces are switched off", (t, helper) => {
	const script = `echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" probe`;
	const outcome = spawnSync("unshare", ["--user", "--map-root-user", "sh", "-c", script, helper], { encoding: "utf8" });
	if (outcome.error !== undefined) {
		skip(t, "no unshare");
		return;
	}
	t.is(outcome.status, 1);
	t.is(
		outcome.stdout,
		"user namespaces are switched off on this machine (user.max_user_namespaces is 0); an administrator can allow them with: sysctl -w user.max_user_namespaces=10000\n",
	);
});

viewTest(test, "works on a host without merged /usr, /lib64, /opt and /nix", (t, helper) => {
	if (spawnSync("bwrap", ["--version"]).error !== undefined) {
		skip(t, "no bwrap to make such a host with");
		return;
	}
	const place = new Place(self(), helper);
	const host = mkdtempSync(join(tmpdir(), "devenv-host-"));
	t.teardown(() => {
		rmSync(host, { recursive: true, force: true });
	});
	for (const name of ["bin", "etc", "lib", "usr/bin", "var/lib", "var/cache"])
		mkdirSync(`${host}/${name}`, { recursive: true });
	writeFileSync(`${host}/bin/only-here`, "");
	writeFileSync(`${host}/etc/passwd`, "");
	const spec = place.write("view", { view: place.view() });
	const binds = [tmpdir(), "/proc", "/dev"].flatMap((path) => ["--dev-bind", path, path]);
	const script =
		"cat /usr/marker; readlink /bin /lib64; cat /opt/tool/version; ls /nix; cat /etc/marker; ls /bin/only-here";
	const args = [
		"--bind",
		host,
		"/",
		...binds,
		"--chdir",
		place.folder,
		helper,
		"view",
		spec,
		"--",
		"/bin/sh",
		"-c",
		script,
	];
	const outcome = spawnSync("bwrap", args, { encoding: "utf8" });
	t.deepEqual(lines(outcome.stdout), ["first root", "usr/bin", "usr/lib64", "1", "store", "composed"]);
	t.regex(outcome.stderr, /^ls: [^\n]*\/bin\/only-here[^\n]*\n$/);
});
