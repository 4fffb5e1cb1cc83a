import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
	{ ignores: ["**/build/**", "**/dist/**", "**/node_modules/**", "**/*.js", "**/*.cjs"] },
	js.configs.recommended,
	...tseslint.configs.strictTypeChecked,
	{
		languageOptions: {
			parserOptions: {
				project: ["./packages/*/tsconfig.json", "./scripts/tsconfig.json", "./test/tsconfig.json"],
				tsconfigRootDir: import.meta.dirname,
			},
		},
		rules: {
			"@typescript-eslint/switch-exhaustiveness-check": [
				"error",
				{ considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
			],
			// Numbers in messages are meant; objects are not.
			"@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
			// `(line) => log(line)` hides nothing.
			"@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
			// The interpreter's hot loops are `while (true)` on purpose.
			"@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
			"@typescript-eslint/no-unused-vars": [
				"error",
				{ argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true },
			],
			"no-control-regex": "off",
			"max-lines": ["error", { max: 600 }],
			"no-restricted-syntax": [
				"error",
				{
					selector: "CatchClause[param=null] > BlockStatement[body.length=0]",
					message: "An error is never swallowed: handle it, or say in the block why it cannot matter.",
				},
			],
		},
	},
	{
		files: ["**/test/**/*.ts"],
		rules: {
			"@typescript-eslint/no-non-null-assertion": "off",
			"@typescript-eslint/no-floating-promises": "off",
		},
	},
);
