/** A shell whose stamp does not hold any more, with a daemon at hand: entered without node, unless there is something to say. */

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { Installation, launcher } from "./installation.ts";

const installation = new Installation();

test.after.always(() => installation.remove());

const hasHelper = statSync(join(launcher, "../../build/native/devenv-helper"), { throwIfNoEntry: false }) !== undefined;

/** The requests for shells that the daemon logged since the last call, with how they ended. */
function requests(): readonly string[] {
	const lines = readFileSync(join(installation.home, "state/log/daemon.log"), "utf8").split("\n").slice(seen, -1);
	seen += lines.length;
	return lines
		.filter((line) => line.startsWith("{"))
		.map((line) => JSON.parse(line) as Record<string, unknown>)
		.filter(({ event, method }) => event === "request" && String(method).startsWith("environment.prepare"))
		.map(({ method, outcome }) => `${String(method)} ${String(outcome)}`);
}
let seen = 0;

const quick = ["environment.prepareQuickly ok"];
const whole = ["environment.prepare ok"];

test.serial(
	"network: what the daemon can say in a moment is entered without node; all else by the client",
	async (t) => {
		t.timeout(600_000);
		const env = (text: string): string => `packages: [hello]\nenv: { GREETING: ${JSON.stringify(text)} }\n`;
		const project = installation.project("quick", { "env.yaml": env("first") });
		const enter = async (
			options: { readonly args?: readonly string[]; readonly prefix?: readonly string[] } = {},
		): Promise<string> => {
			const args = [
				"shell",
				...(options.args ?? []),
				"--",
				"sh",
				"-c",
				'hello -g "$GREETING $1"; exit 7',
				"sh",
				'"two" words\\',
			];
			const { code, stdout, stderr } = await installation.devenv(args, {
				cwd: project,
				env: { AWKWARD: 'quote " backslash \\ tab \t line\nend €' },
				...options,
			});
			t.is(code, 7, stderr);
			return stdout + stderr.replaceAll(/^devenv: .*\n/gm, "");
		};
		const said = (greeting: string): string => `${greeting} "two" words\\\n`;
		t.is(await enter(), said("first"));
		t.deepEqual(requests(), whole, "no stamp yet");
		installation.write(join(project, "env.yaml"), env('sec"ond \\ €'));
		// A file that changes while it is read is read again the next time; file times advance in steps of up to 10 ms.
		await sleep(100);
		t.is(await enter(), said('sec"ond \\ €'));
		t.deepEqual(requests(), hasHelper ? quick : whole);
		t.is(await enter(), said('sec"ond \\ €'));
		t.deepEqual(requests(), hasHelper ? [] : whole, "its stamp holds");

		// Not UTF-8: node's reading of it is what the daemon is told.
		installation.write(join(project, "env.yaml"), env("third"));
		t.is(await enter({ prefix: ["sh", "-c", `B=$(printf '\\377') exec "$@"`, "sh"] }), said("third"));
		t.deepEqual(requests(), whole);

		// A shell that is other than env.yaml says has a stamp of its own, and leaves the plain one alone.
		const pure = await installation.devenv(
			["shell", "--pure", "--keep", "KEPT", "--", "sh", "-c", "echo $KEPT $LOST; env"],
			{
				cwd: project,
				env: { KEPT: "kept", LOST: "lost" },
			},
		);
		t.regex(pure.stdout, /^kept\n/, pure.stderr);
		t.regex(pure.stdout, /^GREETING=third$/m);
		t.regex(pure.stdout, /^HOME=.+$/m);
		t.notRegex(pure.stdout, /^(LOST|AWKWARD)=|host-programs/m);
		t.deepEqual(requests(), whole);
		t.is(await enter(), said("third"));
		t.deepEqual(requests(), hasHelper ? [] : whole);
		const alone = await installation.devenv(["shell", "--keep", "KEPT", "--", "true"], { cwd: project });
		t.is(alone.code, 2);
		t.regex(alone.stderr, /^error\[USAGE_INVALID\]: --keep is of use with --pure only/);

		await assertDiagnostics(t, project);

		// Work that takes longer than a moment is shown by the client.
		installation.write(join(project, "env.yaml"), "packages: [hello, jq]\nenv: { GREETING: fifth }\n");
		t.is(await enter(), said("fifth"));
		t.deepEqual(requests().at(-1), whole[0]);

		// No daemon: the client starts one.
		t.is((await installation.devenv(["daemon", "stop"])).code, 0);
		requests();
		installation.write(join(project, "env.yaml"), env("sixth"));
		t.is(await enter(), said("sixth"));
		t.deepEqual(requests(), whole);
	},
);

async function assertDiagnostics(t: ExecutionContext, project: string): Promise<void> {
	installation.write(join(project, "env.yaml"), "packages: [helo]\n");
	const { code, stderr } = await installation.devenv(["shell", "--", "true"], { cwd: project });
	t.is(code, 1);
	t.regex(stderr, /^error\[ENV_UNKNOWN_PACKAGE\]/m);
	t.deepEqual(
		requests().map((line) => line.split(" ")[0]),
		hasHelper ? ["environment.prepareQuickly", "environment.prepare"] : ["environment.prepare"],
	);
}

interface TraceEvent {
	readonly name: string;
	readonly ph: string;
	readonly dur?: number;
	readonly args?: { readonly name?: string };
}

test.serial(
	"network: --trace writes what helper, client and daemon did, and keeps itself from what they start",
	async (t) => {
		t.timeout(600_000);
		const project = installation.project("traced", { "env.yaml": "packages: [hello]\nenv: { A: one }\n" });
		const traced = async (
			...command: string[]
		): Promise<{ readonly events: readonly TraceEvent[]; readonly out: string }> => {
			const { code, stdout, stderr } = await installation.devenv(["--trace", "t.json", ...command], { cwd: project });
			t.is(code, 0, stderr);
			// The closing bracket may be missing in this format; lines end with a comma.
			const text = readFileSync(join(project, "t.json"), "utf8");
			return { events: JSON.parse(`${text.replace(/,\n$/, "")}]`) as TraceEvent[], out: stdout };
		};
		const spans = (events: readonly TraceEvent[]): string[] => {
			const found = events.filter(({ ph }) => ph === "X");
			t.true(found.every(({ dur }) => dur !== undefined && dur >= 0));
			return found.map(({ name }) => name);
		};
		const first = await traced("shell", "--", "env");
		t.notRegex(first.out, /DEVENV_TRACE/);
		const names = spans(first.events);
		for (const name of ["wait for environment.prepare", "lock the inputs", "evaluate the environment", "realise"]) {
			t.true(names.includes(name), `${name}: ${names.join(", ")}`);
		}
		t.true(names.some((name) => name.startsWith("build ")));
		t.true(first.events.some(({ name, args }) => name === "process_name" && args?.name === "daemon"));
		t.true(spans((await traced("info")).events).includes("evaluate the environment"));
		if (hasHelper) {
			t.true(names.includes("make the view"));
			t.deepEqual(spans((await traced("shell", "--", "true")).events), [
				"check the stamp: it holds",
				"make the view",
				"apply the environment",
			]);
		}
		const unwritable = await installation.devenv(["--trace", "nowhere/t.json", "info"], { cwd: project });
		t.not(unwritable.code, 0);
		t.regex(unwritable.stderr, /nowhere\/t\.json/);
		const late = await installation.devenv(["shell", "--trace", "t.json"], { cwd: project });
		t.regex(late.stderr, /it stands before the command: `devenv --trace FILE COMMAND`/);
	},
);
