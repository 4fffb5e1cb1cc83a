import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { findProject } from "../src/find-project.ts";

test("finds the nearest env.yaml upward, a broken link included", (t) => {
	const top = mkdtempSync(join(tmpdir(), "devenv-find-"));
	t.teardown(() => {
		rmSync(top, { recursive: true });
	});
	mkdirSync(join(top, "a/b/c"), { recursive: true });
	t.is(findProject(join(top, "a/b/c")), undefined);
	writeFileSync(join(top, "env.yaml"), "");
	t.is(findProject(join(top, "a/b/c")), top);
	// A link that leads nowhere is the user's mistake to hear of, not a reason to take another project.
	symlinkSync("/nonexistent", join(top, "a/b/env.yaml"));
	t.is(findProject(join(top, "a/b/c")), join(top, "a/b"));
});
