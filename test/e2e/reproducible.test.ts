/** The same lock gives the same store, whoever makes it and wherever. Needs the mirror. */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { canRunAs } from "@devenv/test-support";
import test from "ava";
import { Installation } from "./installation.ts";

const ids = [1000, 1001].map((id) => ({ uid: id, gid: id }));
const playsUsers = process.getuid?.() === 0 && ids.every(canRunAs);
const text = "packages: [jq, python3]\nenv: { GREETING: hello }\n";

/** Every valid path of a store with its NAR hash and references. */
function contents(installation: Installation): Record<string, unknown>[] {
	const database = new DatabaseSync(join(installation.home, "root/nix/var/nix/db/db.sqlite"), { readOnly: true });
	try {
		return database.prepare("select path, hash, narSize, ca from ValidPaths order by path").all();
	} finally {
		database.close();
	}
}

test("network: a deleted store comes again, and another user in another folder gets the same", async (t) => {
	t.timeout(900_000);
	// Two ordinary users where the test may choose; else one user twice.
	const first = new Installation(playsUsers ? { uid: 1000 } : {});
	const second = new Installation(playsUsers ? { uid: 1001 } : {});
	t.teardown(() => Promise.all([first.remove(), second.remove()]));

	const project = first.project("here", { "env.yaml": text });
	const enter = async (installation: Installation, cwd: string): Promise<void> => {
		const { code, stdout, stderr } = await installation.devenv(["shell", "--", "jq", "-n", "1"], { cwd });
		t.is(code, 0, stderr);
		t.is(stdout, "1\n");
	};
	await enter(first, project);
	const once = contents(first);
	t.true(once.length > 100);

	await first.devenv(["daemon", "stop"]);
	await first.run(["chmod", "-R", "u+w", first.home]);
	rmSync(first.home, { recursive: true });
	await enter(first, project);
	t.deepEqual(contents(first), once);

	const elsewhere = second.project("some/where/else", {
		"env.yaml": text,
		"env.lock": readFileSync(join(project, "env.lock"), "utf8"),
	});
	await enter(second, elsewhere);
	t.deepEqual(contents(second), once);
});
