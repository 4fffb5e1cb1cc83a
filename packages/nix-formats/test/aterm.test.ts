import { DiagnosticError } from "@devenv/diagnostics";
import test from "ava";
import * as fc from "fast-check";
import {
	encodeBase32,
	formatDerivation,
	parseDerivation,
	quoteString,
	type Derivation,
	type DrvPath,
	type StorePath,
} from "../src/index.ts";
import { byteString } from "./nar-trees.ts";

const storePath = fc
	.tuple(fc.uint8Array({ minLength: 20, maxLength: 20 }), fc.stringMatching(/^[a-z0-9]{1,8}$/))
	.map(([hash, name]) => `/nix/store/${encodeBase32(hash)}-${name}` as StorePath);
const drvPath = storePath.map((path) => `${path}.drv` as DrvPath);
const outputName = fc.constantFrom("out", "dev", "lib", "man");
const text = fc.oneof(byteString, fc.string({ unit: fc.constantFrom(...Array.from('\\"\n\r\tab,()[]')) }));

function mapOf<K extends string, V>(
	key: fc.Arbitrary<K>,
	value: fc.Arbitrary<V>,
	minLength = 0,
): fc.Arbitrary<Map<K, V>> {
	return fc
		.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, minLength, maxLength: 5 })
		.map((entries) => new Map(entries.sort(([left], [right]) => (left < right ? -1 : 1))));
}

const sortedSet = <T extends string>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
	fc.uniqueArray(item, { maxLength: 4 }).map((items) => items.sort());

const derivation: fc.Arbitrary<Derivation> = fc.record({
	name: fc.constant("a"),
	outputs: mapOf(
		outputName,
		fc.record({
			path: fc.oneof(fc.constant("" as const), storePath),
			hashAlgo: fc.constant(""),
			hash: fc.constant(""),
		}),
		1,
	),
	inputDrvs: mapOf(drvPath, sortedSet(outputName)),
	inputSrcs: sortedSet(storePath),
	// Written without escapes.
	system: text.map((each) => each.replace(/["\\\n\r\t]/g, "")),
	builder: text,
	args: fc.array(text, { maxLength: 4 }),
	env: mapOf(text, text),
});

test("parsing what was formatted gives the same derivation", (t) => {
	fc.assert(
		fc.property(derivation, (drv) => {
			t.deepEqual(parseDerivation(formatDerivation(drv), { name: "a" }), drv);
		}),
		{ numRuns: 300 },
	);
});

test("the order of maps and sets does not matter", (t) => {
	fc.assert(
		fc.property(derivation, (drv) => {
			const shuffled: Derivation = {
				...drv,
				outputs: new Map([...drv.outputs].reverse()),
				inputDrvs: new Map([...drv.inputDrvs].reverse().map(([path, names]) => [path, [...names, ...names].reverse()])),
				inputSrcs: [...drv.inputSrcs, ...drv.inputSrcs].reverse(),
				env: new Map([...drv.env].reverse()),
			};
			t.is(formatDerivation(shuffled), formatDerivation(drv));
		}),
	);
});

test("every truncation and every damage gives a derivation or DRV_SYNTAX", (t) => {
	fc.assert(
		fc.property(derivation, fc.nat(), fc.nat(255), fc.boolean(), (drv, place, byte, cut) => {
			const whole = formatDerivation(drv);
			const at = place % whole.length;
			const damaged = cut ? whole.slice(0, at) : whole.slice(0, at) + String.fromCharCode(byte) + whole.slice(at + 1);
			try {
				parseDerivation(damaged, { name: "a" });
				t.false(cut);
			} catch (error) {
				t.true(error instanceof DiagnosticError);
				t.regex((error as Error).message, /^DRV_SYNTAX: /);
			}
		}),
		{ numRuns: 500 },
	);
});

test("escapes", (t) => {
	t.is(quoteString('a"\\\n\r\tü'), '"a\\"\\\\\\n\\r\\tü"');
});

test("Nix escapes nothing in the system", (t) => {
	const [drv] = fc.sample(derivation, 1) as [Derivation];
	t.true(formatDerivation({ ...drv, system: 'a"\\\nb' }).includes('"a"\\\nb"'));
});

const OUT = '("out","","","")';
const valid = `Derive([${OUT}],[],[],"s","b",[],[])`;

for (const [source, column, reason] of [
	["", 1, /expected "Derive\(", found the end/],
	["Derived", 1, /expected "Derive\(", found "D"/],
	['DrvWithVersion("xp-dyn-drv",)', 1, /a newer format/],
	['Derive([],[],[],"s","b",[],[])', 10, /it has no outputs/],
	[`Derive([${OUT},${OUT}],[],[],"s","b",[],[])`, 27, /output "out" is given twice/],
	['Derive([("o/t","","","")],[],[],"s","b",[],[])', 10, /"o\/t" is not an output name/],
	['Derive([("out","/tmp/x","","")],[],[],"s","b",[],[])', 16, /"\/tmp\/x" is not a store path/],
	[`Derive([${OUT}],[("/nix/store/x",[])],[],"s","b",[],[])`, 29, /is not the path of a store derivation/],
	[`Derive([${OUT}],[],["/etc"],"s","b",[],[])`, 31, /"\/etc" is not a store path/],
	[`Derive([${OUT}],[],[],"s","b",[],[("a","1"),("a","2")])`, 56, /variable "a" is given twice/],
	[`Derive([${OUT}],[],[],"s`, 33, /a string has no end/],
	[`Derive([${OUT}],[],[],"s\\`, 33, /a string has no end/],
	[`${valid}x`, 47, /something follows its end/],
] as const) {
	test(`refuses ${source.slice(0, 60)}`, (t) => {
		const error = t.throws(() => parseDerivation(source, { name: "a" }), { instanceOf: DiagnosticError });
		const [diagnostic] = error.diagnostics;
		t.regex(diagnostic?.message ?? "", reason);
		t.is(diagnostic?.location?.file, "a.drv");
		t.is(diagnostic?.location?.column, column);
	});
}

/* In quadratic time this would run into the time limit. */
test("a hostile derivation of many backslashes is read in linear time", (t) => {
	const value = "\\\\".repeat(2_000_000);
	const drv = parseDerivation(`Derive([${OUT}],[],[],"s","b",[],[("a","${value}")])`, { name: "a" });
	t.is(drv.env.get("a")?.length, 2_000_000);
});
