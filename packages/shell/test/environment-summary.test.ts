import test from "ava";
import { type SummarizedEnvironment, summarizeChange } from "../src/environment-summary.ts";

const packageOf = (text: string): SummarizedEnvironment["packages"][number] => {
	const [attr = "", version = ""] = text.split(" ");
	return { attr, name: attr, version };
};

const environment = (
	packages: readonly string[],
	rest: Partial<SummarizedEnvironment> = {},
): SummarizedEnvironment => ({
	name: "environment",
	root: `/nix/store/${packages.join("-")}`,
	packages: packages.map(packageOf),
	path: ["/usr/bin"],
	variables: {},
	enterShell: "",
	...rest,
});

const base = environment(["jq 1.7.1", "python3 3.13.4"], { variables: { A: "1", B: "2" } });

const cases: readonly {
	readonly title: string;
	readonly before: SummarizedEnvironment;
	readonly after: SummarizedEnvironment;
	readonly line: string;
}[] = [
	{ title: "nothing", before: base, after: { ...base }, line: "" },
	{
		title: "packages and variables",
		before: base,
		after: environment(["redis 8.0", "python3 3.13.5", "bat 0.25"], { variables: { B: "3", DATABASE_URL: "x" } }),
		line: "+ bat 0.25, + redis 8.0, python3 3.13.4 → 3.13.5, - jq, - env A, env B, + env DATABASE_URL",
	},
	{
		title: "a root that moved for other reasons",
		before: base,
		after: { ...base, root: "/nix/store/other" },
		line: "dependencies",
	},
	{
		title: "the order of packages",
		before: environment(["a 1", "b 2"]),
		after: environment(["b 2", "a 1"], { root: "/nix/store/a 1-b 2" }),
		line: "",
	},
	{
		title: "a first view",
		before: environment([], { root: null }),
		after: environment(["jq 1.7.1"]),
		line: "+ jq 1.7.1",
	},
	{
		title: "the rest",
		before: base,
		after: { ...base, enterShell: "echo", name: "demo", path: ["/opt/bin", "/usr/bin"] },
		line: "enter_shell, name environment → demo, folders of PATH",
	},
	{
		title: "names of Object.prototype",
		before: base,
		after: {
			...base,
			variables: { ...base.variables, constructor: "x" },
			packages: [...base.packages, packageOf("toString 1")],
		},
		line: "+ toString 1, + env constructor",
	},
	{
		title: "very much",
		before: environment([]),
		after: environment(Array.from({ length: 30 }, (_, index) => `p${String(index).padStart(2, "0")} 1`)),
		line: `${Array.from({ length: 12 }, (_, index) => `+ p${String(index).padStart(2, "0")} 1`).join(", ")} and 18 more`,
	},
	{
		title: "one more than is listed",
		before: environment([]),
		after: environment(Array.from({ length: 13 }, (_, index) => `p${String(index).padStart(2, "0")} 1`)),
		line: Array.from({ length: 13 }, (_, index) => `+ p${String(index).padStart(2, "0")} 1`).join(", "),
	},
];

for (const { title, before, after, line } of cases) {
	test(`summarizes: ${title}`, (t) => {
		t.is(summarizeChange(before, after), line);
	});
}

test("values of variables and scripts are never shown", (t) => {
	const after = { ...base, variables: { A: "secret-value" }, enterShell: "secret-script" };
	t.notRegex(summarizeChange(base, after), /secret/);
});
