import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import { formatLock, type LockedInput } from "@devenv/env-file";
import test, { type ExecutionContext } from "ava";
import { readProject } from "../src/project.ts";

function pin(name: string, url = "debian:trixie"): LockedInput {
	if (url.startsWith("path:")) return { kind: "tree", name, url, narHash: `sha256-${"A".repeat(43)}=` };
	return { kind: "debian", name, url, indexes: [], suites: [] };
}

interface Fixture {
	/** The repository's top. */
	readonly top: string;
	/** Two folders below. */
	readonly part: string;
}

function setUp(t: ExecutionContext, text = ""): Fixture {
	const outer = mkdtempSync(join(tmpdir(), "devenv-inherit-"));
	t.teardown(() => rmSync(outer, { recursive: true, force: true }));
	const top = join(outer, "repository");
	const part = join(top, "services/shop");
	mkdirSync(part, { recursive: true });
	mkdirSync(join(top, ".git"));
	writeFileSync(join(top, "env.yaml"), "");
	writeFileSync(join(top, "env.lock"), formatLock({ inputs: [pin("debian"), pin("more", "debian:sid")] }));
	writeFileSync(join(part, "env.yaml"), text);
	return { top, part };
}

const read = (folder: string): ReturnType<typeof readProject> => readProject(folder, "0.1.0");

test("a part of a repository takes over the lock above, and follows whatever could change that", (t) => {
	const { top, part } = setUp(t);
	const project = read(part);
	t.deepEqual(project.lock, { inputs: [pin("debian")] });
	t.is(project.lockFolder, top);
	t.deepEqual(
		project.tracked.map(({ path, kind }) => [path.slice(top.length), kind]),
		[
			["/services/shop/env.yaml", "file"],
			["/services/shop/env.local.yaml", "absent"],
			["/services/shop/env.lock", "absent"],
			["/services/shop/env.nix", "absent"],
			["/services/env.lock", "absent"],
			["/env.lock", "file"],
		],
	);
});

test("a lock of its own comes first", (t) => {
	const { part } = setUp(t);
	writeFileSync(join(part, "env.lock"), formatLock({ inputs: [pin("debian"), pin("own")] }));
	const project = read(part);
	t.is(project.lock?.inputs.length, 2);
	t.is(project.lockFolder, undefined);
});

test("no lock is taken over that does not have every input, or means another folder by a path", (t) => {
	const missing = setUp(t, "inputs: { debian: { url: debian:sid } }\n");
	t.is(read(missing.part).lock, undefined);
	const relative = setUp(t, "inputs: { tools: { url: path:../tools } }\n");
	writeFileSync(join(relative.top, "env.lock"), formatLock({ inputs: [pin("debian"), pin("tools", "path:../tools")] }));
	t.is(read(relative.part).lock, undefined);
});

test("nothing is looked for outside of a repository, or above its top", (t) => {
	const outside = setUp(t);
	rmSync(join(outside.top, ".git"), { recursive: true });
	t.is(read(outside.part).lock, undefined);
	const nested = setUp(t);
	// A submodule or a worktree has a file of that name.
	writeFileSync(join(nested.part, ".git"), "gitdir: elsewhere\n");
	t.is(read(nested.part).lock, undefined);
	const noProject = setUp(t);
	rmSync(join(noProject.top, "env.yaml"));
	t.is(read(noProject.part).lock, undefined);
});

test("a broken lock above is named by its path from here", (t) => {
	const { top, part } = setUp(t);
	writeFileSync(join(top, "env.lock"), "version: 99\n");
	const error = t.throws(() => read(part), { instanceOf: DiagnosticError });
	t.like(error.diagnostics[0], { code: "LOCK_NEWER", location: { file: "../../env.lock" } });
	rmSync(join(top, "env.lock"));
	symlinkSync("nowhere", join(top, "env.lock"));
	t.is(read(part).lock, undefined);
});
