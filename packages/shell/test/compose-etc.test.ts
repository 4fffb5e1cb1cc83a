import {
	chmodSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { composeEtc } from "../src/index.ts";

interface Tree {
	readonly [name: string]: string | Tree | { readonly leadsTo: string };
}

function write(folder: string, tree: Tree): void {
	mkdirSync(folder, { recursive: true });
	for (const [name, entry] of Object.entries(tree)) {
		const path = `${folder}/${name}`;
		if (typeof entry === "string") writeFileSync(path, entry, { mode: 0o444 });
		else if (typeof entry["leadsTo"] === "string") symlinkSync(entry["leadsTo"], path);
		else write(path, entry);
	}
}

function compose(t: ExecutionContext, root: Tree, host: Tree): string {
	const folder = mkdtempSync(join(tmpdir(), "devenv-etc-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true, force: true });
	});
	write(`${folder}/root`, { etc: root, usr: { lib: { "x86_64-linux-gnu": { "libnss_systemd.so.2": "" } } } });
	write(`${folder}/host`, host);
	const account = { name: "ann", uid: 4242, gid: 4242, home: "/home/ann", shell: "/bin/bash" };
	composeEtc({
		root: `${folder}/root`,
		target: `${folder}/etc`,
		account,
		groups: [],
		hostEtc: `${folder}/host`,
		hostTree: "",
	});
	return `${folder}/etc`;
}

test("copies the root's /etc so that the caller may write it, without touching the original", (t) => {
	const etc = compose(
		t,
		{ "app.conf": "from root", alternatives: { editor: { leadsTo: "/usr/bin/vi" } }, sub: { deep: "x" } },
		{},
	);
	t.is(readFileSync(`${etc}/app.conf`, "utf8"), "from root");
	t.is(statSync(`${etc}/app.conf`).mode & 0o777, 0o644);
	t.is(statSync(`${etc}/app.conf`).nlink, 1);
	t.is(readlinkSync(`${etc}/alternatives/editor`), "/usr/bin/vi");
	t.is(readFileSync(`${etc}/sub/deep`, "utf8"), "x");
});

test("follows the host's name resolution, zone and identity by links", (t) => {
	const etc = compose(
		t,
		{ "resolv.conf": "root's", hosts: "root's" },
		{ "resolv.conf": "nameserver ::1", hosts: "::1 localhost", localtime: "zone" },
	);
	const host = etc.replace(/etc$/, "host");
	for (const name of ["resolv.conf", "hosts", "localtime"]) t.is(readlinkSync(`${etc}/${name}`), `${host}/${name}`);
	t.is(lstatSync(`${etc}/machine-id`, { throwIfNoEntry: false }), undefined);
	rmSync(`${host}/resolv.conf`);
	writeFileSync(`${host}/resolv.conf`, "nameserver ::2");
	t.is(readFileSync(`${etc}/resolv.conf`, "utf8"), "nameserver ::2");
});

test("puts the caller into passwd and group, and the host's git and services files over the root's", (t) => {
	const etc = compose(
		t,
		{ passwd: "root:x:0:0::/root:/bin/sh\n", services: "root's" },
		{ gitconfig: "[user]", services: "host's" },
	);
	t.is(readFileSync(`${etc}/passwd`, "utf8"), "ann:x:4242:4242::/home/ann:/bin/bash\nroot:x:0:0::/root:/bin/sh\n");
	t.is(readFileSync(`${etc}/group`, "utf8"), "ann:x:4242:\n");
	t.is(readFileSync(`${etc}/nsswitch.conf`, "utf8"), "passwd: files\ngroup: files\nhosts: files dns\n");
	t.is(readFileSync(`${etc}/gitconfig`, "utf8"), "[user]");
	t.is(readFileSync(`${etc}/services`, "utf8"), "host's");
	t.is(readlinkSync(`${etc}/mtab`), "../proc/self/mounts");
});

test("copies the host's ssh configuration, so that the caller owns it", (t) => {
	const ssh = {
		ssh_config: "Include /etc/ssh/ssh_config.d/*.conf",
		ssh_host_rsa_key: "secret",
		"ssh_config.d": { "10-site.conf": { leadsTo: "../site.conf" } },
		"site.conf": "Host x",
	};
	const etc = compose(
		t,
		{ ssh: { ssh_config: "root's", moduli: "m", "ssh_config.d": { "20-root.conf": "gone" } } },
		{ ssh },
	);
	t.is(readFileSync(`${etc}/ssh/ssh_config`, "utf8"), ssh.ssh_config);
	t.deepEqual(readdirSync(`${etc}/ssh`).sort(), ["moduli", "ssh_config", "ssh_config.d"]);
	t.deepEqual(readdirSync(`${etc}/ssh/ssh_config.d`), ["10-site.conf"]);
	t.false(lstatSync(`${etc}/ssh/ssh_config.d/10-site.conf`).isSymbolicLink());
	t.is(statSync(`${etc}/ssh/ssh_config.d/10-site.conf`).uid, process.getuid?.() ?? -1);
});

test("takes the host's certificate authorities, a company's own included", (t) => {
	const certs = {
		"ca-certificates.crt": "all",
		"company.pem": "company",
		"0123abcd.0": { leadsTo: "company.pem" },
		"feedbeef.0": { leadsTo: "/elsewhere/x.pem" },
	};
	const etc = compose(t, { ssl: { "openssl.cnf": "root's", certs: { "root.pem": "gone" } } }, { ssl: { certs } });
	const host = etc.replace(/etc$/, "host");
	t.deepEqual(
		readdirSync(`${etc}/ssl/certs`).sort(),
		["0123abcd.0", "ca-certificates.crt", "company.pem"],
		"all but what leads nowhere",
	);
	t.is(readFileSync(`${etc}/ssl/certs/0123abcd.0`, "utf8"), "company");
	t.is(readFileSync(`${etc}/ssl/cert.pem`, "utf8"), "all");
	t.is(readFileSync(`${etc}/ssl/openssl.cnf`, "utf8"), "root's");
	rmSync(`${host}/ssl/certs/ca-certificates.crt`);
	writeFileSync(`${host}/ssl/certs/ca-certificates.crt`, "all, updated");
	t.is(readFileSync(`${etc}/ssl/certs/ca-certificates.crt`, "utf8"), "all, updated");
});

test("takes the bundle of a host that keeps it elsewhere beside the root's folder", (t) => {
	const etc = compose(
		t,
		{ ssl: { certs: { "root.pem": "kept" } } },
		{ pki: { tls: { certs: { "ca-bundle.crt": "fedora" } } } },
	);
	t.is(readFileSync(`${etc}/ssl/certs/ca-certificates.crt`, "utf8"), "fedora");
	t.is(readFileSync(`${etc}/ssl/certs/root.pem`, "utf8"), "kept");
});

test("leaves the root's authorities where the host has none", (t) => {
	const etc = compose(t, { ssl: { certs: { "ca-certificates.crt": "root's" } } }, {});
	t.is(readFileSync(`${etc}/ssl/certs/ca-certificates.crt`, "utf8"), "root's");
});

test("leaves out what the caller may not read", (t) => {
	if (process.getuid?.() === 0) {
		skip(t, "root may read everything");
		return;
	}
	const folder = mkdtempSync(join(tmpdir(), "devenv-etc-"));
	t.teardown(() => {
		rmSync(folder, { recursive: true, force: true });
	});
	write(`${folder}/root/etc`, { secret: "x", open: "y" });
	chmodSync(`${folder}/root/etc/secret`, 0);
	const account = { name: "ann", uid: 4242, gid: 4242, home: "/home/ann", shell: "/bin/bash" };
	composeEtc({
		root: `${folder}/root`,
		target: `${folder}/etc`,
		account,
		groups: [],
		hostEtc: `${folder}/none`,
		hostTree: "",
	});
	t.deepEqual(
		readdirSync(`${folder}/etc`).filter((name) => ["secret", "open"].includes(name)),
		["open"],
	);
});

test("links of the root's /etc lead nothing to the host", (t) => {
	const victim = mkdtempSync(join(tmpdir(), "devenv-etc-victim-"));
	t.teardown(() => {
		rmSync(victim, { recursive: true, force: true });
	});
	write(victim, { certs: { mine: "mine" }, "cert.pem": "mine", ssh_config: "mine", "ssh_config.d": { mine: "mine" } });
	const before = readdirSync(victim, { recursive: true }).sort();
	const host: Tree = {
		ssl: { certs: { "ca-certificates.crt": "bundle", "01234567.0": "one" } },
		ssh: { ssh_config: "host", "ssh_config.d": { "a.conf": "host" } },
		pki: {},
	};
	const bundleOnly: Tree = { ...host, ssl: { "ca-bundle.pem": "bundle" } };
	const roots: Tree[] = [
		{ ssl: { leadsTo: victim }, ssh: { leadsTo: victim } },
		{ ssl: { certs: { leadsTo: `${victim}/certs` } }, ssh: { "ssh_config.d": { leadsTo: `${victim}/ssh_config.d` } } },
	];
	for (const root of roots) {
		for (const files of [host, bundleOnly]) {
			const etc = compose(t, root, files);
			t.is(readFileSync(`${etc}/ssh/ssh_config`, "utf8"), "host");
			t.is(readFileSync(`${etc}/ssl/certs/ca-certificates.crt`, "utf8"), "bundle");
			t.deepEqual(readdirSync(victim, { recursive: true }).sort(), before);
			t.is(readFileSync(`${victim}/ssh_config`, "utf8"), "mine");
		}
	}
});
