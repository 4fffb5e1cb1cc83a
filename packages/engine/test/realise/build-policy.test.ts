/** What the user's settings and a request's wishes change about builds. */

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatSecretKey, generateKey, publicKeyOf, type StorePath, verifySignature } from "@devenv/nix-formats";
import { removeFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import type { EngineEvent } from "../../src/engine-event.ts";
import { coresOf, policyOf, usualPolicy } from "../../src/realise/build-policy.ts";
import { defaultSettings } from "../../src/settings.ts";
import { failure, makeBuilds, sandboxed } from "./build-fixture.ts";

function temporary(t: ExecutionContext): string {
	const folder = mkdtempSync(join(tmpdir(), "devenv-policy-"));
	t.teardown(() => removeFolder(folder));
	return folder;
}

function program(folder: string, text: string): string {
	const file = join(folder, "hook");
	writeFileSync(file, `#!/bin/sh\n${text}\n`);
	chmodSync(file, 0o755);
	return file;
}

/** The folder that a diagnostic says is kept; removed after the test. */
function keptFolder(t: ExecutionContext, notes: readonly { readonly message: string }[] | undefined): string {
	const [, folder = ""] = /kept: (\/.*)$/m.exec((notes ?? []).map(({ message }) => message).join("\n")) ?? [];
	t.not(folder, "");
	t.teardown(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

test("a wish goes before the setting, zero takes a limit away", (t) => {
	const usual = usualPolicy({ ...defaultSettings(), timeout: 60, maxLogSize: 1000, cores: 3 });
	t.deepEqual(usual.limits, { timeoutMs: 60_000, logBytes: 1000 });
	const policy = policyOf(usual, { limits: { timeoutMs: 0, silentMs: 5 }, cores: 1 });
	t.deepEqual(policy.limits, { silentMs: 5, logBytes: 1000 });
	t.is(coresOf(policy), 1);
	t.true(coresOf({ ...policy, cores: 0 }) >= 1);
});

sandboxed("a build ends at its limits", async (t) => {
	const { derivation, realise } = makeBuilds(t, { maxLogSize: 100 });
	const cases: readonly (readonly [script: string, limits: object, code: string, message: RegExp])[] = [
		[
			"while :; do echo tick; sleep 0.1; done",
			{ timeoutMs: 700, logBytes: 0 },
			"BUILD_TIMED_OUT",
			/took longer than 1 s/,
		],
		["echo start; sleep 60", { silentMs: 600 }, "BUILD_TIMED_OUT", /wrote nothing for 1 s/],
		["while :; do echo a line of text; done", {}, "BUILD_FAILED", /wrote more than 100 bytes to its log/],
	];
	for (const [index, [script, limits, code, message]] of cases.entries()) {
		const found = await failure(t, realise(derivation(`limited-${index}`, script), { wishes: { limits } }));
		t.is(found.code, code);
		t.regex(found.message, message);
	}
});

sandboxed("the folder of a failed build is kept where that is wanted", async (t) => {
	const { derivation, realise } = makeBuilds(t);
	const drvPath = derivation("broken", "echo half > work; mkdir deep; echo more > deep/file; false");
	const without = await failure(t, realise(drvPath));
	t.false((without.notes ?? []).some(({ message }) => message.includes("kept")));
	const { notes } = await failure(t, realise(drvPath, { wishes: { keepFailed: true } }));
	const folder = keptFolder(t, notes);
	t.is(readFileSync(join(folder, "work"), "utf8"), "half\n");
	t.is(readFileSync(join(folder, "deep/file"), "utf8"), "more\n");
});

sandboxed("building again finds what is not deterministic, and leaves the store as it is", async (t) => {
	const { derivation, realise, read, store } = makeBuilds(t);
	const same = derivation("same", "echo always > $out");
	const other = derivation("other", "mkdir $out; echo fixed > $out/fixed; echo $RANDOM$RANDOM$RANDOM > $out/number");
	const unbuilt = derivation("unbuilt", "echo x > $out");
	await realise(same);
	await realise(other);
	await realise(same, { wishes: { check: true } });
	const path = store.readDerivation(other).outputs.get("out")?.path as StorePath;
	const first = readFileSync(join(store.physical(path), "number"), "utf8");
	const found = await failure(t, realise(other, { wishes: { check: true, keepFailed: true } }));
	t.is(found.code, "BUILD_NOT_DETERMINISTIC");
	t.is(found.message, `derivation '${other}' may not be deterministic: output '${path}' differs`);
	t.regex(found.notes?.[0]?.message ?? "", /^what differs:\nnumber: \d+ bytes, then \d+; other from byte \d+ on$/);
	const folder = keptFolder(t, found.notes);
	const [name = ""] = [path].map((each) => each.slice("/nix/store/".length));
	t.not(readFileSync(join(folder, name, "number"), "utf8"), first);
	t.is(readFileSync(join(store.physical(path), "number"), "utf8"), first);
	t.is(read(same), "always\n");
	t.deepEqual(await store.verify({ checkContents: true }), []);
	const error = await t.throwsAsync(realise(unbuilt, { wishes: { check: true } }));
	t.regex(error.message, /BUILD_CHECK_NOT_VALID/);
});

sandboxed("what is built is signed with the user's keys", async (t) => {
	const folder = temporary(t);
	const keys = ["one-1", "two-1"].map(generateKey);
	const files = keys.map((key) => {
		const file = join(folder, key.name);
		writeFileSync(file, formatSecretKey(key));
		return file;
	});
	const { derivation, realise, store } = makeBuilds(t, { secretKeyFiles: files });
	const drvPath = derivation("signed", "echo $out > $out");
	await realise(drvPath);
	const info = store.pathInfo(store.readDerivation(drvPath).outputs.get("out")?.path as StorePath);
	t.is(info.signatures.length, 2);
	for (const key of keys) {
		const publicKey = publicKeyOf(key);
		t.true(info.signatures.some((signature) => verifySignature(info, signature, [publicKey]) === publicKey));
	}
	const missing = realise(derivation("unsigned", "echo x > $out"), {
		wishes: { secretKeyFiles: [join(folder, "none")] },
	});
	t.is((await failure(t, missing)).code, "KEY_UNREADABLE");
});

sandboxed("the hook is run after a build, and a build fails with it", async (t) => {
	const folder = temporary(t);
	const hook = program(folder, `echo "$DRV_PATH $OUT_PATHS" >> '${folder}/seen'; echo "hook says hello"`);
	const { derivation, realise, store } = makeBuilds(t, { postBuildHook: hook });
	const drvPath = derivation("hooked", "echo one > $out; echo two > $dev", { outputs: ["out", "dev"] });
	const lines: string[] = [];
	const onEvent = (event: EngineEvent): void => {
		if (event.kind === "log") lines.push(event.line);
	};
	await realise(drvPath, { onEvent });
	const paths = [...store.readDerivation(drvPath).outputs.values()].map(({ path }) => path);
	t.is(readFileSync(join(folder, "seen"), "utf8"), `${drvPath} ${paths.join(" ")}\n`);
	t.deepEqual(lines, ["hook says hello"]);
	const failing = derivation("unlucky", "echo x > $out");
	program(folder, "exit 3");
	const { code, message } = await failure(t, realise(failing));
	t.is(code, "BUILD_HOOK");
	t.regex(message, /after 'unlucky': it left with status 3$/);
	const output = store.readDerivation(failing).outputs.get("out")?.path as StorePath;
	t.true(store.isValid(output), "the output is there nevertheless");
	t.true(existsSync(store.physical(output)));
});
