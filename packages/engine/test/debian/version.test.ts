import { execFileSync } from "node:child_process";
import { skip } from "@devenv/test-support";
import test from "ava";
import fc from "fast-check";
import { compareVersions, satisfiesVersion, type VersionRelation } from "../../src/debian/version.ts";
import { versionStrings } from "./version-strings.ts";

const ordered: readonly (readonly [string, "<" | "=" | ">", string])[] = [
	["1.0", "=", "1.0"],
	["1.0", "=", "1.0-0"],
	["0:1.0", "=", "1.0"],
	["1.0", "=", "1.00"],
	["1.a", "=", "1.a0"],
	["1.0~", "<", "1.0"],
	["1.0~~", "<", "1.0~"],
	["1.0~~a", "<", "1.0~"],
	["1.0", "<", "1.0a"],
	["1.0a", "<", "1.0+"],
	["1.0+", "<", "1.0."],
	["9", "<", "10"],
	["1:0.1", ">", "2"],
	["2.34-0exp1", "<", "2.34-1"],
	["1.7.1-6+deb13u3", "<", "1.7.1-6+deb13u4"],
	["1.0-1", "<", "1.0-1+b1"],
	["1-2-3", ">", "1-2"],
	["20240101000000000000000001", ">", "20240101000000000000000000"],
];

for (const [left, relation, right] of ordered) {
	test(`${left} ${relation} ${right}`, (t) => {
		const expected = relation === "<" ? -1 : relation === ">" ? 1 : 0;
		t.is(Math.sign(compareVersions(left, right)), expected);
		t.is(Math.sign(compareVersions(right, left)), expected === 0 ? 0 : -expected);
	});
}

test("an order: antisymmetric and transitive", (t) => {
	fc.assert(
		fc.property(versionStrings, versionStrings, versionStrings, (a, b, c) => {
			const sorted = [a, b, c].sort(compareVersions);
			for (const [index, low] of sorted.entries()) {
				for (const high of sorted.slice(index)) {
					if (compareVersions(low, high) > 0 || compareVersions(high, low) < 0) return false;
				}
			}
			return true;
		}),
		{ numRuns: 2000 },
	);
	t.pass();
});

test("relations", (t) => {
	const holding = (version: string, bound: string): string[] =>
		(["<<", "<=", "=", ">=", ">>"] as VersionRelation[]).filter((each) => satisfiesVersion(version, each, bound));
	t.deepEqual(holding("1", "2"), ["<<", "<="]);
	t.deepEqual(holding("2", "2-0"), ["<=", "=", ">="]);
	t.deepEqual(holding("3", "2"), [">=", ">>"]);
});

test("agrees with dpkg", (t) => {
	const seed = Date.now() % 2 ** 31;
	const pairs = fc.sample(fc.tuple(versionStrings, versionStrings), { seed, numRuns: 2500 });
	const input = pairs.map(([a, b]) => `${a} ${b}\n`).join("");
	// One dpkg per question: it has no batch mode. Where it is missing, `command` ends the script with 3.
	const script =
		'command -v dpkg >/dev/null || exit 3; while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo -1; elif dpkg --compare-versions "$a" eq "$b"; then echo 0; else echo 1; fi; done';
	let answers: string[];
	try {
		answers = execFileSync("sh", ["-c", script], { input, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] }).split(
			"\n",
		);
	} catch (error) {
		if ((error as { status?: unknown }).status !== 3) throw error;
		skip(t, "no dpkg to compare with");
		return;
	}
	t.log(`seed ${seed}`);
	for (const [index, [a, b]] of pairs.entries()) {
		t.is(Math.sign(compareVersions(a, b)), Number(answers[index]), `${a} and ${b}`);
	}
});
