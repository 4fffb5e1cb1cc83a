import test from "ava";
import { buildPackageTable, type PackageTable } from "../../src/debian/package-table.ts";
import { recordsOf, type TestPackage } from "./stanzas.ts";

function tableOf(...packages: TestPackage[]): PackageTable {
	return buildPackageTable(recordsOf(packages));
}

function candidates(table: PackageTable, name: string): unknown {
	return table.packages.get(name)?.candidates;
}

test("keeps the newest version of each package", (t) => {
	const table = tableOf(
		{ Package: "aa", Version: "1.9" },
		{ Package: "aa", Version: "1.10" },
		{ Package: "aa", Version: "1.10~rc1" },
	);
	t.is(table.packages.get("aa")?.record.version, "1.10");
});

test("a dependency is met by the package, then by its providers", (t) => {
	const table = tableOf(
		{ Package: "user", Depends: "lib, lib (>= 2), lib (>= 1) | other, gone, lib:any", "Pre-Depends": "awk" },
		{ Package: "lib", Version: "1.5" },
		{ Package: "fork", Provides: "lib (= 2.1)" },
		{ Package: "copy", Provides: "lib" },
		{ Package: "other" },
		{ Package: "gawk", Provides: "awk" },
		{ Package: "mawk", Provides: "awk", Priority: "required" },
	);
	t.deepEqual(candidates(table, "user"), [
		["mawk", "gawk"],
		["lib", "fork", "copy"],
		["fork"],
		["lib", "fork", "other"],
		[],
		[],
	]);
});

test("among equal providers Debian's default comes first, then the order of the file", (t) => {
	const table = tableOf(
		{ Package: "user", Depends: "mta" },
		{ Package: "zmail", Provides: "mta" },
		{ Package: "amail", Provides: "mta" },
		{ Package: "default-mail", Provides: "mta" },
		{ Package: "base-mail", Provides: "mta", Essential: "yes", Priority: "extra" },
	);
	t.deepEqual(candidates(table, "user"), [["base-mail", "default-mail", "zmail", "amail"]]);
});

test("`:any` asks for Multi-Arch: allowed", (t) => {
	const table = tableOf(
		{ Package: "user", Depends: "python3:any, perl:any, libc6:amd64, libc6:i386" },
		{ Package: "python3", "Multi-Arch": "allowed" },
		{ Package: "perl", "Multi-Arch": "foreign" },
		{ Package: "libc6", "Multi-Arch": "same" },
	);
	t.deepEqual(candidates(table, "user"), [["python3"], [], ["libc6"], []]);
});

test("packages clash where the versions at hand are meant, and both know of it", (t) => {
	const table = tableOf(
		{ Package: "new", Conflicts: "old (<< 2), mta", Breaks: "worn (<< 1.5), fresh (<< 1.0)", Provides: "mta" },
		{ Package: "old", Version: "1.9" },
		{ Package: "worn", Version: "1.0" },
		{ Package: "fresh", Version: "1.0" },
		{ Package: "mail", Provides: "mta" },
	);
	const clashes = (name: string): unknown => table.packages.get(name)?.clashes;
	t.deepEqual(clashes("new"), ["mail", "old", "worn"]);
	t.deepEqual(clashes("old"), ["new"]);
	t.deepEqual(clashes("mail"), ["new"]);
	t.deepEqual(clashes("fresh"), []);
});

test("lists the Essential packages by name", (t) => {
	t.deepEqual(
		tableOf({ Package: "tar", Essential: "yes" }, { Package: "bash", Essential: "yes" }, { Package: "jq" }).essential,
		["bash", "tar"],
	);
});
