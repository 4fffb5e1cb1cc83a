import { readdirSync, readFileSync } from "node:fs";
import test from "ava";
import {
	computeDrvPath,
	drvPathName,
	expectedOutputPaths,
	formatDerivation,
	HashesModulo,
	instantiate,
	parseDerivation,
	parseDrvPath,
	type Derivation,
	type DrvPath,
} from "../src/index.ts";

// Written by `nix-instantiate` 2.8.0 from fixtures/derivations/source.nix.
const folder = new URL("fixtures/derivations/", import.meta.url);
const texts = new Map<DrvPath, string>();
for (const file of readdirSync(folder)) {
	if (file.endsWith(".drv")) {
		texts.set(parseDrvPath(`/nix/store/${file}`), readFileSync(new URL(file, folder), "latin1"));
	}
}

function read(path: DrvPath): Derivation {
	const text = texts.get(path);
	if (text === undefined) throw new Error(`no fixture ${path}`);
	return parseDerivation(text, { name: drvPathName(path) });
}

/** The derivation as the evaluator first has it: no output has a path. */
function withoutOutputPaths(drv: Derivation): Derivation {
	const outputs = new Map([...drv.outputs].map(([name, output]) => [name, { ...output, path: "" as const }]));
	const env = new Map([...drv.env].map(([name, value]) => [name, drv.outputs.has(name) ? "" : value]));
	return { ...drv, outputs, env };
}

test("the recorded derivations are there", (t) => {
	t.is(texts.size, 7);
});

for (const [path, text] of texts) {
	const name = path.slice("/nix/store/".length);

	test(`${name}: parsing and formatting gives the same bytes`, (t) => {
		t.is(formatDerivation(read(path)), text);
	});

	test(`${name}: the store path is that of Nix`, (t) => {
		t.is(computeDrvPath(read(path)), path);
	});

	test(`${name}: instantiating gives Nix's output paths, text and store path`, (t) => {
		const expected = read(path);
		const drv = withoutOutputPaths(expected);
		const result = instantiate(drv, new HashesModulo(read));
		t.is(result.text, text);
		t.is(result.drvPath, path);
		t.deepEqual(drv, expected);
		t.deepEqual(
			[...result.outputPaths].sort(),
			[...expected.outputs].map(([output, { path }]): [string, string] => [output, path]).sort(),
		);
	});
}

test("what was instantiated is not read again", (t) => {
	const reads: string[] = [];
	const hashes = new HashesModulo((path) => {
		reads.push(path);
		return read(path);
	});
	for (let round = 0; round < 2; round += 1) {
		for (const path of texts.keys()) instantiate(withoutOutputPaths(read(path)), hashes);
	}
	t.is(new Set(reads).size, reads.length);
});

test("a fixed output's dependents do not change with the way to its data", (t) => {
	const [first, second] = [...texts.keys()].filter((path) => drvPathName(path) === "src.tar.gz");
	t.true(first !== undefined && second !== undefined);
	const hashes = new HashesModulo(read);
	t.deepEqual(hashes.of(first as DrvPath), hashes.of(second as DrvPath));
});

test("an output addressed by unknown content is refused", (t) => {
	const [path] = texts.keys();
	const drv = withoutOutputPaths(read(path as DrvPath));
	drv.outputs.set("out", { path: "", hashAlgo: "r:sha256", hash: "" });
	t.throws(() => instantiate(drv, new HashesModulo(read)), { message: /^DRV_OUTPUT_METHOD: / });
});

test("a derivation from a foreign hand is held against its own text", (t) => {
	for (const path of texts.keys()) {
		const drv = read(path);
		const expected = expectedOutputPaths(drv, new HashesModulo(read));
		for (const [name, output] of drv.outputs) t.is(expected.get(name), output.path as never);
		t.deepEqual(drv, read(path));
	}
});
