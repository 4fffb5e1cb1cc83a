/** The package set must evaluate in real Nix from 2.8 on, and the same everywhere: only these builtins may occur in it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { packageSetEntry, packageSetFolder } from "../src/index.ts";

/** Pure ones; `readFile`, `readDir` and `import` are given the index and the set's own files only. */
const allowed: ReadonlySet<string> = new Set(
	`all any attrNames attrValues concatLists concatMap concatStringsSep currentSystem derivation elem elemAt filter foldl'
	fromJSON functionArgs genList genericClosure hashString head intersectAttrs isAttrs isFunction isList isPath isString
	length lessThan listToAttrs map mapAttrs match parseDrvName partition readDir readFile removeAttrs replaceStrings sort
	split stringLength substring tail`.split(/\s+/),
);

function nixFiles(folder: string): string[] {
	return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".nix"));
}

/** Names that a text takes from `builtins`, by selection or by `inherit`. */
function builtinsUsed(text: string): string[] {
	const code = text.replace(/#.*$/gm, "");
	const selected = [...code.matchAll(/\bbuiltins\.([A-Za-z']+)/g)].map((match) => match[1] ?? "");
	const inherited = [...code.matchAll(/\binherit\s*\(builtins\)([^;]*);/g)].flatMap((match) =>
		(match[1] ?? "").trim().split(/\s+/),
	);
	return [...selected, ...inherited];
}

test("the entry point is one of the files", (t) => {
	t.is(packageSetEntry, join(packageSetFolder, "default.nix"));
	t.true(nixFiles(packageSetFolder).includes("default.nix"));
});

test("finds builtins in both forms", (t) => {
	t.deepEqual(builtinsUsed("let inherit (builtins) map\n filter; in builtins.foldl' # builtins.exec"), [
		"foldl'",
		"map",
		"filter",
	]);
});

for (const name of nixFiles(packageSetFolder)) {
	test(`${name} uses pure builtins that Nix 2.8 has`, (t) => {
		const used = builtinsUsed(readFileSync(join(packageSetFolder, name), "utf8"));
		t.deepEqual(
			used.filter((each) => !allowed.has(each)),
			[],
		);
	});
}
