/** The package set's version comparison, written in Nix, beside the one of the index, which is held to dpkg's. */

import { join } from "node:path";
import { packageSetFolder } from "@devenv/package-set";
import test from "ava";
import fc from "fast-check";
import { compareVersions, satisfiesVersion, type VersionRelation } from "../../src/debian/version.ts";
import { type NixBackend, ownBackend, realNix } from "./nix-backends.ts";
import { versionStrings } from "./version-strings.ts";

const nix = realNix();
const backends: readonly NixBackend[] = [ownBackend(), ...(nix === undefined ? [] : [nix])];
const versionsFile = join(packageSetFolder, "lib/versions.nix");

test.after.always(() => {
	for (const backend of backends) backend.close();
});

for (const backend of backends) {
	test(`orders versions as the index does (${backend.name})`, (t) => {
		const seed = Date.now() % 2 ** 31;
		t.log(`seed ${seed}`);
		const pairs = fc.sample(fc.tuple(versionStrings, versionStrings), { seed, numRuns: 3000 });
		const list = pairs.map(([a, b]) => `[ "${a}" "${b}" ]`).join("\n");
		const text = `map (p: (import ${versionsFile}).compare (builtins.elemAt p 0) (builtins.elemAt p 1)) [ ${list} ]`;
		const orders = backend.evaluate(text) as number[];
		t.is(orders.length, pairs.length);
		for (const [index, [a, b]] of pairs.entries()) {
			if (orders[index] !== Math.sign(compareVersions(a, b))) t.fail(`${a} and ${b}: ${orders[index]}`);
		}
	});

	test(`relations (${backend.name})`, (t) => {
		const relations: readonly VersionRelation[] = ["<<", "<=", "=", ">=", ">>"];
		const bounds = ["1", "2~", "2", "2-0", "2-1", "1:0"];
		const wanted = relations.map((relation) => bounds.map((bound) => satisfiesVersion("2", relation, bound)));
		const list = (texts: readonly string[]): string => `[ ${texts.map((each) => `"${each}"`).join(" ")} ]`;
		const text = `map (relation: map ((import ${versionsFile}).satisfies "2" relation) ${list(bounds)}) ${list(relations)}`;
		t.deepEqual(backend.evaluate(text), wanted);
	});

	test(`numbers of any length (${backend.name})`, (t) => {
		const long = "9".repeat(100);
		const text = `(import ${versionsFile}).compare "1.${long}" "1.1${long}"`;
		t.is(backend.evaluate(text), -1);
	});
}
