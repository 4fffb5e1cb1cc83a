import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import fc from "fast-check";
import { addPackages, expectEnvSpec, parseEnvFile, removePackages } from "../src/index.ts";

const file = "env.yaml";
const add = (content: string, ...requests: string[]): string => addPackages({ file, content }, requests).text;
const remove = (content: string, ...requests: string[]): string => removePackages({ file, content }, requests).text;

const additions: readonly (readonly [name: string, before: string, after: string])[] = [
	["an empty file", "", "packages: [jq]\n"],
	["a file of comments without a line end", "# mine", "# mine\npackages: [jq]"],
	["a file without packages", "name: shop # here\n", "name: shop # here\npackages: [jq]\n"],
	["an indented file", "  name: shop\n", "  name: shop\n  packages: [jq]\n"],
	["a text at the end", "enter_shell: |\n  a\n  b\n", "enter_shell: |\n  a\n  b\npackages: [jq]\n"],
	["a file in braces", "{ name: shop }\n", "{ name: shop, packages: [jq] }\n"],
	["a list without entries", "packages: []\n", "packages: [jq]\n"],
	["a list without entries, spaced", "packages: [ ] # none\n", "packages: [ jq ] # none\n"],
	["brackets with a comment", "packages: [\n  # none\n]\nname: a\n", "packages: [\n  # none\n  jq,\n]\nname: a\n"],
	["a list in one line", "packages: [a, 'b' ] # c\nname: a\n", "packages: [a, 'b', jq ] # c\nname: a\n"],
	["a list with a comma at its end", "packages: [a, b,]\n", "packages: [a, b, jq,]\n"],
	["a list over lines", "packages: [\n  a, # x\n  b # y\n]\n", "packages: [\n  a, # x\n  b, # y\n  jq\n]\n"],
	[
		"a list over lines, commas",
		"packages: [\n    a,\n    b, # y\n]\n",
		"packages: [\n    a,\n    b, # y\n    jq,\n]\n",
	],
	["dashes", "packages:\n  - a # x\n\n  # y\nname: z\n", "packages:\n  - a # x\n  - jq\n\n  # y\nname: z\n"],
	["dashes at the margin", "packages:\n- a\n- 'b'\nname: z\n", "packages:\n- a\n- 'b'\n- jq\nname: z\n"],
	["dashes without a line end", "packages:\n  - a", "packages:\n  - a\n  - jq"],
	["carriage returns", "packages:\r\n  - a\r\nname: z\r\n", "packages:\r\n  - a\r\n  - jq\r\nname: z\r\n"],
	["a byte order mark", "\ufeffpackages: [a]\n", "\ufeffpackages: [a, jq]\n"],
	["a document's beginning", "---\nname: a\n", "---\nname: a\npackages: [jq]\n"],
];

for (const [name, before, after] of additions) {
	test(`adds to ${name}`, (t) => {
		t.is(add(before, "jq"), after);
		t.is(add(after, "jq"), after);
	});
}

const removals: readonly (readonly [name: string, before: string, after: string])[] = [
	["the middle of a line", "packages: [a, jq, b] # c\n", "packages: [a, b] # c\n"],
	["the end of a line", "packages: [ a, jq ]\n", "packages: [ a ]\n"],
	["the beginning of a line", "packages: [jq, a]\n", "packages: [a]\n"],
	["the only one in a line", "packages: [jq]\nname: a\n", "packages: []\nname: a\n"],
	["two spellings of one", "packages: [jq, a, debian#jq]\n", "packages: [a]\n"],
	["a line of its own", "packages: [\n  a, # x\n  jq, # y\n  b\n]\n", "packages: [\n  a, # x\n  b\n]\n"],
	["before a comment", "packages: [jq, # x\n  a]\n", "packages: [ # x\n  a]\n"],
	["dashes", "packages:\n  - a\n  # x\n  - 'jq' # y\n  - b\n", "packages:\n  - a\n  # x\n  - b\n"],
	["the only dash", "packages: # all\n  - jq\nname: a\n", "packages: [] # all\nname: a\n"],
	["the last dash without a line end", "packages:\n  - a\n  - jq", "packages:\n  - a"],
];

for (const [name, before, after] of removals) {
	test(`removes from ${name}`, (t) => {
		t.is(remove(before, "jq"), after);
		t.is(remove(after, "jq"), after);
	});
}

test("says what there was to do", (t) => {
	const content = "packages: [a, debian#b]\n";
	t.deepEqual(addPackages({ file, content }, ["b", "jq", "jq", "a"]), {
		text: "packages: [a, debian#b, jq]\n",
		done: ["jq"],
		idle: ["b", "a"],
	});
	t.deepEqual(removePackages({ file, content }, ["b", "c"]), { text: "packages: [a]\n", done: ["b"], idle: ["c"] });
});

test("env.local.yaml's inputs and packages count", (t) => {
	const local = { file: "env.local.yaml", content: "inputs: { sid: { url: debian:sid } }\npackages: [b]\n" };
	const content = "packages: [sid#a]\n";
	t.deepEqual(addPackages({ file, content }, ["sid#c", "b"], { local }), {
		text: "packages: [sid#a, sid#c]\n",
		done: ["sid#c"],
		idle: ["b"],
	});
	t.deepEqual(removePackages({ file, content }, ["b"], { local }), { text: content, done: [], idle: ["b"] });
	t.is(
		codeOf(() => add("", "sid#c")),
		"ENV_UNKNOWN_INPUT",
	);
});

