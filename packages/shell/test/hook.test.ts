import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram, skip, temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { hookText, observePath, shimFolder, stampPath, Trust } from "../src/index.ts";
import { outsideStampPath, projectHash } from "../src/stamp-file.ts";
import { Place, self, viewTest } from "./fixtures/scaffold.ts";

const digest = "d".repeat(64);

/** A project whose name needs every kind of quoting. */
class Project extends Place {
	readonly project = `${this.folder}/a "project" \\ with\nlines and \u001b[31m`;
	readonly state = `${this.folder}/state`;
	readonly trust = new Trust(this.state);

	constructor(helper: string) {
		super(self(), helper);
		mkdirSync(this.project);
		writeFileSync(`${this.project}/env.yaml`, "packages: [jq]\n");
		writeFileSync(`${this.project}/env.lock`, "lock\n");
	}

	/** As activation writes it, of what env.yaml says now. */
	stamp(allowedContent = this.trust.contentFile(digest)): void {
		const path = `${this.project}/env.yaml`;
		const conditions = [observePath({ path, kind: "file" })];
		const rest = { project: this.project, conditions, view: this.view(), allowedContent };
		this.write(stampPath(this.state, this.project, { asUser: false }).slice(this.folder.length + 1), rest);
	}

	stampOutside(allowedContent: string): void {
		const rest = { project: this.project, view: this.view(), allowedContent };
		this.write(outsideStampPath(this.state, this.project).slice(this.folder.length + 1), rest);
	}

	/** What the hook is told in a folder: verdict, texts, project. */
	ask(mode: "view" | "shims" = "view", cwd = this.project): string[] {
		const { stdout, stderr } = this.run([this.helper, "hook", mode, "true"], {
			cwd,
			env: { DEVENV_HOME: this.folder },
		});
		if (stderr !== "") throw new Error(stderr);
		const [verdict = "", texts = "", ...project] = stdout.split("\n");
		return [verdict, texts, project.join("\n")];
	}

	verdict(mode: "view" | "shims" = "view"): string {
		return (this.ask(mode)[0] ?? "").replace(/^(held):[0-9a-f]{16}$/, "$1");
	}
}

viewTest(test, "tells what is due in a folder, by what was decided and what the stamp says", (t, helper) => {
	const made = new Project(helper);
	const env = `${made.project}/env.yaml`;
	t.deepEqual(made.ask("view", made.folder), ["none", "", ""]);
	t.is(made.verdict(), "held");
	t.deepEqual(made.ask().slice(1), [`${made.state}/activations/${projectHash(made.project)}-outside`, made.project]);
	// Entered by name, not allowed.
	made.stamp();
	t.is(made.verdict(), "held");
	made.trust.allow(made.project, digest);
	t.is(made.verdict(), "enter");
	mkdirSync(`${made.project}/below`);
	symlinkSync(`${made.project}/below`, `${made.folder}/link`);
	t.deepEqual(made.ask("view", `${made.folder}/link`)[2], made.project);
	// A stamp that another content was allowed for, or that is no more.
	made.stamp(made.trust.contentFile("e".repeat(64)));
	t.is(made.verdict(), "held");
	made.stamp();
	writeFileSync(env, "packages: [jq, yq]\n");
	t.is(made.verdict(), "held");
	// Back to what was allowed: it has to be evaluated to be known.
	writeFileSync(env, "packages: [jq]\n");
	t.is(made.verdict(), "cold");
	rmSync(`${made.project}/env.lock`);
	t.is(made.verdict(), "held");
	made.trust.decide(made.project, "always");
	t.is(made.verdict(), "unlocked");
	writeFileSync(`${made.project}/env.lock`, "any\n");
	writeFileSync(env, "packages: [anything]\n");
	t.is(made.verdict(), "cold");
	made.stamp(made.trust.contentFile("f".repeat(64)));
	t.is(made.verdict(), "enter");
	made.trust.revoke(made.project);
	t.is(made.verdict(), "denied");
	made.trust.allow(made.project, digest);
	t.is(made.verdict(), "held");
});

viewTest(test, "shims are ready where they are of the content that is allowed now", (t, helper) => {
	const made = new Project(helper);
	made.stamp();
	made.trust.allow(made.project, digest);
	t.is(made.verdict("shims"), "cold");
	made.stampOutside(made.trust.contentFile("e".repeat(64)));
	t.is(made.verdict("shims"), "cold");
	made.stampOutside(made.trust.contentFile(digest));
	t.is(made.verdict("shims"), "enter");
	t.is(made.verdict("view"), "enter");
});

viewTest(test, "no decision is read from what the user did not write", (t, helper) => {
	const made = new Project(helper);
	made.stamp();
	const file = `${made.state}/trust/folders/${projectHash(made.project)}.json`;
	made.trust.decide(made.project, "always");
	t.is(made.verdict(), "enter");
	const good = readFileSync(file, "utf8");
	for (const text of ["", good.slice(1), good.trimEnd(), `${good}x`, good.replace("project", "projekt")]) {
		writeFileSync(file, text);
		t.is(made.verdict(), "held", text);
	}
	// A folder, and a link that the project could not have made, are no consent either.
	made.trust.allow(made.project, digest);
	rmSync(made.trust.contentFile(digest));
	mkdirSync(made.trust.contentFile(digest));
	t.not(made.verdict(), "enter");
});

