/**
 * What an evaluation depends on is told completely: in random trees of files that import each other, with random changes, a
 * result whose reads have the same answers is the result of a fresh evaluation, whatever was evaluated before.
 */

import test from "ava";
import fc from "fast-check";
import { type Attrs, EvalError, Evaluator } from "../../src/index.ts";
import { type Tree, TreeIo } from "./tree-io.ts";

const FILES = 5;
const ATTRIBUTES = 6;
const variables = ["A", "B"];

/** Expressions in whose scope `self` is the set of the file's own attributes, `arg` something and `common` the shared set. */
function expressionFor(file: number): fc.Arbitrary<string> {
	const imported = (at: number): string => `(import ./${at === FILES ? "extra" : at}.nix { common = common; })`;
	const later = file + 1 < FILES ? fc.integer({ min: file + 1, max: FILES }) : fc.constant(FILES);
	return fc.letrec<{ expr: string }>((tie) => ({
		expr: fc.oneof(
			{ maxDepth: 4, depthSize: "small" },
			fc.integer({ min: 0, max: 9 }).map(String),
			fc.constantFrom('"text"', "null", "self", "common.x", "common.y", "common.z"),
			fc.constantFrom("self.a", "self.b", "(self.c or 0)"),
			fc.constantFrom(...variables).map((name) => `(builtins.getEnv "${name}")`),
			fc.constant("(if builtins.pathExists ./data then builtins.readFile ./data else 0)"),
			fc.constant("(builtins.attrNames (builtins.readDir ./.))"),
			later.map(imported),
			later.chain((at) => fc.constantFrom("a", "b").map((name) => `${imported(at)}.${name}`)),
			tie("expr").map((a) => `(builtins.tryEval ${a})`),
			tie("expr").map((a) => `(let v = ${a}; in [ v v ])`),
			tie("expr").map((a) => `(x: [ x ${a} ]) self.a`),
			tie("expr").map((a) => `(builtins.map (x: x) [ ${a} self.b ])`),
			fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `(if builtins.isInt ${a} then ${b} else common.x)`),
			fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `({ inherit common; p = ${a}; q = ${b}; })`),
			fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `(if ${a} == ${b} then throw "equal" else self.b)`),
			fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `(builtins.seq ${a} ${b})`),
		),
	})).expr;
}

function bodyOf(file: number): fc.Arbitrary<string> {
	const expr = expressionFor(file);
	return fc
		.tuple(expr, expr, expr)
		.map(([a, b, c]) => `{ common }: let self = { a = ${a}; b = ${b}; c = ${c}; }; in self`);
}

/** The set itself: what it imports is shared by its attributes. */
const rootText = fc
	.tuple(fc.array(expressionFor(0), { minLength: ATTRIBUTES, maxLength: ATTRIBUTES }), bodyOf(0))
	.map(([exprs, common]) => {
		const attributes = exprs.map((expr, at) => `t${at} = ${expr};`).join("\n");
		return `let
			common = { x = (import ./1.nix { inherit common; }).a; y = (import ./2.nix { inherit common; }).b; z = self.c; };
			self = (${common}) { inherit common; };
		in {\n${attributes}\n}`;
	});

type Change =
	| { readonly kind: "file"; readonly at: number; readonly text: string }
	| { readonly kind: "data"; readonly text: string | undefined }
	| { readonly kind: "extra"; readonly text: string | undefined }
	| { readonly kind: "variable"; readonly name: string; readonly value: string };

const fileChange = fc
	.integer({ min: 1, max: FILES - 1 })
	.chain((at) => bodyOf(at).map((text): Change => ({ kind: "file", at, text })));
const change: fc.Arbitrary<Change> = fc.oneof(
	{ arbitrary: fileChange, weight: 4 },
	fc.option(fc.constantFrom("one", "two"), { nil: undefined }).map((text): Change => ({ kind: "data", text })),
	fc.option(bodyOf(FILES), { nil: undefined }).map((text): Change => ({ kind: "extra", text })),
	fc
		.record({ name: fc.constantFrom(...variables), value: fc.constantFrom("", "v", "w") })
		.map((given): Change => ({ kind: "variable", ...given })),
);

const world = fc.record({
	root: rootText,
	bodies: fc.tuple(...Array.from({ length: FILES - 1 }, (_, at) => bodyOf(at + 1))),
	changes: fc.array(
		fc.record({
			change,
			order: fc.shuffledSubarray(
				Array.from({ length: ATTRIBUTES }, (_, at) => `t${at}`),
				{ minLength: ATTRIBUTES },
			),
		}),
		{ minLength: 2, maxLength: 4 },
	),
});

