import test from "ava";
import { expectEnvSpec, parseEnvFile } from "../src/index.ts";

function parsed(content: string, local?: string): ReturnType<typeof parseEnvFile> {
	const options = local === undefined ? {} : { local: { file: "env.local.yaml", content: local } };
	return parseEnvFile({ file: "env.yaml", content }, options);
}

function values(content: string, local?: string): Record<string, string> {
	return Object.fromEntries(expectEnvSpec(parsed(content, local)).env.map(({ name, value }) => [name, value]));
}

function faults(content: string): string[] {
	return parsed(content).diagnostics.map(
		({ code, message, location }) => `${code} ${location?.line}:${location?.column} ${message}`,
	);
}

test("refer to each other in any order", (t) => {
	t.deepEqual(values('env: { A: "${B}/${B}", B: "${C}x", C: 1 }'), { A: "1x/1x", B: "1x", C: "1" });
});

test("leave $${, $NAME and what is no reference as text, and do not expand a value twice", (t) => {
	t.deepEqual(values("env: { A: '$${B} $B ${B-x}', B: '$${A}', C: '${B}' }"), {
		A: "${B} $B ${B-x}",
		B: "${A}",
		C: "${A}",
	});
});

test("see the value that env.local.yaml gives", (t) => {
	t.deepEqual(values('env: { URL: "http://${HOST}", HOST: a }', "env: { HOST: b }"), { HOST: "b", URL: "http://b" });
});

test("report a cycle once, with its path", (t) => {
	t.deepEqual(faults('env:\n  A: "${B}"\n  B: "${C}"\n  C: "${B}"\n'), [
		"ENV_REFERENCE_CYCLE 4:6 'env.C' refers to itself: B → C → B",
	]);
	t.deepEqual(faults('env: { A: "${A}" }'), ["ENV_REFERENCE_CYCLE 1:11 'env.A' refers to itself: A → A"]);
});

test("refuse a variable that is not set, and suggest the nearest", (t) => {
	const { diagnostics } = parsed('env: { HOST: a, URL: "${HOTS}" }');
	t.deepEqual(
		diagnostics.map(({ code, hint }) => [code, hint]),
		[["ENV_REFERENCE", "did you mean '${HOST}'?"]],
	);
});

test("bound the length, and the depth only by the file", (t) => {
	const doubling = Array.from({ length: 60 }, (_, i) => `  V${i}: "\${V${i + 1}}\${V${i + 1}}"`).join("\n");
	t.true(faults(`env:\n${doubling}\n  V60: x\n`).some((each) => each.startsWith("ENV_VALUE ")));
	const chain = Array.from({ length: 5000 }, (_, i) => `  V${i}: "\${V${i + 1}}"`).join("\n");
	t.is(values(`env:\n${chain}\n  V5000: end\n`)["V0"], "end");
});

test("report at most twenty", (t) => {
	const many = Array.from({ length: 100 }, (_, i) => `\${X${i}}`).join("");
	t.is(faults(`env: { A: "${many}" }`).length, 20);
});

test("a process's variables refer to each other and to env, their own first", (t) => {
	const content = `
env: { HOST: localhost, LEVEL: info, LITERAL: '$\${HOST}' }
processes:
  web:
    exec: serve
    env: { URL: "http://\${HOST}:\${PORT}/", PORT: 80, LEVEL: debug, LOG: "\${LEVEL}", TEXT: "\${LITERAL} $\${PORT}" }
`;
	const { processes, env } = expectEnvSpec(parsed(content));
	t.deepEqual(Object.fromEntries((processes[0]?.env ?? []).map(({ name, value }) => [name, value])), {
		URL: "http://localhost:80/",
		PORT: "80",
		LEVEL: "debug",
		LOG: "debug",
		TEXT: "${HOST} ${PORT}",
	});
	t.is(env.find(({ name }) => name === "LEVEL")?.value, "info");
});

test("faults in a process's variables name it", (t) => {
	t.deepEqual(faults('env: { HOST: a }\nprocesses:\n  web: { exec: x, env: { A: "${HOTS}", B: "${B}" } }\n'), [
		"ENV_REFERENCE 3:29 'processes.web.env.A' refers to 'HOTS', which 'env' does not set",
		"ENV_REFERENCE_CYCLE 3:43 'processes.web.env.B' refers to itself: B → B",
	]);
	// What a process sets is not there for others.
	t.deepEqual(faults('env: { A: "${P}" }\nprocesses:\n  web: { exec: x, env: { P: 1 } }\n'), [
		"ENV_REFERENCE 1:11 'env.A' refers to 'P', which 'env' does not set",
	]);
});
