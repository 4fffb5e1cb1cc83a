import test from "ava";
import { composeGroup, composeNsswitch, composePasswd, unlistedIds } from "../src/account-files.ts";

const account = { name: "ann", uid: 1000, gid: 1001, home: "/home/ann", shell: "/usr/bin/zsh" };

test("the host's files are asked before its other databases", (t) => {
	const passwd = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:10:::\n+::::::\nbroken\n";
	t.deepEqual(unlistedIds(passwd, [0, 10, 1000, 100]), [10, 100]);
	t.deepEqual(unlistedIds("", [0]), [0]);
});

test("passwd has the caller first, then the host's accounts, then the root's", (t) => {
	const host = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000:Ann,,,:/old:/bin/tcsh\nbroken line\n+::::::\n";
	const root = "root:x:0:0::/nowhere:/bin/sh\npostgres:x:100:105::/var/lib/postgresql:/bin/bash\n";
	t.is(
		composePasswd(host, root, [], account),
		"ann:x:1000:1001:Ann,,,:/home/ann:/usr/bin/zsh\nroot:x:0:0:root:/root:/bin/bash\npostgres:x:100:105::/var/lib/postgresql:/bin/bash\n",
	);
});

test("passwd has a caller that only the account database knows, or nobody", (t) => {
	const known = ["ann.lee:*:1000:513:Ann Lee:/home/x:/bin/sh"];
	t.is(composePasswd("", "", known, account), "ann.lee:x:1000:1001:Ann Lee:/home/ann:/usr/bin/zsh\n");
	t.is(composePasswd("", "", [], account), "ann:x:1000:1001::/home/ann:/usr/bin/zsh\n");
});

test("group has the host's groups, the caller's own and the root's", (t) => {
	const host = "root:x:0:\nadm:x:4:ann\n";
	t.is(
		composeGroup(host, "root:x:0:\npostgres:x:105:\n", ["staff:*:50:ann"], account),
		"root:x:0:\nadm:x:4:ann\nstaff:*:50:ann\nann:x:1001:\npostgres:x:105:\n",
	);
});

const switches: readonly [title: string, host: string, modules: string[], composed: string][] = [
	[
		"modules that the root lacks go with their actions",
		"passwd: files sss [NOTFOUND=return] systemd # x\nhosts: files mdns4_minimal [NOTFOUND=return] dns\n",
		["systemd"],
		"passwd: files systemd\nhosts: files dns\ngroup: files\n",
	],
	[
		"modules that load stay",
		"hosts: resolve [!UNAVAIL=return] files dns\npasswd: files\ngroup: files\n",
		["resolve"],
		"hosts: resolve [!UNAVAIL=return] files dns\npasswd: files\ngroup: files\n",
	],
	["a host without the file", "", [], "passwd: files\ngroup: files\nhosts: files dns\n"],
	[
		"names are looked up even where nothing loads",
		"passwd: ldap\nhosts: resolve\n",
		[],
		"passwd: files\nhosts: files dns\ngroup: files\n",
	],
];

for (const [title, host, modules, composed] of switches) {
	test(`nsswitch.conf: ${title}`, (t) => {
		t.is(
			composeNsswitch(host, (service) => modules.includes(service)),
			composed,
		);
	});
}
