import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { diagnose } from "@devenv/diagnostics";
import { formatHash, hashBytes, type HashFormat } from "@devenv/nix-formats";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { correctHashes } from "../../src/nix-build/correct-hashes.ts";

const [wanted, found] = [hashBytes("sha256", "wanted"), hashBytes("sha256", "found")];

function mismatch(): ReturnType<typeof diagnose> {
	const [a, b] = [formatHash(wanted, "sri"), formatHash(found, "sri")];
	return diagnose("STORE_HASH_MISMATCH", `hash mismatch in /nix/store/x: expected ${a}, found ${b}`);
}

for (const format of ["sri", "base16", "base32", "base64"] satisfies readonly HashFormat[]) {
	test(`a hash in ${format} is put right in the same way, wherever it stands`, (t) => {
		const folder = temporaryFolder(t);
		const write = (name: string, text: string): string => {
			writeFileSync(join(folder, name), text);
			return join(folder, name);
		};
		mkdirSync(join(folder, "pkgs"));
		mkdirSync(join(folder, ".git"));
		write("default.nix", "import ./pkgs/a.nix\n");
		write(".git/b.nix", formatHash(wanted, format));
		write("pkgs/notes.txt", formatHash(wanted, format));
		const file = write("pkgs/a.nix", `{\n  src = fetch {\n    hash = "${formatHash(wanted, format)}";\n  };\n}\n`);
		const expected = [{ file, line: 3, text: `hash = "${formatHash(found, format)}";` }];
		t.deepEqual(correctHashes([mismatch()], [join(folder, "default.nix")]), expected);
		t.deepEqual(correctHashes([mismatch()], [folder]), expected);
	});
}

test("a download's hash is the other way round; other failures say nothing", (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, "x.nix"), `"${formatHash(wanted, "sri")}"`);
	const message = `it is another file: its hash is ${formatHash(found, "sri")} instead of ${formatHash(wanted, "sri")}`;
	t.is(correctHashes([diagnose("FETCH_HASH_MISMATCH", message)], [folder])[0]?.text, `"${formatHash(found, "sri")}"`);
	t.deepEqual(correctHashes([diagnose("BUILD_FAILED", message)], [folder]), []);
	t.deepEqual(correctHashes([diagnose("STORE_HASH_MISMATCH", "hash mismatch")], [folder]), []);
});
