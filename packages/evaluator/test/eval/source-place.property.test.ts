/** An evaluation that is not told to depend on where the sources lie comes to the same elsewhere. */

import test from "ava";
import fc from "fast-check";
import { EvalError, Evaluator } from "../../src/index.ts";
import { TreeIo } from "./tree-io.ts";

const places = ["/t", "/other/place", "/z", "/y/in"];

class PlacedIo extends TreeIo {
	readonly sourceRoot: string;
	placed = false;

	/** The files are in all places: what is read outside of the sources is the same. */
	constructor(root: string, files: Readonly<Record<string, string>>) {
		const placed = places.flatMap((place) =>
			Object.entries(files).map(([name, text]): [string, string] => [`${place}/${name}`, text]),
		);
		super({ files: new Map(placed), variables: new Map() });
		this.sourceRoot = root;
	}

	notePlace(): void {
		this.placed = true;
	}
}

const name = fc.constantFrom("x", "in/x", "in");
const paths: fc.Arbitrary<string> = fc.letrec<{ path: string; text: string }>((tie) => ({
	path: fc.oneof(
		{ maxDepth: 3, depthSize: "small" },
		name.map((each) => `./${each}`),
		fc.constantFrom("./.", "./in/..", "./../t/x", "/t/x", "/other/place", "/."),
		tie("path").map((path) => `(dirOf ${path})`),
		fc.tuple(tie("path"), fc.constantFrom("/x", "x", "/..", "/../x")).map(([path, end]) => `(${path} + "${end}")`),
		tie("text").map((text) => `(/. + ${text})`),
	),
	text: fc.oneof(
		{ maxDepth: 3, depthSize: "small" },
		fc.constantFrom('"x"', '"/t/x"', '"/"', '"t"'),
		tie("path").map((path) => `(toString ${path})`),
		tie("path").map((path) => `(baseNameOf ${path})`),
		tie("text").map((text) => `(baseNameOf ${text})`),
		tie("text").map((text) => `(dirOf ${text})`),
		fc.tuple(tie("text"), tie("text")).map(([a, b]) => `(${a} + ${b})`),
		fc.tuple(tie("text"), tie("text")).map(([a, b]) => `"\${${a}}/\${${b}}"`),
		tie("text").map((text) => `(builtins.substring 0 3 ${text})`),
	),
})).path;

const texts: fc.Arbitrary<string> = paths.chain((path) =>
	fc.constantFrom(
		`(toString ${path})`,
		`(baseNameOf ${path})`,
		`"\${toString ${path}}/x"`,
		`(dirOf (toString ${path}))`,
	),
);

const expression: fc.Arbitrary<string> = fc.oneof(
	fc.tuple(paths, paths).map(([a, b]) => `(${a} == ${b})`),
	fc.tuple(paths, paths).map(([a, b]) => `(${a} < ${b})`),
	fc.tuple(texts, texts).map(([a, b]) => `(${a} == ${b})`),
	fc.tuple(texts, texts).map(([a, b]) => `(${a} < ${b})`),
	texts.map((text) => `(builtins.stringLength ${text})`),
	texts.map((text) => `(builtins.seq (builtins.length [ ${text} ]) 1)`),
	texts.map((text) => `(builtins.hashString "sha256" ${text})`),
	texts.map((text) => `(builtins.attrNames { \${${text}} = 1; })`),
	texts.map((text) => `(builtins.tryEval (builtins.pathExists ${text})).value`),
	texts.map((text) => `(builtins.toJSON [ ${text} ])`),
	texts.map((text) => `(builtins.replaceStrings [ "t" ] [ "u" ] ${text})`),
	texts,
	paths,
	paths.map((path) => `(if builtins.pathExists ${path} then 1 else 2)`),
	paths.map((path) => `(builtins.readFile (${path} + "/x"))`),
	fc.tuple(texts, texts, texts).map((keys) => {
		const items = keys.map((key) => `{ key = ${key}; }`).join(" ");
		return `(builtins.length (builtins.genericClosure { startSet = [ ${items} ]; operator = item: [ ]; }))`;
	}),
	paths.map(
		(path) => `(builtins.genericClosure { startSet = [ { key = toString ${path}; } ]; operator = i: [ ]; } != [ ])`,
	),
	fc.constant('(builtins.unsafeGetAttrPos "a" { a = 1; }).file'),
	fc.constant("__curPos.line"),
	fc.constant("__curPos.file"),
);

function outcomeAt(root: string, text: string): { readonly outcome: string; readonly placed: boolean } {
	const io = new PlacedIo(root, { "default.nix": text, x: "1", "in/x": "2" });
	const evaluator = new Evaluator({ io, currentSystem: "x86_64-linux" });
	try {
		const outcome = evaluator.print(evaluator.evalFile(`${root}/default.nix`), { strict: true });
		return { outcome, placed: io.placed };
	} catch (error) {
		if (!(error instanceof EvalError)) throw error;
		// What a message shows is the caller's matter.
		return { outcome: error.kind, placed: io.placed };
	}
}

test("what does not depend on the place is the same in another", (t) => {
	let free = 0;
	const property = fc.property(fc.array(expression, { minLength: 1, maxLength: 2 }), (parts) => {
		const text = `[ ${parts.join(" ")} ]`;
		const here = outcomeAt("/t", text);
		if (here.placed) return;
		free++;
		for (const root of places) t.is(outcomeAt(root, text).outcome, here.outcome, `${text} at ${root}`);
	});
	fc.assert(property, { numRuns: 3000 });
	t.true(free > 300);
});
