import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import ts from "typescript";
import { readCodePages } from "../../src/explain/code-pages.ts";

const packages = fileURLToPath(new URL("../../..", import.meta.url));
const pages = readCodePages(join(packages, "cli/codes"));
const explained = pages.flatMap(({ codes }) => codes);

/** Functions that make a diagnostic of the code that is their first argument. */
const makers: ReadonlySet<string> = new Set(["fail", "diagnose", "refusal", "make"]);
/** Options are reported under the prefix of the file that they stand in. */
const optionAreas = ["ENV", "LOCK"];
/** Words of a code's form that are something else: variables of an environment, files of git. */
const others = /^(?:DEVENV|NIX|LC|XDG|CAP|DPKG)_|^(?:FETCH_HEAD|DEBIAN_FRONTEND)$/;

interface Found {
	/** In calls that make a diagnostic. */
	readonly made: Set<string>;
	/** All words that could be codes. */
	readonly words: Set<string>;
}

function codesOf(file: string, found: Found): void {
	const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
	const visit = (node: ts.Node): void => {
		if (ts.isStringLiteral(node) && /^[A-Z]{2,}(?:_[A-Z0-9]+)+$/.test(node.text)) found.words.add(node.text);
		if (ts.isCallExpression(node)) {
			const [first] = node.arguments;
			const callee = ts.isPropertyAccessExpression(node.expression)
				? node.expression.name.text
				: node.expression.getText();
			if (first !== undefined) made(callee, first, file.includes("/env-file/"), found.made);
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
}

function made(callee: string, first: ts.Expression, ofOptions: boolean, into: Set<string>): void {
	if (ts.isStringLiteral(first)) {
		if (makers.has(callee) && /^[A-Z]/.test(first.text)) into.add(first.text);
		if (callee === "report" && ofOptions) {
			if (first.text.startsWith("ENV_")) into.add(first.text);
			else for (const area of optionAreas) into.add(`${area}_${first.text}`);
		}
		if (callee === "importDiagnostic") into.add(`ENV_IMPORT_${first.text}`);
	} else if (ts.isTemplateExpression(first) && makers.has(callee) && first.head.text === "") {
		const [span] = first.templateSpans;
		if (first.templateSpans.length === 1 && span !== undefined && span.literal.text.startsWith("_")) {
			for (const area of optionAreas) into.add(`${area}${span.literal.text}`);
		}
	}
}

function sourceCodes(): Found {
	const found: Found = { made: new Set(), words: new Set() };
	for (const name of readdirSync(packages)) {
		const folder = join(packages, name, "src");
		const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((each) => each.endsWith(".ts"));
		for (const file of files) codesOf(join(folder, file), found);
	}
	return found;
}

test("every code that the sources make has a page", (t) => {
	const { made: codes, words } = sourceCodes();
	t.true(codes.size > 150, `only ${codes.size} codes were found in the sources`);
	const areas = new Set(explained.map((code) => code.split("_")[0]));
	const likely = [...words].filter((word) => areas.has(word.split("_")[0]) && !others.test(word));
	const all = new Set([...codes, ...likely]);
	t.deepEqual([...all].filter((code) => !explained.includes(code) && !others.test(code)).sort(), []);
});

test("every page is about codes that the sources know, once, and says something", (t) => {
	const { made: codes, words } = sourceCodes();
	const bare = new Set([...words].flatMap((word) => optionAreas.map((area) => `${area}_${word}`)));
	const imports = new Set(["ENV_IMPORT_MISSING", "ENV_IMPORT_OUTSIDE"]);
	for (const code of explained) {
		t.true(codes.has(code) || words.has(code) || bare.has(code) || imports.has(code), `${code} is made nowhere`);
	}
	t.is(new Set(explained).size, explained.length);
	for (const { codes: named, text } of pages) t.true(text.length > 20, named.join());
});

test("pages fit into a terminal of 100 columns", (t) => {
	for (const { codes, text } of pages) {
		for (const line of text.split("\n")) t.true(line.length <= 100, `${codes.join()}: ${line}`);
	}
});
