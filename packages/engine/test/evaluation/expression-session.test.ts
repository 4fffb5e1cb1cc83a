/** Expressions in a warm evaluator: what has changed is seen, whatever was evaluated before. */

import { rmSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { makeEngine } from "../engine-fixture.ts";

test("a file, a folder, a variable and a package of the set are seen as they are now", async (t) => {
	const { engine, project, lock, write, evaluate } = makeEngine(t);
	const ask = async (expression: string, variables: Readonly<Record<string, string>> = {}): Promise<string> => {
		const request = {
			environment: null,
			expression,
			name: "<test>",
			baseDir: project,
			attrPath: "",
			format: "nix",
		} as const;
		const { text, traces } = await engine.evaluate({ ...request, strict: true, variables });
		return [...traces, text].join("; ");
	};
	const expression = `let part = import ./part.nix; in [ part.a (builtins.pathExists ./new) (builtins.getEnv "V") ]`;
	write("part.nix", `{ a = builtins.trace "part" 1; b = import ./deep.nix; }`);
	write("deep.nix", "{ c = 3; }");
	t.is(await ask(expression), `part; [ 1 false "" ]`);
	t.is(await ask(expression), `part; [ 1 false "" ]`);
	t.is(await ask("(import ./part.nix).b.c"), "3");
	t.is(await ask(expression, { V: "x" }), `part; [ 1 false "x" ]`);
	write("new", "");
	t.is(await ask(expression), `part; [ 1 true "" ]`);
	// As large and at once: only its content tells.
	write("deep.nix", "{ c = 4; }");
	t.is(await ask("(import ./part.nix).b.c"), "4");
	write("part.nix", `{ a = 2; b = { }; }`);
	rmSync(join(project, "new"));
	t.is(await ask(expression), `[ 2 false "" ]`);
	const failing = ask("(import ./part.nix).b.c");
	await t.throwsAsync(failing);
	write("part.nix", `{ a = 2; b.c = throw "it is broken"; }`);
	await t.throwsAsync(ask("(import ./part.nix).b.c"), { message: /it is broken/ });
	write("part.nix", `{ a = 2; b.c = 5; }`);
	t.is(await ask("(import ./part.nix).b.c"), "5");
	t.is(await evaluate("[ jq.pname (import ./part.nix).a ]", { strict: true }), `[ "jq" 2 ]`);
	write("part.nix", `{ a = 6; }`);
	t.is(await evaluate("[ jq.pname (import ./part.nix).a ]", { strict: true }), `[ "jq" 6 ]`);
	t.is(lock.inputs.length, 1);
});

test("what is copied to the store is as it is now, and the time goes on", async (t) => {
	const { evaluate, write } = makeEngine(t);
	write("src", "one");
	const first = await evaluate(`"\${./src}"`);
	t.is(await evaluate(`"\${./src}"`), first);
	write("src", "two");
	const second = await evaluate(`"\${./src}"`);
	t.not(second, first);
	t.is(await evaluate(`builtins.readFile "\${./src}"`), `"two"`);
	const time = Number(await evaluate("builtins.currentTime"));
	await new Promise((resolve) => setTimeout(resolve, 1_100));
	t.true(Number(await evaluate("builtins.currentTime")) > time);
});
