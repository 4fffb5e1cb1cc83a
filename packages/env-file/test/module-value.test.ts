import test from "ava";
import { modulePackage, type ModuleValue, parseEnvFile, type ParsedEnvFile } from "../src/index.ts";

const at = (
	line: number,
): { readonly file: string; readonly line: number; readonly column: number; readonly length: number } => ({
	file: "env.nix",
	line,
	column: 3,
	length: 1,
});
const scalar = (value: string | number | bigint | boolean | null, line = 1): ModuleValue => ({
	kind: "scalar",
	value,
	location: at(line),
});
const table = (entries: Readonly<Record<string, ModuleValue>>): ModuleValue => ({
	kind: "table",
	entries: Object.entries(entries),
});

function parse(value: ModuleValue, text = "", local?: string): ParsedEnvFile {
	return parseEnvFile(
		{ file: "env.yaml", content: text },
		{
			module: { file: "env.nix", value },
			...(local === undefined ? {} : { local: { file: "env.local.yaml", content: local } }),
		},
	);
}

test("a module's values stand between env.yaml's and env.local.yaml's", (t) => {
	const module = table({
		env: table({ A: scalar("nix"), B: scalar("nix"), N: scalar(1.5), I: scalar(2n ** 60n), T: scalar(true) }),
		packages: { kind: "list", items: [scalar("jq"), scalar(modulePackage(0, "tool"), 4)] },
		clean: scalar(true),
	});
	const { spec, diagnostics } = parse(module, "env: { A: yaml, C: yaml }\npackages: [git]\n", "env: { B: local }\n");
	t.deepEqual(diagnostics, []);
	t.deepEqual(
		spec?.env.map(({ name, value }) => `${name}=${value}`),
		["A=nix", "B=local", "C=yaml", `I=${2n ** 60n}`, "N=1.5", "T=true"],
	);
	t.deepEqual(
		spec?.packages.map(({ text, attr, location }) => [text, attr, location?.line]),
		[
			["git", "git", 2],
			["jq", "jq", 1],
			["tool", "__module-0-tool", 4],
		],
	);
	t.true(spec?.clean.enabled);
});

test("what is wrong is said at the module's places, and what env.yaml alone says is unknown", (t) => {
	for (const [key, value, message] of [
		["pakages", scalar("x", 7), /unknown key 'pakages'/],
		["inputs", table({}), /unknown key 'inputs'/],
		["overlays", scalar("x", 7), /unknown key 'overlays'/],
		["env", scalar("x", 7), /'env' must be a table/],
		["enter_shell", scalar(null, 7), /'enter_shell' must be a string/],
	] as const) {
		const { spec, diagnostics } = parse(table({ [key]: value }));
		t.is(spec, undefined);
		t.regex(diagnostics[0]?.message ?? "", message);
		t.is(diagnostics[0]?.location?.file, "env.nix");
		if (value.location !== undefined) t.is(diagnostics[0]?.location?.line, 7);
	}
});

test("without the module's values, what may depend on them is left for later", (t) => {
	const text = "env: { A: '${B}' }\nprocesses: { web: { exec: x, after: [db] } }\n";
	const file = { file: "env.yaml", content: text };
	t.is(parseEnvFile(file).spec, undefined);
	t.truthy(parseEnvFile(file, { incomplete: true, profile: "ci" }).spec);
	t.is(parseEnvFile({ ...file, content: "pakages: []\n" }, { incomplete: true }).spec, undefined);
	const { spec } = parse(table({ env: table({ B: scalar("b") }), processes: table({ db: scalar("y") }) }), text);
	t.is(spec?.env[0]?.value, "b");
	t.is(spec?.processes.length, 2);
});
