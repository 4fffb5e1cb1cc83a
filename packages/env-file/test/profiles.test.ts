import { renderDiagnostic } from "@devenv/diagnostics";
import test from "ava";
import { expectEnvSpec, type ParsedEnvFile, parseEnvFile } from "../src/index.ts";

const project = `
packages: [jq]
env: { HOST: localhost, URL: "http://\${HOST}/" }
enter_shell: echo base
shell: bash
profiles:
  ci:
    packages: [ripgrep, jq]
    env: { HOST: ci.example }
    enter_shell: echo ci
    shell: zsh
    scripts: { test: make check }
  docs: { packages: [pandoc] }
`;
const local = "env: { HOST: local.example }\nprofiles: { ci: { packages: [fd-find] } }\n";

function parse(profile?: string, withLocal = false): ParsedEnvFile {
	return parseEnvFile(
		{ file: "env.yaml", content: project },
		{
			...(profile === undefined ? {} : { profile }),
			...(withLocal ? { local: { file: "env.local.yaml", content: local } } : {}),
		},
	);
}

function variables(parsed: ParsedEnvFile): string[] {
	return expectEnvSpec(parsed).env.map(({ name, value }) => `${name}=${value}`);
}

function packages(parsed: ParsedEnvFile): string[] {
	return expectEnvSpec(parsed).packages.map(({ attr }) => attr);
}

test("without a choice no profile counts", (t) => {
	const spec = expectEnvSpec(parse());
	t.deepEqual(packages(parse()), ["jq"]);
	t.deepEqual(variables(parse()), ["HOST=localhost", "URL=http://localhost/"]);
	t.is(spec.enterShell, "echo base");
	t.is(spec.shell, "bash");
	t.deepEqual(spec.scripts, []);
});

test("a profile's values win, its lists are appended, and references see them", (t) => {
	const spec = expectEnvSpec(parse("ci"));
	t.deepEqual(packages(parse("ci")), ["jq", "ripgrep"]);
	t.deepEqual(variables(parse("ci")), ["HOST=ci.example", "URL=http://ci.example/"]);
	t.is(spec.enterShell, "echo base\necho ci");
	t.is(spec.shell, "zsh");
	t.deepEqual(spec.scripts, [{ name: "test", exec: "make check", description: "", interpreter: "" }]);
});

test("a profile wins over env.local.yaml, which may say more of it", (t) => {
	t.deepEqual(packages(parse("ci", true)), ["jq", "ripgrep", "fd-find"]);
	t.deepEqual(variables(parse("ci", true)), ["HOST=ci.example", "URL=http://ci.example/"]);
	t.deepEqual(variables(parse("docs", true)), ["HOST=local.example", "URL=http://local.example/"]);
});

test("an unknown profile is refused with the nearest name", (t) => {
	const render = (parsed: ParsedEnvFile): string => parsed.diagnostics.map((each) => renderDiagnostic(each)).join("");
	t.is(render(parse("doc")), "error[ENV_PROFILE_UNKNOWN]: there is no profile \"doc\"\n  help: did you mean 'docs'?\n");
	t.is(
		render(parse("production")),
		'error[ENV_PROFILE_UNKNOWN]: there is no profile "production"\n  help: declared are: ci, docs\n',
	);
	const none = parseEnvFile({ file: "env.yaml", content: "" }, { profile: "../x" });
	t.is(none.spec, undefined);
	t.is(none.diagnostics[0]?.code, "ENV_PROFILE_UNKNOWN");
});

test("a mistake between the keys of a profile is said though nobody chose it", (t) => {
	const content = 'profiles:\n  ci:\n    env: { URL: "${HOST}" }\n';
	const parsed = parseEnvFile({ file: "env.yaml", content });
	t.is(parsed.spec, undefined);
	t.is(
		parsed.diagnostics.map((each) => renderDiagnostic(each)).join(""),
		[
			"error[ENV_REFERENCE]: 'env.URL' refers to 'HOST', which 'env' does not set",
			"  --> env.yaml:3:17",
			' 3 |     env: { URL: "${HOST}" }',
			"   |                 ^^^^^^^^^",
			"  help: set it under 'env', or write $${HOST} for the text itself; other variables are known in enter_shell",
			"",
		].join("\n"),
	);
});
