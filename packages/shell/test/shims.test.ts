import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { shimFolder, shimPrograms, writeShims } from "../src/index.ts";
import { Place, self, viewTest } from "./fixtures/scaffold.ts";

const path = ["/usr/local/bin", "/usr/bin", "/usr/sbin"];

interface Package {
	readonly files: readonly string[];
	readonly priority?: string;
	readonly essential?: boolean;
	/** The list of its files is named after its architecture too. */
	readonly multiArch?: boolean;
}

/** A root with these packages as dpkg's database has them; files below bin are programs. */
function makeRoot(t: ExecutionContext, packages: Readonly<Record<string, Package>>): string {
	const root = temporaryFolder(t);
	mkdirSync(`${root}/var/lib/dpkg/info`, { recursive: true });
	let status = "";
	for (const [name, { files, priority = "optional", essential, multiArch }] of Object.entries(packages)) {
		status += `Package: ${name}\nPriority: ${priority}\nArchitecture: amd64\n${essential === true ? "Essential: yes\n" : ""}\n`;
		writeFileSync(`${root}/var/lib/dpkg/info/${name}${multiArch === true ? ":amd64" : ""}.list`, files.join("\n"));
		for (const file of files) {
			const merged = `${root}${file.replace(/^\/bin/, "/usr/bin")}`;
			mkdirSync(dirname(merged), { recursive: true });
			writeFileSync(merged, "", { mode: 0o755 });
		}
	}
	writeFileSync(`${root}/var/lib/dpkg/status`, status);
	return root;
}

test("programs of packages get a shim, those that every host has do not, unless they are asked for", (t) => {
	const root = makeRoot(t, {
		jq: { files: ["/usr/bin/jq", "/usr/share/doc/jq"] },
		"gcc-14": { files: ["/usr/bin/gcc-14"] },
		coreutils: { files: ["/bin/ls", "/usr/bin/env"], priority: "required", essential: true },
		mawk: { files: ["/usr/bin/mawk"], priority: "required" },
		netbase: { files: ["/usr/sbin/net"], priority: "important" },
		zsh: { files: ["/bin/zsh"] },
		tar: { files: ["/bin/tar"], priority: "required", multiArch: true },
	});
	const link = (target: string, at: string): void => {
		mkdirSync(dirname(`${root}${at}`), { recursive: true });
		symlinkSync(target, `${root}${at}`);
	};
	link("gcc-14", "/usr/bin/gcc");
	link("/etc/alternatives/cc", "/usr/bin/cc");
	link("/usr/bin/gcc", "/etc/alternatives/cc");
	link("/etc/alternatives/awk", "/usr/bin/awk");
	link("/bin/mawk", "/etc/alternatives/awk");
	link("nowhere", "/usr/bin/dangling");
	link("round", "/usr/bin/round");
	mkdirSync(`${root}/usr/bin/folder`);
	writeFileSync(`${root}/usr/bin/data`, "", { mode: 0o644 });
	writeFileSync(`${root}/usr/bin/two words`, "", { mode: 0o755 });
	mkdirSync(`${root}/usr/local/bin`, { recursive: true });
	writeFileSync(`${root}/usr/local/bin/jq`, "", { mode: 0o755 });
	t.deepEqual(
		[...shimPrograms({ root, path, packages: ["jq"] })],
		[
			["jq", "/usr/local/bin/jq"],
			["cc", "/usr/bin/cc"],
			["gcc", "/usr/bin/gcc"],
			["gcc-14", "/usr/bin/gcc-14"],
		],
	);
	const asked = [...shimPrograms({ root, path, packages: ["zsh", "coreutils", "tar", "mawk"] }).keys()];
	t.deepEqual(asked.sort(), ["awk", "cc", "env", "gcc", "gcc-14", "jq", "ls", "mawk", "tar", "zsh"]);
});

test("the folder of shims changes as a whole, and is not one in the project", (t) => {
	const state = temporaryFolder(t);
	const folder = shimFolder(state, "0123");
	const common = { path, packages: [], folder, stamp: "/state/x.stamp", helper: "/opt/devenv-helper" };
	t.deepEqual(writeShims({ ...common, root: makeRoot(t, { jq: { files: ["/usr/bin/jq"] } }) }), ["jq"]);
	t.is(
		readFileSync(join(folder, "jq"), "utf8"),
		"#!/opt/devenv-helper shim\n#stamp /state/x.stamp\n#program /usr/bin/jq\n",
	);
	const root = makeRoot(t, { yq: { files: ["/usr/bin/yq"] }, fx: { files: ["/usr/bin/fx"] } });
	t.deepEqual(writeShims({ ...common, root }), ["fx", "yq"]);
	t.deepEqual(readdirSync(folder).sort(), ["fx", "yq"]);
	t.is(readdirSync(dirname(folder)).length, 2);
	// What the kernel cannot take as an interpreter is started by a shell.
	writeShims({ ...common, root, helper: "/opt/it's here/devenv-helper" });
	t.is(
		readFileSync(join(folder, "fx"), "utf8"),
		`#!/bin/sh\n#stamp /state/x.stamp\n#program /usr/bin/fx\nexec '/opt/it'\\''s here/devenv-helper' shim "$0" "$@"\n`,
	);
});

viewTest(test, "a shim runs its program inside, with the project's variables below the caller's own", (t, helper) => {
	const place = new Place(self(), helper);
	const stamp = place.write("state/outside.stamp", {
		view: place.view(),
		changes: [
			{ kind: "set", name: "GREETING", value: "hello" },
			{ kind: "set", name: "DEVENV_ROOT", value: `${place.folder}/project` },
			{ kind: "prepend", name: "PATH", separator: ":", value: "/usr/bin" },
		],
	});
	const shim = (name: string, first: string, rest = ""): string => {
		const file = `${place.folder}/${name}`;
		writeFileSync(file, `${first}\n#stamp ${stamp}\n#program /usr/bin/bash\n${rest}`);
		chmodSync(file, 0o755);
		place.give(place.folder);
		return file;
	};
	const script = 'cat /usr/marker; echo "$GREETING $1"; exit 7';
	const direct = shim("direct", `#!${helper} shim`);
	const run = (file: string, env: Record<string, string> = {}): string => {
		const { status, stdout, stderr } = place.run([file, "-c", script, "bash", "an argument"], { env });
		return `${status} ${stdout}${stderr}`;
	};
	t.is(run(direct), "7 first root\nhello an argument\n");
	// An editor's own value gives way; one that was changed in an activated shell stays.
	t.is(run(direct, { GREETING: "other" }), "7 first root\nhello an argument\n");
	t.is(
		run(direct, { GREETING: "changed", DEVENV_ROOT: `${place.folder}/project` }),
		"7 first root\nchanged an argument\n",
	);
	t.is(run(shim("by sh", "#!/bin/sh", `exec '${helper}' shim "$0" "$@"\n`)), "7 first root\nhello an argument\n");
	symlinkSync(direct, `${place.folder}/link`);
	t.is(run(`${place.folder}/link`), "7 first root\nhello an argument\n");

	const damaged = `${place.folder}/damaged`;
	writeFileSync(damaged, `#!${helper} shim\n#stamp relative\n#program /usr/bin/bash\n`, { mode: 0o755 });
	t.is(run(damaged), `125 devenv: ${damaged}: this shim is damaged; \`devenv shims\` makes it anew\n`);
	place.write("state/outside.stamp", { view: place.view({ root: "/nonexistent/root" }) });
	t.is(
		run(direct),
		`125 devenv: the environment of ${place.folder}/project is not in the store any more; \`devenv shims\` there makes it anew\n`,
	);
});
