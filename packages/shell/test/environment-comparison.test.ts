import test from "ava";
import { compareEnvironments } from "../src/environment-comparison.ts";
import type { EnvironmentDescription } from "../src/activation-request.ts";

const before: EnvironmentDescription = {
	name: "shop",
	root: "/nix/store/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-root",
	storePaths: [],
	path: ["/usr/bin"],
	variables: { PORT: "80", GONE: "1", SAME: "x", ["__proto__"]: "kept" },
	enterShell: "",
	packages: [
		{ attr: "jq", name: "jq", version: "1.7" },
		{ attr: "python3", name: "python3", version: "3.13.4" },
	],
};

test("equal environments do not differ", (t) => {
	t.deepEqual(compareEnvironments(before, before), { packages: [], variables: [], scripts: [], path: [] });
});

test("every kind of difference, with both sides", (t) => {
	const after: EnvironmentDescription = {
		...before,
		path: ["/opt/bin", "/usr/bin"],
		variables: { PORT: "81", NEW: "2", SAME: "x", ["__proto__"]: "kept" },
		enterShell: "echo hello\n",
		packages: [
			{ attr: "python3", name: "python3", version: "3.13.5" },
			{ attr: "redis", name: "redis", version: "8.0" },
		],
	};
	t.deepEqual(compareEnvironments(before, after), {
		packages: [
			{ name: "jq", before: "1.7", after: null },
			{ name: "python3", before: "3.13.4", after: "3.13.5" },
			{ name: "redis", before: null, after: "8.0" },
		],
		variables: [
			{ name: "GONE", before: "1", after: null },
			{ name: "NEW", before: null, after: "2" },
			{ name: "PORT", before: "80", after: "81" },
		],
		scripts: [{ name: "enter_shell", before: null, after: "echo hello\n" }],
		path: [{ name: "PATH", before: "/usr/bin", after: "/opt/bin:/usr/bin" }],
	});
});
