import test from "ava";
import fc from "fast-check";
import { compareVersions, parseDrvName, splitVersion } from "../../src/builtins/version-comparison.ts";

const versions = fc
	.array(fc.constantFrom("1", "2", "10", "007", "a", "b", "pre", ".", "-", "99999999999"), { maxLength: 6 })
	.map((parts) => parts.join(""));

test("comparing is antisymmetric", (t) => {
	fc.assert(
		fc.property(versions, versions, (a, b) => {
			t.is(compareVersions(a, b) + compareVersions(b, a), 0);
		}),
	);
});

test("separators do not count", (t) => {
	fc.assert(
		fc.property(versions, (version) => {
			t.is(compareVersions(version, splitVersion(version).join(".")), 0);
		}),
	);
});

test("name and version make the whole again", (t) => {
	fc.assert(
		fc.property(fc.string(), (text) => {
			const { name, version } = parseDrvName(text);
			t.is(version === "" ? name : `${name}-${version}`, text);
		}),
	);
});
