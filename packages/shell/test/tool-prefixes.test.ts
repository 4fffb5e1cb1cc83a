import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test, { type ExecutionContext } from "ava";
import { toolPrefixes, type ToolPrefixRequest } from "../src/tool-prefixes.ts";

function makeRequest(t: ExecutionContext, programs: readonly string[]): ToolPrefixRequest {
	const folder = temporaryFolder(t);
	for (const name of programs) {
		mkdirSync(dirname(join(folder, "root", name)), { recursive: true });
		writeFileSync(join(folder, "root", name), "");
	}
	mkdirSync(join(folder, "project"));
	return {
		root: join(folder, "root"),
		state: join(folder, "state"),
		hash: "0123456789abcdef",
		project: join(folder, "project"),
		set: {},
		caller: {},
	};
}

const every = ["usr/bin/pip3", "usr/bin/npm", "usr/bin/gem", "usr/bin/cargo", "usr/local/bin/go"];

/** Names of the variables that are set. */
function namesOf(request: ToolPrefixRequest): string[] {
	return toolPrefixes(request).changes.map(({ name }) => name);
}

test("only tools that are there are told, and nothing is made without one", (t) => {
	const none = makeRequest(t, ["usr/bin/python3"]);
	t.deepEqual(toolPrefixes(none), { changes: [], path: [], read: [] });
	t.false(existsSync(none.state));

	const request = makeRequest(t, every);
	const folder = `${request.state}/prefixes/${request.hash}`;
	t.deepEqual(toolPrefixes(request), {
		changes: [
			{ kind: "set", name: "PYTHONUSERBASE", value: `${folder}/python` },
			{ kind: "set", name: "PIP_BREAK_SYSTEM_PACKAGES", value: "1" },
			{ kind: "set", name: "NPM_CONFIG_GLOBALCONFIG", value: `${folder}/npmrc` },
			{ kind: "set", name: "GEM_HOME", value: `${folder}/gems` },
			{ kind: "set", name: "CARGO_INSTALL_ROOT", value: `${folder}/cargo` },
			{ kind: "set", name: "GOBIN", value: `${folder}/go/bin` },
		],
		path: ["python/bin", "npm/bin", "gems/bin", "cargo/bin", "go/bin"].map((each) => `${folder}/${each}`),
		read: [
			"PYTHONUSERBASE",
			"NPM_CONFIG_GLOBALCONFIG",
			"npm_config_globalconfig",
			"NPM_CONFIG_PREFIX",
			"npm_config_prefix",
			"GEM_HOME",
			"CARGO_INSTALL_ROOT",
			"GOBIN",
		],
	});
	t.is(readFileSync(`${folder}/npmrc`, "utf8"), `prefix="${folder}/npm"\n`);
	t.is(readFileSync(`${folder}/project`, "utf8"), `${request.project}\n`);
});

test("what the user or env.yaml has set wins, but not what another shell of ours has", (t) => {
	const request = makeRequest(t, every);
	t.deepEqual(namesOf({ ...request, caller: { GOBIN: "/home/a/bin", npm_config_prefix: "/home/a/npm" } }), [
		"PYTHONUSERBASE",
		"PIP_BREAK_SYSTEM_PACKAGES",
		"GEM_HOME",
		"CARGO_INSTALL_ROOT",
	]);
	t.false(toolPrefixes({ ...request, caller: { GOBIN: "" } }).path.some((each) => each.endsWith("/go/bin")));
	t.deepEqual(namesOf({ ...request, set: { GEM_HOME: "gems", PYTHONUSERBASE: "x", PIP_BREAK_SYSTEM_PACKAGES: "0" } }), [
		"NPM_CONFIG_GLOBALCONFIG",
		"CARGO_INSTALL_ROOT",
		"GOBIN",
	]);
	const ours = `${request.state}/prefixes/fedcba9876543210/go/bin`;
	t.deepEqual(
		toolPrefixes({ ...request, caller: { GOBIN: ours } }).changes.find(({ name }) => name === "GOBIN"),
		{ kind: "set", name: "GOBIN", value: `${request.state}/prefixes/${request.hash}/go/bin` },
	);
});