test("quotes what YAML would take for something else", (t) => {
	t.is(add("packages: [a]\n", "null", "7zip", "1"), 'packages: [a, "null", 7zip, "1"]\n');
});

function codeOf(work: () => unknown): string | undefined {
	try {
		work();
		return undefined;
	} catch (error) {
		if (!(error instanceof DiagnosticError)) throw error;
		return error.diagnostics[0]?.code;
	}
}

test("refuses what it cannot edit, and what is no package", (t) => {
	const refused: readonly (readonly [string, string])[] = [
		["packages: 7\n", "ENV_TYPE"],
		["packages: [a\n", "ENV_YAML_SYNTAX"],
		["clean: { keep: &a [x] }\npackages: *a\n", "EDIT_UNSUPPORTED"],
		["{\n  name: a,\n}\n", "EDIT_UNSUPPORTED"],
	];
	for (const [content, code] of refused) {
		t.is(
			codeOf(() => add(content, "jq")),
			code,
		);
	}
	for (const request of ["", "a b", "a, b", "jq: x", "jq\n- evil", "'jq'", "a#b#c", `a${"b".repeat(300)}`]) {
		t.is(
			codeOf(() => add("", request)),
			"USAGE_PACKAGE",
			request,
		);
	}
});

/** Texts of env.yaml in many hands: line ends, comments, blank lines, quotes and styles at random. */
const comment = fc.constantFrom("", "", " # note", "  #x");
const word = fc.constantFrom("a", "b1", "c-d", "debian#e", "'f'", '"g"', "h.i", "node++");
const words = fc.uniqueArray(word, { maxLength: 6 });
const blank = fc.constantFrom("", "\n", "# between\n", "\n  # indented\n\n");
const list = fc.oneof(
	words.map((all) => ` [${all.join(", ")}]`),
	words.map((all) => ` [ ${all.join(" ,  ")}${all.length > 0 ? "," : ""} ]`),
	fc
		.tuple(words, comment, fc.boolean())
		.map(
			([all, note, comma]) =>
				` [${note}\n${all.map((each, at) => `    ${each}${comma || at < all.length - 1 ? "," : ""}${note}\n`).join("")}  ]`,
		),
	fc
		.tuple(words, comment, fc.constantFrom("", "  ", "    "), blank)
		.map(([all, note, indent, gap]) =>
			all.length === 0 ? "" : `${note}\n${all.map((each) => `${indent}- ${each}${note}`).join(`\n${gap}`)}`,
		),
);
const other = fc.constantFrom<string>(
	"name: shop",
	'env: { A: "x, y" }',
	"env:\n  B: |\n    packages: [no]\n  C: '#'",
	"enter_shell: >\n  echo\n  jq\n",
	"clean: true # all",
);
const lists = fc.option(
	list.map((each) => `packages:${each}`),
	{ nil: undefined },
);
const environment = fc
	.tuple(
		fc.uniqueArray(other, { maxLength: 3, selector: (text) => text.split(":")[0] }),
		lists,
		fc.nat(3),
		blank,
		fc.boolean(),
		fc.boolean(),
	)
	.map(([others, packages, at, gap, ended, windows]) => {
		const parts = [...others];
		if (packages !== undefined) parts.splice(at, 0, packages);
		const text = `${gap}${parts.join(`\n${gap}`)}${ended ? "\n" : ""}`;
		return windows ? text.replaceAll("\n", "\r\n") : text;
	})
	.filter((content) => parseEnvFile({ file, content }).spec !== undefined);

test("an added package is all that changes, and removing it gives the same packages", (t) => {
	const kept = (text: string): string => text.replace(/\s|,|\[|\]|packages:|-/g, "");
	fc.assert(
		fc.property(environment, (content) => {
			const before = expectEnvSpec(parseEnvFile({ file, content }));
			const text = add(content, "zzz");
			// Nothing but the entry and its punctuation came in, in one place.
			const at = text.indexOf("zzz");
			t.is(kept(text.slice(0, at) + text.slice(at + 3)), kept(content));
			t.is(/\r\n/.test(text), /\r\n/.test(content) || text === content);
			t.false(/[^\r]\n/.test(text) && /\r\n/.test(content));
			t.is(text.endsWith("\n"), content.endsWith("\n") || content === "");
			const after = expectEnvSpec(parseEnvFile({ file, content: text }));
			t.deepEqual(
				after.packages.map((each) => each.text),
				[...before.packages.map((each) => each.text), "zzz"],
			);
			const back = expectEnvSpec(parseEnvFile({ file, content: remove(text, "zzz") }));
			t.deepEqual(
				back.packages.map((each) => each.text),
				before.packages.map((each) => each.text),
			);
		}),
		{ numRuns: 600 },
	);
});

test("a removed package takes nothing else along", (t) => {
	fc.assert(
		fc.property(environment, fc.nat(5), (content, which) => {
			const { packages } = expectEnvSpec(parseEnvFile({ file, content }));
			const request = packages[which % Math.max(packages.length, 1)];
			if (request === undefined) return;
			const text = remove(content, request.text);
			const left = expectEnvSpec(parseEnvFile({ file, content: text }));
			t.deepEqual(
				left.packages.map((each) => each.text),
				packages.filter((each) => each !== request).map((each) => each.text),
			);
			// What is left stands in the text before, in the same order.
			let at = 0;
			for (const character of text.replace("packages: []", "packages:")) {
				at = content.indexOf(character, at) + 1;
				t.true(at > 0);
				if (at === 0) return;
			}
		}),
		{ numRuns: 600 },
	);
});
