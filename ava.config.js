// Node runs the TypeScript sources as they are (type stripping), so no transpiler stands between test and source.
export default {
	files: ["packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
	extensions: ["ts"],
	timeout: "5m",
};
