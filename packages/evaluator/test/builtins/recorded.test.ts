import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "@devenv/test-support";
import test from "ava";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { EvalError, Evaluator } from "../../src/index.ts";
import { readExpressions } from "./expressions.ts";
import { MemoryIO } from "./memory-io.ts";

/** What real Nix 2.8 printed; null where it failed. */
const recorded = JSON.parse(readFileSync(new URL("recorded.json", import.meta.url), "utf8")) as Record<
	string,
	string | null
>;

/** Where later versions of Nix, which we follow, differ from the recorded one. */
const newer: Readonly<Record<string, string | null>> = {
	// Replacements are evaluated only where they are used.
	'builtins.replaceStrings [ "a" ] [ (throw "not needed") ] "xyz"': '"xyz"',
	// Refused, since the set has an attribute of that name.
	'(derivation { name = "x"; system = "s"; builder = "/b"; outputs = [ "drvPath" ]; }).drvPath': null,
};

function evaluate(expression: string): string | null {
	const evaluator = new Evaluator({ io: new MemoryIO(), currentSystem: "x86_64-linux", homeDir: "/home/user" });
	try {
		return textFromBytes(evaluator.print(evaluator.evalString(bytesFromText(expression), "/"), { strict: true }));
	} catch (error) {
		if (error instanceof EvalError) return null;
		throw error;
	}
}

for (const expression of readExpressions()) {
	test(expression, (t) => {
		t.true(expression in recorded, "recorded.json is older than expressions.txt: run record.ts");
		const expected = expression in newer ? newer[expression] : recorded[expression];
		t.is(evaluate(expression), expected ?? null);
	});
}

test("the real nix-instantiate, where there is one, still prints what was recorded", (t) => {
	const version = spawnSync("nix-instantiate", ["--version"], { encoding: "utf8" });
	if (version.status !== 0 || !version.stdout.includes(" 2.8.")) {
		skip(t, "no nix-instantiate 2.8 on PATH");
		return;
	}
	const home = mkdtempSync(join(tmpdir(), "devenv-real-nix-"));
	try {
		const sample = readExpressions().filter((expression, index) => index % 20 === 0 && recorded[expression] !== null);
		for (const expression of sample) {
			const run = spawnSync("nix-instantiate", ["--store", "dummy://", "--eval", "--strict", "-E", expression], {
				cwd: "/",
				encoding: "utf8",
				env: { PATH: process.env["PATH"], HOME: home, NIX_STATE_DIR: home, NIX_CONF_DIR: home, NIX_LOG_DIR: home },
			});
			t.is(run.stdout.trimEnd(), recorded[expression] ?? "", `${expression}\n${run.stderr}`);
		}
	} finally {
		rmSync(home, { recursive: true });
	}
});
