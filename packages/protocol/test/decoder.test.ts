import test from "ava";
import fc from "fast-check";
import {
	arrayOf,
	count,
	DecodeError,
	type Decoder,
	object,
	optional,
	recordOf,
	string,
	unionOf,
	oneOf,
} from "../src/decoder.ts";
import {
	daemonStatus,
	daemonStop,
	environmentInfo,
	evaluateExpression,
	handshake,
	prepareEnvironment,
	progressNotification,
	searchPackages,
	updateInputs,
} from "../src/index.ts";

interface Sample {
	readonly name: string;
	readonly size?: number;
}

const sample: Decoder<Sample> = object<Sample>({ name: string, size: optional(count) });
const shape: Decoder<{ kind: "a"; x: number } | { kind: "b" }> = unionOf({
	a: object<{ kind: "a"; x: number }>({ kind: oneOf("a"), x: count }),
	b: object<{ kind: "b" }>({ kind: oneOf("b") }),
});

const refusals: readonly (readonly [Decoder<unknown>, unknown, string])[] = [
	[sample, { name: 1 }, "v.name: expected a string, found 1"],
	[sample, {}, "v.name: expected a string, found nothing"],
	[sample, { name: "a", size: -1 }, "v.size: expected a count, found -1"],
	[sample, { name: "a", sise: 1 }, "v.sise: expected no such key, found 1"],
	[sample, [], "v: expected an object, found a list"],
	[sample, null, "v: expected an object, found null"],
	[arrayOf(string), ["a", {}], "v[1]: expected a string, found an object"],
	[recordOf(string), { a: null }, "v.a: expected a string, found null"],
	[shape, { kind: "c" }, 'v.kind: expected one of a, b, found "c"'],
	[shape, { kind: "toString" }, 'v.kind: expected one of a, b, found "toString"'],
	[shape, { kind: "a", x: 1.5 }, "v.x: expected a count, found 1.5"],
];

for (const [decoder, value, message] of refusals) {
	test(`refuses: ${message}`, (t) => {
		t.is(t.throws(() => decoder(value, "v"), { instanceOf: DecodeError }).message, message);
	});
}

test("takes what is right, drops absent keys, keeps __proto__ a key of records", (t) => {
	t.deepEqual(sample({ name: "a", size: undefined }, "v"), { name: "a" });
	t.deepEqual(shape({ kind: "a", x: 1 }, "v"), { kind: "a", x: 1 });
	const record = recordOf(string)(JSON.parse('{"__proto__": "x"}'), "v");
	t.deepEqual(Object.keys(record), ["__proto__"]);
});

const methods = [
	handshake,
	prepareEnvironment,
	updateInputs,
	environmentInfo,
	searchPackages,
	evaluateExpression,
	daemonStatus,
	daemonStop,
	progressNotification,
];

test("decoders of the method table throw nothing but DecodeError", (t) => {
	const keys = ["project", "variables", "kind", "request", "event", "protocol", "version", "mode", "query", "limit"];
	const value = fc.oneof(
		fc.anything(),
		fc.dictionary(fc.constantFrom(...keys), fc.anything()),
		fc.record({ request: fc.anything(), event: fc.dictionary(fc.constantFrom(...keys), fc.anything()) }),
	);
	fc.assert(
		fc.property(fc.constantFrom(...methods), value, ({ params }, input) => {
			try {
				params(input, "params");
			} catch (error) {
				return error instanceof DecodeError;
			}
			return true;
		}),
		{ numRuns: 2_000 },
	);
	t.pass();
});