viewTest(test, "a stamp whose project only has the same name in the state folder is another's", (t, helper) => {
	const made = new Project(helper);
	made.trust.allow(made.project, digest);
	made.write(stampPath(made.state, made.project, { asUser: false }).slice(made.folder.length + 1), {
		project: "/another",
		view: made.view(),
		allowedContent: made.trust.contentFile(digest),
	});
	t.is(made.verdict(), "cold");
});

/** Runs bash with the hook in a folder of fake programs; what it printed. */
function runBash(t: ExecutionContext, place: Place, script: string): string {
	const text = `__devenv_launcher=${place.folder}/bin/devenv\n${hookText("bash", "view")}__devenv_helper=${place.folder}/helper\n`;
	const { stdout, stderr } = place.run(["bash", "--norc", "-c", `${text}${script}`], {
		env: { DEVENV_HOME: place.folder },
	});
	t.is(stderr, "");
	return stdout;
}

test("before a prompt nothing is started but where the folder or the consent has changed", async (t) => {
	const place = new Place(self(), "none");
	// Counts how often it is asked.
	writeFileSync(`${place.folder}/helper`, `#!/bin/sh\necho asked >>${place.folder}/asked\nprintf 'none\\n\\n'\n`, {
		mode: 0o755,
	});
	const trust = new Trust(`${place.folder}/state`);
	trust.decide("/somewhere", "always");
	await sleep(1);
	const script = `
		for turn in 1 2 3; do __devenv_hook; done
		cd /; (exit 3); __devenv_hook; echo $?; __devenv_hook
		cp ${place.folder}/state/trust/changed ${place.folder}/kept; echo other >${place.folder}/state/trust/changed
		__devenv_hook; __devenv_hook
		rm ${place.folder}/state/trust/changed; __devenv_hook; __devenv_hook
		wc -l <${place.folder}/asked`;
	t.deepEqual(runBash(t, place, script).trim().split(/\s+/), ["3", "4"]);
});

for (const shell of ["bash", "fish"] as const) {
	test(`${shell}: a project that was left by \`exit\` stays left, whatever is decided of others`, (t) => {
		const program = findProgram(shell);
		if (program === undefined) {
			skip(t, `no ${shell}`);
			t.pass();
			return;
		}
		const place = new Place(self(), "none");
		mkdirSync(`${place.folder}/state/trust`, { recursive: true });
		mkdirSync(`${place.folder}/run/hook`, { recursive: true });
		// Says the verdict of the file, and opens a shell that is left at once.
		const helper = `#!/bin/sh\ncase $1 in\nhook) printf '%s\\n\\n%s' "$(cat ${place.folder}/verdict)" "${place.folder}/project" ;;\nlaunch) echo opened ;;\nesac\n`;
		writeFileSync(`${place.folder}/helper`, helper, { mode: 0o755 });
		const set = (name: string): string => (shell === "fish" ? `set -g ${name} ` : `${name}=`);
		const text = `${set("__devenv_launcher")}${place.folder}/bin/devenv\n${hookText(shell, "view")}${set("__devenv_helper")}${place.folder}/helper\n`;
		const decide = (verdict: string): string =>
			`echo ${verdict} >${place.folder}/verdict; echo ${Math.random()} >${place.folder}/state/trust/changed; echo ${verdict}; __devenv_hook`;
		const script = [
			`cd ${place.folder}/project`,
			...["enter", "enter", "cold", "denied", "enter", "enter", "held:1", "enter"].map(decide),
			"cd /; __devenv_hook; cd -; __devenv_hook",
		].join("\n");
		const options = shell === "fish" ? ["--no-config"] : ["--norc"];
		const { stdout } = place.run([program, ...options, "-c", `${text}${script}`], {
			env: { DEVENV_HOME: place.folder },
		});
		t.deepEqual(
			stdout.split("\n").filter((line) => /^(enter|cold|denied|held:1|opened)$/.test(line)),
			[...["enter", "opened", "enter", "cold", "denied", "enter", "opened", "enter", "held:1", "enter", "opened"]],
		);
	});
}

test("the texts are ones that their shells read", (t) => {
	const file = `${temporaryFolder(t)}/hook`;
	for (const shell of ["bash", "zsh", "fish"] as const) {
		for (const mode of ["view", "shims"] as const) {
			writeFileSync(file, hookText(shell, mode));
			const { status, error, stderr } = spawnSync(shell, ["-n", file], { encoding: "utf8" });
			if (error === undefined) t.is(status, 0, `${shell} ${mode}: ${stderr}`);
		}
	}
	t.is(spawnSync("sh", ["-n"], { input: hookText("direnv", "view") }).status, 0);
	t.is(shimFolder("/state", "0123"), "/state/shims/0123/bin");
});
