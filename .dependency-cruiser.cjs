/** The layers of ARCHITECTURE.md as rules: a package imports from lower layers only, and pure packages do no I/O. */
const layers = [
	["diagnostics"],
	["nix-formats", "evaluator", "protocol", "env-file"],
	["store", "builder", "client", "shell"],
	["engine"],
	["daemon"],
	["cli"],
];
// A pure package may use another pure package where the direction is fixed here.
const withinLayer = { evaluator: ["nix-formats"], shell: [], client: [] };
const beside = ["package-set"];
const developmentOnly = ["test-support"];

const all = [...layers.flat(), ...beside, ...developmentOnly];
const layerOf = (name) => layers.findIndex((layer) => layer.includes(name));

const layerRules = layers.flatMap((layer, index) =>
	layer.map((name) => {
		const allowed = [
			name,
			...layers.slice(0, index).flat(),
			...(withinLayer[name] ?? []),
			...(index >= layerOf("engine") ? beside : []),
		];
		const forbidden = all.filter((each) => !allowed.includes(each));
		return {
			name: `layer-${name}`,
			severity: "error",
			from: { path: `^packages/${name}/src/` },
			to: { path: `^packages/(${forbidden.join("|")})/` },
		};
	}),
);

module.exports = {
	forbidden: [
		...layerRules,
		{
			name: "package-set-is-beside",
			severity: "error",
			from: { path: "^packages/package-set/src/" },
			to: { path: "^packages/(?!package-set|diagnostics|nix-formats)" },
		},
		{
			name: "pure",
			comment: "Pure packages do no I/O: what they need is injected.",
			severity: "error",
			from: { path: "^packages/(diagnostics|nix-formats|evaluator|protocol|env-file)/src/" },
			to: { path: "^(node:)?(fs|fs/promises|net|http|https|child_process|worker_threads|dgram|tls|dns|sqlite)$" },
		},
		{
			name: "no-circular",
			severity: "error",
			from: { path: "^packages/" },
			to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
		},
		{
			name: "no-deep-import",
			comment: "Across packages only src/index.ts is an API.",
			severity: "error",
			from: { path: "^packages/([^/]+)/" },
			to: { path: "^packages/(?!$1/)[^/]+/src/(?!index\\.ts$|(?:analysis|eval-io|format)/index\\.ts$)" },
		},
	],
	options: {
		doNotFollow: { path: "node_modules" },
		tsPreCompilationDeps: true,
		combinedDependencies: true,
		tsConfig: { fileName: "tsconfig.base.json" },
		enhancedResolveOptions: {
			exportsFields: ["exports"],
			conditionNames: ["import", "node", "default"],
			extensions: [".ts", ".js", ".json"],
		},
	},
};
