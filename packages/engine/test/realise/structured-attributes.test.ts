import { bytesFromText, type Derivation, parseStorePath, textFromBytes } from "@devenv/nix-formats";
import test from "ava";
import { structuredAttributes } from "../../src/realise/structured-attributes.ts";

function derivation(json: string | undefined): Derivation {
	const path = parseStorePath("/nix/store/bwdp24bvfnh8c4rg3ks2sa4r2bvg82ij-x");
	return {
		name: "x",
		outputs: new Map([["out", { path, hashAlgo: "", hash: "" }]]),
		inputDrvs: new Map(),
		inputSrcs: [],
		system: "x86_64-linux",
		builder: "/bin/sh",
		args: [],
		env: new Map(json === undefined ? [] : [["__json", bytesFromText(json)]]),
	};
}

test("are absent without __json", (t) => {
	t.is(structuredAttributes(derivation(undefined)), undefined);
});

test("are given as JSON with the outputs, and as declarations for bash", (t) => {
	const json = `{"a":"it's ä","b":true,"c":false,"d":null,"e":3,"f":1.5,"g":["x y",2],"h":{"k":"v"},"bad-name":1,"i":[["nested"]]}`;
	const files = structuredAttributes(derivation(json));
	t.deepEqual(JSON.parse(textFromBytes(files?.json ?? "")), {
		...(JSON.parse(json) as object),
		outputs: { out: "/nix/store/bwdp24bvfnh8c4rg3ks2sa4r2bvg82ij-x" },
	});
	t.is(
		textFromBytes(files?.shell ?? ""),
		`declare a='it'\\''s ä'
declare b=1
declare c=
declare d=''
declare e=3
declare -a g=('x y' 2 )
declare -A h=(['k']='v' )
declare -A outputs=(['out']='/nix/store/bwdp24bvfnh8c4rg3ks2sa4r2bvg82ij-x' )
`,
	);
});

for (const json of ["[]", "nonsense", "null"]) {
	test(`refuses ${json}`, (t) => {
		t.throws(() => structuredAttributes(derivation(json)), { message: /^DRV_STRUCTURED_ATTRS/ });
	});
}
