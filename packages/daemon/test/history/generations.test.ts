import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiagnosticError } from "@devenv/diagnostics";
import test, { type ExecutionContext } from "ava";
import {
	Generations,
	MOST_GENERATIONS,
	type NewGeneration,
	projectKey,
	requireGeneration,
} from "../../src/history/generations.ts";

interface Fixture {
	readonly generations: Generations;
	readonly state: string;
	readonly project: string;
	readonly logged: string[];
}

function setUp(t: ExecutionContext): Fixture {
	const home = mkdtempSync(join(tmpdir(), "devenv-generations-"));
	t.teardown(() => rmSync(home, { recursive: true, force: true }));
	const [state, project] = [join(home, "state"), join(home, "project")];
	mkdirSync(project);
	mkdirSync(join(state, "roots"), { recursive: true });
	const logged: string[] = [];
	let time = 1000;
	const generations = new Generations({
		state,
		log: { write: (_level, event) => void logged.push(event), close: () => undefined },
		keep: (link, { environment }) => {
			writeFileSync(link, environment);
			writeFileSync(`${link}-index`, "");
		},
		summarize: (before, after) => `${before?.environment ?? "nothing"} to ${after.environment}`,
		now: () => time++,
	});
	return { generations, state, project, logged };
}

function made(environment: string, content: string = environment): NewGeneration {
	return {
		environment,
		drvPath: `${environment}.drv`,
		index: "index",
		sources: [],
		root: null,
		lock: "l",
		spec: "s",
		content,
		settings: { shell: "auto", prompt: "off", reload: "auto", clean: false, keep: [], folderVariables: [] },
		evidence: { version: "1", options: [], reads: [], inputs: [], variables: [] },
	};
}

test("what differs gets the next number, what does not keeps its own", (t) => {
	const { generations, project } = setUp(t);
	const numbers = ["a", "a", "b", "b", "a"].map((each) => generations.record(project, made(each)).number);
	t.deepEqual(numbers, [1, 1, 2, 2, 3]);
	const { generations: all } = generations.read(project);
	t.deepEqual(
		all.map(({ number, time, summary }) => [number, time, summary]),
		[
			[1, 1000, "nothing to a"],
			[2, 1001, "a to b"],
			[3, 1002, "b to a"],
		],
	);
});

test("callers with other shells take turns without new generations", (t) => {
	const { generations, project } = setUp(t);
	const turns = [made("bash", "same"), made("zsh", "same"), made("bash", "same"), made("zsh", "same")];
	t.deepEqual(
		turns.map((each) => generations.record(project, each).number),
		[1, 2, 1, 2],
	);
});

test("other files of equal meaning are what the newest generation is of", (t) => {
	const { generations, project } = setUp(t);
	generations.record(project, made("a", "before"));
	generations.record(project, made("a", "with a comment"));
	const [only, ...more] = generations.read(project).generations;
	t.is(only?.content, "with a comment");
	t.deepEqual(more, []);
});

test("old generations go with their store roots, but not the one rolled back to", (t) => {
	const { generations, project, state } = setUp(t);
	writeFileSync(join(project, "env.yaml"), "");
	generations.record(project, made("e1"));
	generations.record(project, made("e2"));
	generations.pin(project, 2);
	for (let at = 3; at <= MOST_GENERATIONS + 5; at++) generations.record(project, made(`e${at}`));
	const numbers = generations.read(project).generations.map(({ number }) => number);
	t.deepEqual(numbers, [2, ...Array.from({ length: MOST_GENERATIONS }, (_, at) => at + 6)]);
	const roots = readdirSync(join(state, "roots")).filter((name) => !name.endsWith("-index"));
	t.deepEqual(roots.sort(), numbers.map((number) => `${projectKey(project)}-${number}`).sort());
});

test("a rollback holds until a file of the project changes, or until it is ended", (t) => {
	const { generations, project } = setUp(t);
	writeFileSync(join(project, "env.yaml"), "packages: [jq]\n");
	generations.record(project, made("a"));
	generations.record(project, made("b"));
	t.is(generations.pinned(project), undefined);
	generations.pin(project, 1);
	t.is(generations.pinned(project)?.environment, "a");
	// Written anew with the same text: nothing has changed.
	writeFileSync(join(project, "env.yaml"), "packages: [jq]\n");
	t.is(generations.pinned(project)?.number, 1);
	writeFileSync(join(project, "env.local.yaml"), "");
	t.is(generations.pinned(project), undefined);
	rmSync(join(project, "env.local.yaml"));
	t.is(generations.pinned(project), undefined, "a rollback that ended does not come back");
	generations.pin(project, 2);
	t.true(generations.unpin(project));
	t.false(generations.unpin(project));
	t.is(generations.pinned(project), undefined);
});

test("forgetting removes records and roots", (t) => {
	const { generations, project, state } = setUp(t);
	generations.record(project, made("a"));
	generations.record(project, made("b"));
	generations.pin(project, 1);
	t.is(
		generations.forget(project, ({ number }) => number === 1),
		1,
	);
	t.is(generations.read(project).pin, null);
	t.deepEqual(generations.projects(), [project]);
	generations.remove(project);
	t.deepEqual(generations.projects(), []);
	t.deepEqual(readdirSync(join(state, "roots")), []);
});

test("stale are old generations, but not the newest nor the one that was rolled back to", (t) => {
	const { generations, project, state } = setUp(t);
	for (const each of ["a", "b", "c", "d"]) generations.record(project, made(each));
	generations.pin(project, 2);
	// Their times are 1000 to 1003.
	const stale = generations.staleSince(project, 1003);
	const names = (): string[] => readdirSync(join(state, "roots")).sort();
	const key = projectKey(project);
	t.deepEqual(
		generations.linksOf(project, stale).sort(),
		[1, 3]
			.flatMap((number) => [`${key}-${number}`, `${key}-${number}-index`])
			.map((name) => join(state, "roots", name)),
	);
	t.is(generations.forget(project, stale), 2);
	t.deepEqual(
		generations.read(project).generations.map(({ number }) => number),
		[2, 4],
	);
	t.is(generations.read(project).pin?.number, 2);
	t.deepEqual(names(), [`${key}-2`, `${key}-2-index`, `${key}-4`, `${key}-4-index`]);
	t.is(generations.forget(project, generations.staleSince(project, 2000)), 0);
});

test("a damaged record is set aside and said, and generations begin anew", (t) => {
	const { generations, project, state, logged } = setUp(t);
	generations.record(project, made("a"));
	const file = join(state, "generations", `${projectKey(project)}.json`);
	for (const text of ["{", "[]", '{"version":2,"project":"/p","next":1,"generations":[],"pin":null}']) {
		writeFileSync(file, text);
		t.deepEqual(generations.read(project), { project, next: 1, generations: [], pin: null });
		t.true(existsSync(`${file}.damaged`));
	}
	t.deepEqual(logged, ["generations-damaged", "generations-damaged", "generations-damaged"]);
	t.is(generations.record(project, made("a")).number, 1);
});

test("an unknown number is the user's to mend", (t) => {
	const { generations, project } = setUp(t);
	const error = t.throws(() => requireGeneration(generations.read(project), 7), { instanceOf: DiagnosticError });
	t.deepEqual(error.diagnostics, [
		{
			code: "GENERATION_UNKNOWN",
			severity: "error",
			message: `${project} has no generation 7`,
			hint: "`devenv history` lists those that there are",
		},
	]);
});
