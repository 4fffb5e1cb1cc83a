/** Packages and maintainer scripts that try to make the composition, which runs outside of the sandbox, change the host. */

import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Workshop } from "./synthetic-packages.ts";

let workshop: Workshop;

test.before(async () => {
	workshop = await Workshop.open();
});
test.after.always(() => {
	workshop.remove();
});

/** A folder of the host that nothing may change: names with contents as they were. */
function makeVictim(files: Readonly<Record<string, string>> = {}): { readonly folder: string; changes(): string[] } {
	const folder = mkdtempSync(join(workshop.folder, "victim-"));
	for (const [name, contents] of Object.entries(files)) {
		mkdirSync(join(folder, name, ".."), { recursive: true });
		writeFileSync(join(folder, name), contents);
	}
	const state = (): string[] =>
		readdirSync(folder, { recursive: true, encoding: "utf8" })
			.sort()
			.map(
				(name) => `${name}: ${lstatSync(join(folder, name)).isFile() ? readFileSync(join(folder, name), "utf8") : ""}`,
			);
	const before = state();
	return { folder, changes: () => state().filter((line, index) => line !== before[index]) };
}

test("links that packages bring lead nowhere outside of the root", async (t) => {
	for (const fields of [["Essential: yes"], []]) {
		const victim = makeVictim({ "home/file": "original" });
		const hostile = workshop.add({
			name: "hostile",
			fields,
			files: {
				"var/lib/dpkg/info": `-> ${victim.folder}`,
				"var/lib/dpkg/status": `-> ${victim.folder}/home/file`,
				"usr/share/man": `-> ${victim.folder}`,
				"usr/share/info": "-> /opt/info",
				"var/cache": `-> ${victim.folder}/home`,
				"usr/share/base-passwd/passwd.master": "planted",
			},
			control: { desktop: "[Desktop Entry]" },
		});
		const inner = workshop.add({
			name: "inner",
			files: { "var/lib/dpkg/triggers/File": `-> ${victim.folder}/home/file` },
			control: { desktop: "x" },
		});
		const root = await workshop.compose([hostile, inner]);
		t.deepEqual(victim.changes(), []);
		t.is(readFileSync(join(root, "var/lib/dpkg/status"), "utf8").split("\n")[0], "Package: hostile");
		/* Later than the folders of every root, its links do not stand for them. */
		if (fields.length > 0) t.true(lstatSync(join(root, "opt/info")).isDirectory(), "as if in a chroot");
		else t.true(lstatSync(join(root, "usr/share/info")).isDirectory());
	}
});

test("a file that dpkg's database needs replaces a link of that name", async (t) => {
	const victim = makeVictim({ file: "original" });
	const hostile = workshop.add({
		name: "hostile",
		files: {
			"var/lib/dpkg/info/hostile.config": `-> ${victim.folder}/file`,
			"var/lib/dpkg/info/hostile.list": `-> ${victim.folder}/file`,
		},
		control: { config: "from the package" },
	});
	const root = await workshop.compose([hostile]);
	t.deepEqual(victim.changes(), []);
	t.is(readFileSync(join(root, "var/lib/dpkg/info/hostile.config"), "utf8"), "from the package");
});

test("an architecture is no path", async (t) => {
	const victim = makeVictim();
	const up = "../".repeat(20);
	const hostile = workshop.add({
		name: "hostile",
		fields: ["Multi-Arch: same", `Architecture: a/${up}${victim.folder.slice(1)}/evil`],
		control: { desktop: "x" },
	});
	await t.throwsAsync(() => workshop.compose([hostile]), { message: /says that it is for 'a\/\.\.\// });
	t.deepEqual(victim.changes(), []);
});

test("a stub's name is no path", async (t) => {
	const victim = makeVictim();
	const stub = `${"../".repeat(20)}${victim.folder.slice(1)}/stub`;
	await t.throwsAsync(() => workshop.compose([], { maintainerScripts: { stub: [stub] } }), {
		message: /is no name of a command/,
	});
	t.deepEqual(victim.changes(), []);
});

test("what scripts put in place of folders and notes leads nowhere outside of the root", async (t) => {
	for (const sandbox of workshop.sandboxes) {
		const victim = makeVictim({
			"apt/file": "original",
			file: "original",
			"java/cacerts": "original",
			secret: "hidden",
		});
		const scripted = workshop.add({
			name: "scripted",
			files: { "usr/share/ca-certificates/x": "x", "etc/ca-certificates.conf": "x\n", "var/cache/apt/": "" },
			postinst: [
				"rm -rf /var/cache /var/lib/systemd /var/log /etc/ssl",
				`ln -s ${victim.folder} /var/cache`,
				`ln -s ${victim.folder} /var/log`,
				"mkdir -p /etc/ssl/certs",
				`ln -s ${victim.folder}/java /etc/ssl/certs/java`,
				'for name in driver triggers; do rm -f "$DEVENV_NOTES/$name"; done',
				`ln -s ${victim.folder}/file "$DEVENV_NOTES/driver"`,
				`ln -s ${victim.folder}/secret "$DEVENV_NOTES/calls"`,
				'mknod "$DEVENV_NOTES/triggers" p',
			].join("\n"),
		});
		workshop.log.length = 0;
		const root = await workshop.compose([scripted], {}, sandbox);
		t.deepEqual(victim.changes(), [], sandbox.kind);
		t.false(workshop.log.some((line) => line.includes("hidden")));
		t.is(lstatSync(join(root, "var/cache")).isSymbolicLink(), true);
	}
});
