import { readFileSync, readdirSync } from "node:fs";
import { Ajv } from "ajv";
import test from "ava";
import { parse } from "yaml";
import {
	environmentOptionEntries,
	environmentSchema,
	formatEnvironmentReference,
	formatEnvironmentSchema,
	parseEnvFile,
} from "../src/index.ts";
import { readDiagnosticCases } from "./diagnostic-cases.ts";

const root = new URL("../../../", import.meta.url);
const validate = new Ajv({ allowUnionTypes: true }).compile(environmentSchema());

test("schemas/env.schema.json and schemas/env.md are what is generated", (t) => {
	t.is(readFileSync(new URL("schemas/env.schema.json", root), "utf8"), formatEnvironmentSchema());
	t.is(readFileSync(new URL("schemas/env.md", root), "utf8"), formatEnvironmentReference());
});

test("every template is valid for the schema and for the parser", (t) => {
	const templates = readdirSync(new URL("templates/", root));
	t.true(templates.length > 0);
	for (const template of templates) {
		const content = readFileSync(new URL(`templates/${template}/env.yaml`, root), "utf8");
		t.true(validate(parse(content) ?? {}), `${template}: ${JSON.stringify(validate.errors)}`);
		t.deepEqual(parseEnvFile({ file: "env.yaml", content }).diagnostics, []);
	}
});

/** What the schema cannot say, or what is no YAML value at all. */
const beyondSchema = new Set([
	"undeclared inputs",
	"a version too new",
	"a duplicate key",
	"conflict markers",
	"a tab",
	"a control character",
	"an open bracket",
	"two colons",
	"an open quote",
	"uneven columns",
	"a tag",
	"a directive",
	"two documents",
	"a reserved character",
	"a line without a colon",
	"a bad escape",
	"a loose alias",
	"a key that is a list",
	"an overlay of an input that is not declared",
	"an input that follows none",
	"inputs that follow each other",
	"deep nesting",
]);

test("the schema refuses what the parser refuses", (t) => {
	const cases = readDiagnosticCases(new URL("env-diagnostics.txt", import.meta.url));
	const checked = cases.filter(({ name }) => !beyondSchema.has(name));
	t.true(checked.length > 15);
	for (const { name, text } of checked) t.false(validate(parse(text)), name);
});

test("every example of the reference is valid", (t) => {
	const entries = environmentOptionEntries();
	t.true(entries.some(({ path }) => path === "inputs.<name>.url"));
	for (const { path, field } of entries) {
		t.true(field.description.length > 10, path);
		if (path.includes(".") || field.example === undefined) continue;
		t.true(validate({ [path]: field.example }), path);
		t.deepEqual(parseEnvFile({ file: "env.yaml", content: JSON.stringify({ [path]: field.example }) }).diagnostics, []);
	}
});
