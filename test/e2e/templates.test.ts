/** What `devenv init -t` writes, built and run as its env.yaml says. Needs the mirror. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Installation } from "./installation.ts";

const names = ["node", "python", "go", "rust", "java", "c", "php", "ruby"] as const;

const installation = new Installation();

test.after.always(() => installation.remove());

test("network: every template builds and runs inside", async (t) => {
	t.timeout(900_000);
	const folders = names.map((name) => installation.project(`${name}-project`, {}));
	const written = await Promise.all(
		folders.map((cwd, index) => installation.devenv(["init", "-t", names[index] ?? ""], { cwd })),
	);
	for (const { code, stderr } of written) t.is(code, 0, stderr);
	const [first = ""] = folders;
	const locked = await installation.devenv(["update"], { cwd: first });
	t.is(locked.code, 0, locked.stderr);
	for (const folder of folders) writeFileSync(join(folder, "env.lock"), readFileSync(join(first, "env.lock")));
	// All at once: packages that they share are fetched once.
	const outcomes = await Promise.all(
		folders.map((cwd) => {
			const line = /^# (?:Build and run|Run) it: +devenv (shell -- .*)$/m.exec(
				readFileSync(join(cwd, "env.yaml"), "utf8"),
			)?.[1];
			if (line === undefined) throw new Error(`${cwd}/env.yaml does not say how it is run`);
			// As a shell reads what the comment says.
			return installation.run(["sh", "-c", `"$0" ${line}`, join(import.meta.dirname, "../../scripts/devenv")], { cwd });
		}),
	);
	for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
		t.is(code, 0, `${names[index] ?? ""}: ${stderr}`);
		t.regex(stdout, /^Hello from /m, names[index]);
	}
	// A second time in the same folder, nothing is overwritten.
	const again = await installation.devenv(["init", "-t", "rust"], { cwd: folders[names.indexOf("rust")] ?? "" });
	t.is(again.code, 1);
	t.regex(again.stderr, /^error\[INIT_EXISTS\]: .*env\.yaml exists already/);
});