function changedTree(tree: Tree, given: Change): Tree {
	const files = new Map(tree.files);
	const set = (path: string, text: string | undefined): void => {
		if (text === undefined) files.delete(path);
		else files.set(path, text);
	};
	switch (given.kind) {
		case "file":
			set(`/t/${given.at}.nix`, given.text);
			return { ...tree, files };
		case "data":
			set("/t/data", given.text);
			return { ...tree, files };
		case "extra":
			set("/t/extra.nix", given.text);
			return { ...tree, files };
		case "variable":
			return { ...tree, variables: new Map([...tree.variables, [given.name, given.value]]) };
	}
}

function evaluatorOn(io: TreeIo): Evaluator {
	return new Evaluator({ io, currentSystem: "x86_64-linux", maxCallDepth: 200 });
}

/**
 * The printed value, or the kind of error: a circle is told differently by where it is entered, and messages show values as far as
 * these are evaluated.
 */
function outcomeOf(evaluator: Evaluator, root: Attrs, name: string): string {
	try {
		return evaluator.print(root.get(name) ?? null, { strict: true });
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		return error.kind;
	}
}

function fresh(tree: Tree, name: string): string {
	const evaluator = evaluatorOn(new TreeIo(tree));
	return outcomeOf(evaluator, evaluator.evalFile("/t/default.nix") as Attrs, name);
}

interface Kept {
	readonly outcome: string;
	readonly reads: ReadonlySet<number>;
}

class Session {
	readonly io: TreeIo;
	readonly evaluator: Evaluator;
	readonly root: Attrs;

	constructor(tree: Tree, renewable: boolean) {
		this.io = new TreeIo(tree);
		this.evaluator = evaluatorOn(this.io);
		this.root = this.evaluator.evalFile("/t/default.nix") as Attrs;
		this.evaluator.reads.attribute({ renewable });
	}

	evaluate(name: string): Kept {
		const { value: outcome, reads } = this.evaluator.reads.observe(() => outcomeOf(this.evaluator, this.root, name));
		return { outcome, reads: new Set([...(reads?.reads() ?? []), ...this.evaluator.reads.base]) };
	}
}

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

/** All trees of a world, each with the order in which its attributes are evaluated. */
function* treesOf({
	root,
	bodies,
	changes,
}: World): Generator<{ readonly tree: Tree; readonly order: readonly string[] }> {
	const files = [["/t/default.nix", root] as const, ...bodies.map((text, at) => [`/t/${at + 1}.nix`, text] as const)];
	let tree: Tree = { files: new Map(files), variables: new Map() };
	yield { tree, order: changes[0]?.order ?? [] };
	for (const { change: given, order } of changes) {
		tree = changedTree(tree, given);
		yield { tree, order };
	}
}

test("a remembered result whose reads are unchanged is the fresh one", (t) => {
	let reused = 0;
	const property = fc.property(world, (given) => {
		let session: Session | undefined;
		const kept = new Map<string, Kept>();
		for (const { tree, order } of treesOf(given)) {
			const changed = session?.io.changed(tree) ?? new Set<number>();
			for (const [name, { outcome, reads }] of kept) {
				if ([...reads].some((read) => changed.has(read))) continue;
				reused++;
				t.is(outcome, fresh(tree, name), `${name} of ${JSON.stringify([...tree.files])}`);
			}
			session = new Session(tree, false);
			kept.clear();
			for (const name of order) kept.set(name, session.evaluate(name));
		}
	});
	fc.assert(property, { numRuns: 300 });
	t.true(reused > 100);
});

test("what is stale is evaluated again in the same evaluator, and gives the fresh result", (t) => {
	let renewed = 0;
	const property = fc.property(world, (given) => {
		let session: Session | undefined;
		for (const { tree, order } of treesOf(given)) {
			if (session !== undefined) {
				const changed = session.io.changed(tree);
				session.io.tree = tree;
				const { base } = session.evaluator.reads;
				if ([...changed].some((read) => base.has(read))) session = undefined;
				else session.evaluator.reads.invalidate(changed);
				if (session !== undefined && changed.size > 0) renewed++;
			}
			session ??= new Session(tree, true);
			for (const name of order) {
				t.is(session.evaluate(name).outcome, fresh(tree, name), `${name} of ${JSON.stringify([...tree.files])}`);
			}
		}
	});
	fc.assert(property, { numRuns: 300 });
	t.true(renewed > 100);
});
