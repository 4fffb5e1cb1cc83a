import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { storeRootOf } from "../../src/nix-instantiate/run-nix-instantiate.ts";
import { ArgumentReader } from "../../src/nix-programs/nix-arguments.ts";
import { nixConfiguration } from "../../src/nix-programs/nix-configuration.ts";

function settings(environment: Readonly<Record<string, string>>, argv: readonly string[] = []): Record<string, string> {
	const reader = new ArgumentReader("nix-store", argv, nixConfiguration(environment));
	reader.next(new Set());
	return Object.fromEntries(reader.common().settings);
}

test("later settings win: the system's file, the user's, NIX_CONFIG, the command line", (t) => {
	const folder = temporaryFolder(t);
	mkdirSync(join(folder, "more"));
	writeFileSync(
		join(folder, "nix.conf"),
		"# of all\na = system\nb = system\ninclude more/one.conf\n!include none.conf\n",
	);
	writeFileSync(join(folder, "more/one.conf"), "c = included # by it\n!include two.conf\n");
	writeFileSync(join(folder, "more/two.conf"), "d = twice\n");
	writeFileSync(join(folder, "first"), "b = first\ne = first\n");
	writeFileSync(join(folder, "second"), "b = second\nf = second\n");
	const files = { NIX_CONF_DIR: folder, NIX_USER_CONF_FILES: `${folder}/first:${folder}/second:${folder}/none` };
	t.deepEqual(settings({ ...files, NIX_CONFIG: "e = variable\ncores = 3" }, ["--cores", "4"]), {
		a: "system",
		b: "first",
		c: "included",
		d: "twice",
		e: "variable",
		f: "second",
		cores: "4",
	});
	t.deepEqual(settings({}), {});
	t.deepEqual(settings({ NIX_CONF_DIR: join(folder, "none") }), {});
});

test("a file that is asked for and is not there is a diagnostic, and so is one that includes itself", (t) => {
	const folder = temporaryFolder(t);
	const read = (text: string): string => {
		writeFileSync(join(folder, "nix.conf"), text);
		return nixConfiguration({ NIX_CONF_DIR: folder });
	};
	t.throws(() => read("include none.conf\n"), { message: `NIX_CONF: cannot read ${folder}/none.conf: ENOENT` });
	t.throws(() => read("include nix.conf\n"), { message: `NIX_CONF: ${folder}/nix.conf is included by itself` });
});

test("another store folder is refused where evaluation would not follow", (t) => {
	const layout = { storeRoot: "/root", state: "", cache: "", config: "", runtime: "" };
	t.is(storeRootOf(undefined, layout, {}), "/root");
	t.is(storeRootOf(undefined, layout, { NIX_STORE_DIR: "/nix/store/" }), "/root");
	t.throws(() => storeRootOf(undefined, layout, { NIX_STORE_DIR: "/other/store" }), {
		message: /^STORE_DIR: NIX_STORE_DIR is '\/other\/store', but expressions are evaluated for \/nix\/store/,
	});
});
