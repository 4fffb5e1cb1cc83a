/** What is at a place of an env.yaml, and what may be written there. */

import test from "ava";
import fc from "fast-check";
import { outlineOfFile, placeInFile, schemasAt, writtenPlaces } from "../src/index.ts";

function cut(marked: string): readonly [text: string, offset: number] {
	const offset = marked.indexOf("|");
	return [marked.slice(0, offset) + marked.slice(offset + 1), offset];
}

const places: readonly (readonly [marked: string, expected: string])[] = [
	["pack|ages: [jq]", "key packages"],
	["packages: [j|q]", "value packages.0 jq"],
	["packages:\n  - jq\n  - rip|grep\n", "value packages.1 ripgrep"],
	["inputs:\n  debian:\n    url: debian:tri|xie\n", "value inputs.debian.url debian:trixie"],
	["env: { A: é😀|b }", "value env.A é😀b"],
	["|# nothing", "none"],
	["packages: [jq\nprompt: |off", "value prompt off"],
];

for (const [marked, expected] of places) {
	test(`place of ${JSON.stringify(marked)}`, (t) => {
		const place = placeInFile(...cut(marked));
		const path = place?.path.join(".") ?? "";
		const found = place === undefined ? "none" : `${place.kind} ${path}`;
		t.is(place?.kind === "value" ? `${found} ${place.text}` : found, expected);
	});
}

const written: readonly (readonly [marked: string, expected: readonly string[]])[] = [
	["|", ["key ", "value "]],
	["pack|", ["key ", "value "]],
	["name: a\npack|\n", ["key  name"]],
	["name: a\n|\nprompt: off\n", ["key  name,prompt"]],
	["pack|ages: []\n", ["key "]],
	["prompt: |\n", ["value prompt"]],
	["prompt: o|\n", ["value prompt"]],
	["packages:\n  - |\n", ["key packages.0", "value packages.0"]],
	["packages: [jq, |]\n", ["value packages.1"]],
	["packages: [debian#j|]\n", ["value packages.0"]],
	["inputs:\n  debian:\n    |\n", ["key inputs.debian", "value inputs.debian"]],
	["inputs:\n  debian:\n    url: debian:trixie\n    |\n", ["key inputs.debian url"]],
	["clean: { ena| }\n", ["key clean"]],
	["# prompt: |\n", []],
	["processes:\n  web:\n    exec: run\n    |\npackages: []\n", ["key processes.web exec"]],
];

for (const [marked, expected] of written) {
	test(`written at ${JSON.stringify(marked)}`, (t) => {
		const found = writtenPlaces(...cut(marked)).map(({ kind, path, siblings }) => {
			return `${kind} ${path.join(".")}${siblings.length > 0 && kind === "key" ? ` ${siblings.join(",")}` : ""}`;
		});
		t.deepEqual(found, expected);
	});
}

test("what the declaration says of a path", (t) => {
	const keys = (path: readonly (string | number)[]): string[] =>
		schemasAt(path).flatMap((schema) => Object.keys(schema["properties"] ?? {}));
	t.true(keys([]).includes("packages"));
	t.deepEqual(keys(["inputs", "mine"]), ["url", "follows", "overlays"]);
	t.deepEqual(keys(["clean"]), ["enabled", "keep"]);
	t.true(keys(["profiles", "ci"]).includes("packages"));
	t.deepEqual(keys(["packages", 0]), ["from", "outputs"]);
	t.deepEqual(schemasAt(["prompt"])[0]?.["enum"], ["auto", "off"]);
	t.deepEqual(schemasAt(["nothing"]), []);
	t.regex(String(schemasAt(["inputs", "mine", "url"])[0]?.["description"]), /Where the input comes from/);
});

test("the outline has keys inside of keys", (t) => {
	const [inputs, packages] = outlineOfFile("inputs:\n  a: { url: x }\npackages:\n  - { from: b }\n");
	t.is(inputs?.children[0]?.children[0]?.name, "url");
	t.is(packages?.kind, "list");
	t.is(packages?.children[0]?.path.join("."), "packages.0.from");
});

const piece = fc.constantFrom(
	...[
		"packages",
		"inputs",
		":",
		": ",
		"\n",
		"  ",
		"- ",
		"[",
		"]",
		"{",
		"}",
		",",
		"'",
		'"',
		"#",
		"&a",
		"*a",
		"|",
		">",
		"!!x",
	],
	...["---\n", "?", "é", "😀", "\t", "\r\n", "%YAML 1.2\n", "<<", "~", "1"],
);

test("any text has places, whatever stands in it", (t) => {
	fc.assert(
		fc.property(fc.array(piece, { maxLength: 25 }), fc.nat(60), (pieces, at) => {
			const text = pieces.join("");
			const place = placeInFile(text, at);
			if (place !== undefined) t.true(place.start <= at && at <= place.end && place.end <= text.length);
			for (const { start, end, path } of writtenPlaces(text, Math.min(at, text.length))) {
				t.true(start <= at && end <= text.length);
				schemasAt(path);
			}
			outlineOfFile(text);
		}),
		{ numRuns: 1000 },
	);
});

test("large and deep texts", (t) => {
	t.is(placeInFile("[".repeat(200_000), 5), undefined);
	t.notThrows(() => writtenPlaces("a: ".repeat(50_000), 3));
	t.notThrows(() => outlineOfFile("- ".repeat(100_000)));
	const keys = Array.from({ length: 15_000 }, (_, index) => `key${index}: v`).join("\n");
	const begun = Date.now();
	const [written] = writtenPlaces(`${keys}\nna`, keys.length + 3);
	t.is(written?.siblings.length, 15_000);
	t.true(Date.now() - begun < 20_000);
});
