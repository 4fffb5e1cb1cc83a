import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "ava";
import { renderDiagnostic } from "@devenv/diagnostics";
import { describeSandboxFailure, detectSandbox } from "../src/index.ts";

const folder: string = mkdtempSync(join(tmpdir(), "devenv-detect-test-"));
test.after.always(() => {
	rmSync(folder, { recursive: true });
});

function settings(values: Readonly<Record<string, string>>): string {
	const root = mkdtempSync(join(folder, "sys-"));
	for (const [name, value] of Object.entries(values)) {
		mkdirSync(dirname(join(root, name)), { recursive: true });
		writeFileSync(join(root, name), `${value}\n`);
	}
	return root;
}

const refused = { kind: "setup-failed", step: "make namespaces", error: "Operation not permitted" } as const;

test("says what to install where there is neither helper nor bwrap", async (t) => {
	const sandbox = await detectSandbox({ helper: join(folder, "none"), searchPath: [folder] });
	t.is(sandbox.kind, "none");
	if (sandbox.kind !== "none") return;
	t.is(
		renderDiagnostic(sandbox.diagnostic),
		"error[SANDBOX_MISSING]: there is neither a compiled sandbox helper nor bwrap on this machine\n" +
			"  help: install a C compiler (gcc or clang) and run the installation again, or install the package bubblewrap\n",
	);
});

test("a helper that does not work is reported with its reason", async (t) => {
	const helper = join(folder, "broken");
	// The report of the first build, and its end: see native/builds.c.
	const zero = "\\000";
	const frame = (kind: string, length: string, words: readonly string[]): string =>
		`\\001${zero.repeat(3)}${kind}${zero.repeat(3)}${length}${zero.repeat(3)}${words.join(zero)}${zero}`;
	const report = frame("S", "\\057", ["failed", "make namespaces", "No space left on device"]);
	const frames = report + frame("E", "\\013", ["exited", "125"]);
	writeFileSync(helper, `#!/bin/sh\nprintf '${frames}'\ncat >/dev/null\n`, { mode: 0o755 });
	const sandbox = await detectSandbox({
		helper,
		searchPath: [],
		settings: settings({ "user/max_user_namespaces": "0" }),
	});
	t.is(sandbox.kind, "none");
	if (sandbox.kind !== "none") return;
	t.is(
		renderDiagnostic(sandbox.diagnostic),
		"error[SANDBOX_BLOCKED]: user namespaces are switched off (user.max_user_namespaces is 0)\n" +
			"  note: cannot make namespaces: No space left on device\n" +
			"  help: as root: sysctl -w user.max_user_namespaces=15000, and write that setting to a file in /etc/sysctl.d to keep it\n",
	);
});

for (const [setting, value, expected] of [
	["kernel/unprivileged_userns_clone", "0", /kernel\.unprivileged_userns_clone=1/],
	["kernel/apparmor_restrict_unprivileged_userns", "1", /kernel\.apparmor_restrict_unprivileged_userns=0/],
	["user/max_user_namespaces", "15000", /container/],
] as const) {
	test(`names what to change for ${setting} = ${value}`, (t) => {
		const diagnostic = describeSandboxFailure(refused, settings({ [setting]: value }));
		t.is(diagnostic.code, "SANDBOX_BLOCKED");
		t.regex(diagnostic.hint ?? "", expected);
	});
}
