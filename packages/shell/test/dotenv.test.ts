/** Files of variables, as node and as the native helper read them. */

import { symlinkSync, writeFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import { parseDotenv } from "../src/dotenv.ts";
import { Place, self, viewTest } from "./fixtures/scaffold.ts";

const cases: readonly (readonly [title: string, text: string, variables: [string, string][], faults?: number[]])[] = [
	[
		"plain",
		"A=1\nB_2 = two words \n",
		[
			["A", "1"],
			["B_2", "two words"],
		],
	],
	[
		"no end of line, Windows' ends, a byte order mark",
		"\uFEFFA=1\r\nB=2",
		[
			["A", "1"],
			["B", "2"],
		],
	],
	[
		"export",
		"export A=1\n export\tB=2\nexport=3\n",
		[
			["A", "1"],
			["B", "2"],
			["export", "3"],
		],
	],
	[
		"comments",
		"# A=0\n\n  # b\nA=1 # one\nB=a#b\nC= # none\nD='x' # y\n",
		[
			["A", "1"],
			["B", "a#b"],
			["C", ""],
			["D", "x"],
		],
	],
	[
		"single quotes",
		"A='a \"b\" $HOME \\n'\nB='two\nlines'\n",
		[
			["A", 'a "b" $HOME \\n'],
			["B", "two\nlines"],
		],
	],
	[
		"double quotes",
		'A="a\\nb\\t\\"c\\" \\\\ \\$x \\q"\nB=" \'"\n',
		[
			["A", 'a\nb\t"c" \\ $x \\q'],
			["B", " '"],
		],
	],
	["backquotes", 'A=`it\'s "\\n"`\n', [["A", 'it\'s "\\n"']]],
	[
		"empty",
		"A=\nB=''\nC=\n",
		[
			["A", ""],
			["B", ""],
			["C", ""],
		],
	],
	[
		"a name twice",
		"A=1\nA=2\n",
		[
			["A", "1"],
			["A", "2"],
		],
	],
	[
		"what else has =",
		"A==b=c\nURL=postgres://u:p@h/d?x=1&y=2\n",
		[
			["A", "=b=c"],
			["URL", "postgres://u:p@h/d?x=1&y=2"],
		],
	],
	["no variables", "A\n1A=2\nA-B=1\nexport =2\n=x\nB=3\n", [["B", "3"]], [1, 2, 3, 4, 5]],
	["a quote without its end", "A='x\nB=2\n", [["B", "2"]], [1]],
	["text behind a quote", "A='x' y\nB=\"2\nz\"!\nC=3\n", [["C", "3"]], [1, 2]],
	["NUL", "A=1\nB=\0\n", [], [2]],
];

for (const [title, text, variables, faults = []] of cases) {
	test(`reads ${title}`, (t) => {
		t.deepEqual(parseDotenv(text), { variables, faults });
	});
}

viewTest(test, "the helper reads what node reads", (t, helper) => {
	const place = new Place(self(), helper);
	const file = `${place.folder}/project/.env`;
	const stamp = place.write("state/dotenv.stamp", { dotenv: [file], clean: [] });
	const seen = (text: string): Record<string, string> => {
		writeFileSync(file, text);
		const { stdout, stderr } = place.run([helper, "enter", stamp, "--", "/usr/bin/env", "-0"]);
		t.is(stderr, "");
		const pairs = stdout.split("\0").slice(0, -1);
		return Object.fromEntries(
			pairs.map((each) => [each.slice(0, each.indexOf("=")), each.slice(each.indexOf("=") + 1)]),
		);
	};
	const expected = (text: string): Record<string, string> => Object.fromEntries(parseDotenv(text).variables);
	for (const [title, text] of cases) t.deepEqual(seen(text), expected(text), title);
	const pieces = ["A", "B1", "export", "=", " ", "\t", "\n", "\r", "#", "'", '"', "`", "\\", "n", "$", "ä", "1"];
	const texts = fc
		.array(fc.constantFrom(...pieces, "A=", "\nB=", 'A="', "='"), { maxLength: 24 })
		.map((all) => all.join(""));
	fc.assert(
		fc.property(texts, (text) => {
			t.deepEqual(seen(text), expected(text), JSON.stringify(text));
		}),
		{ numRuns: 400 },
	);
});

viewTest(test, "env wins over them, a later file over an earlier one, and neither is needed", (t, helper) => {
	const place = new Place(self(), helper);
	const [first, second, link] = ["first", "second", "link"].map((name) => `${place.folder}/project/${name}`);
	writeFileSync(first ?? "", "A=first\nB=first\nC=first\nD=first\n");
	writeFileSync(second ?? "", "B=second\nPATH=/mine\n");
	symlinkSync(first ?? "", link ?? "");
	const stamp = place.write("state/dotenv.stamp", {
		dotenv: [first ?? "", second ?? "", `${place.folder}/none`],
		changes: [
			{ kind: "set", name: "C", value: "env" },
			{ kind: "prepend", name: "PATH", separator: ":", value: "/packages" },
		],
	});
	const show = ["--", "/bin/sh", "-c", 'echo "$A $B $C $D $PATH"'];
	const outcome = place.run([helper, "enter", stamp, ...show], { env: { D: "caller" } });
	t.is(outcome.stdout, "first second env first /packages:/mine\n", outcome.stderr);
	// A link is not followed: where it leads may be anybody's.
	const linked = place.write("state/linked.stamp", { dotenv: [link ?? ""] });
	t.is(place.run([helper, "enter", linked, "--", "/bin/sh", "-c", 'echo "$A"']).stdout, "\n");
});
