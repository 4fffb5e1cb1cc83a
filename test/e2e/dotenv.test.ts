/** Variables from files that are kept nowhere. Needs the mirror. */

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test from "ava";
import { Installation } from "./installation.ts";

const installation = new Installation();
const secret = "s3cret-of-the-test";
const project = installation.project("project", {
	"env.yaml":
		"packages: [hello, busybox]\ndotenv: true\nenv: { OWN: yaml }\nscripts: { show: 'echo \"script $TOKEN\"' }\nprocesses: { web: 'echo \"process $TOKEN\"; exec sleep 600' }\n",
	".env": `TOKEN=${secret}\nOWN=file\n`,
});
const file = join(project, ".env");
const devenv = (...args: string[]) => installation.devenv(args, { cwd: project });
const show = ["shell", "--", "sh", "-c", 'echo "$TOKEN $OWN"'];

test.after.always(() => installation.remove());

/** The files of the installation that hold the text. */
function holders(text: string): string[] {
	try {
		const found = execFileSync("grep", ["-rlaF", text, installation.home], { encoding: "utf8" });
		return found.split("\n").filter((each) => each !== "");
	} catch (error) {
		if ((error as { status?: number }).status === 1) return [];
		throw error;
	}
}

test.serial("network: commands, scripts and processes get them, and nothing keeps them", async (t) => {
	t.timeout(600_000);
	t.teardown(() => devenv("down"));
	const first = await devenv(...show);
	t.is(first.stdout, `${secret} yaml\n`, first.stderr);
	t.is((await devenv(...show)).stdout, `${secret} yaml\n`);
	t.is((await devenv("run", "show")).stdout, `script ${secret}\n`);
	t.is((await devenv("shell", "--pure", ...show.slice(1))).stdout, `${secret} yaml\n`);
	t.is((await devenv("allow")).code, 0);
	t.notRegex((await devenv("print-env", "--json")).stdout, new RegExp(secret));
	t.is((await devenv("info")).code, 0);
	t.deepEqual(holders(secret), []);
	// What a process prints is its own affair.
	t.is((await devenv("up", "-d")).code, 0);
	t.is((await devenv("processes", "wait", "--timeout", "60")).code, 0);
	t.is((await devenv("processes", "logs", "web")).stdout, `process ${secret}\n`);
	t.is((await devenv("down")).code, 0);
	// The next start has the next value.
	installation.write(file, "TOKEN=other\nnonsense\n");
	const warned = await devenv(...show);
	t.is(warned.stdout, "other yaml\n");
	t.regex(warned.stderr, /warning\[ENV_DOTENV_LINE\][^]*\.env:2:1/);
	rmSync(file);
	t.is((await devenv(...show)).stdout, " yaml\n");
});

test.serial(
	"network: what changed since it was allowed is not taken by shims and hooks, and nothing outside is read",
	async (t) => {
		t.timeout(600_000);
		if (!existsSync(join(import.meta.dirname, "../../build/native/devenv-helper"))) {
			skip(t, "no C compiler");
			return;
		}
		installation.write(file, "TOKEN=one\n");
		t.is((await devenv("allow")).code, 0);
		const shims = (await devenv("shims")).stdout.trim().split("\n").at(-1) ?? "";
		const shim = (): Promise<{ stdout: string; stderr: string }> =>
			installation.run([join(shims, "busybox"), "env"], { cwd: project });
		t.regex((await shim()).stdout, /^TOKEN=one$/m);
		installation.write(file, "TOKEN=two\nLD_PRELOAD=/tmp/evil.so\n");
		const held = await shim();
		t.notRegex(held.stdout, /TOKEN|LD_PRELOAD/);
		t.regex(held.stderr, /\.env has changed and is left out/);
		const ambient = await devenv("shell", "--ambient", "--", "true");
		t.is(ambient.code, 2, ambient.stderr);
		// The same where env.nix names it.
		const text = readFileSync(join(project, "env.yaml"), "utf8");
		installation.write(join(project, "env.yaml"), text.replace("dotenv: true\n", ""));
		installation.write(join(project, "env.nix"), "{ dotenv = true; }\n");
		installation.write(file, "TOKEN=nix\n");
		t.is((await devenv("allow")).code, 0);
		t.is((await devenv("shell", "--ambient", "--", "sh", "-c", 'echo "$TOKEN"')).stdout, "nix\n");
		installation.write(file, "TOKEN=changed\n");
		t.is((await devenv("shell", "--ambient", "--", "true")).code, 2);
		rmSync(join(project, "env.nix"));
		installation.write(join(project, "env.yaml"), text);
		rmSync(file);
		const outside = join(installation.folder, "outside");
		installation.write(outside, "TOKEN=outside\n");
		chmodSync(outside, 0o600);
		symlinkSync(outside, file);
		const refused = await devenv(...show);
		t.not(refused.code, 0);
		t.regex(refused.stderr, /ENV_DOTENV_OUTSIDE[^]*env\.yaml:2:9/);
		t.is(refused.stdout, "");
	},
);
