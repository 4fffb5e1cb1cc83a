/**
 * Builds what is not run from source: the client's bundles in `build/client/`, and the native helper where there is a C
 * compiler. Run by the launcher's install step with the pinned Node, and by `npm run build`.
 *
 * Each entry of the client is one CommonJS file; entries load each other by name, so that a command loads only its own.
 */

import { spawnSync } from "node:child_process";
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { hookText } from "@devenv/shell";
import { type Plugin, build } from "esbuild";

const top = join(import.meta.dirname, "..");
const source = join(top, "packages/cli/src");
const client = join(top, "build/client");

const entries: readonly string[] = [
	"main",
	"shell-main",
	"oclif-main",
	"nix-instantiate-main",
	"nix-store-main",
	"lsp-main",
];
/** Started as worker threads, by URL. */
const workers: readonly string[] = [
	"nix-instantiate/nix-instantiate-worker",
	"eval-jobs/eval-jobs-worker",
	"repl/repl-worker",
	"lsp/lsp-worker",
];

/**
 * References between bundles by their bundles' names: `import("./x-main.ts")` becomes a require, which is faster, and
 * `new URL("./x-worker.ts", import.meta.url)` names the worker's bundle. A static import of an entry stays outside too.
 */
const separateEntries: Plugin = {
	name: "separate-entries",
	setup(context) {
		context.onResolve({ filter: /-main\.(ts|cjs)$/ }, ({ path, kind }) =>
			kind === "entry-point" ? undefined : { path: `./${basename(path).replace(/\.ts$/, ".cjs")}`, external: true },
		);
		context.onLoad({ filter: /\/packages\/cli\/src\/.*\.ts$/ }, ({ path }) => ({
			contents: readFileSync(path, "utf8")
				.replace(/\bimport\("(\.\.?\/[a-z-]+-main)\.ts"\)/g, 'Promise.resolve(require("$1.cjs"))')
				.replace(/"\.\/([a-z-]+-worker)\.ts"/g, '"./$1.cjs"'),
			loader: "ts",
		}));
	},
};

/**
 * The engine runs from source, as in the daemon: nix-instantiate loads it only for what has to be built. Its I/O for the evaluator
 * is in the bundle: the evaluator knows errors by their class.
 */
const engineFromSource: Plugin = {
	name: "engine-from-source",
	setup(context) {
		context.onResolve({ filter: /^@devenv\/engine$/ }, ({ path }) => ({ path, external: true }));
	},
};

/** The store's hashing threads are few and seldom needed by the client: they run from source. */
const hashingThreads: Plugin = {
	name: "hashing-threads",
	setup(context) {
		context.onLoad({ filter: /\/packages\/store\/src\/hash-(?:pool|pipe)\.ts$/ }, ({ path }) => ({
			contents: readFileSync(path, "utf8").replace(
				/URL\("\.\/(hash-[a-z-]*worker\.ts)"/,
				'URL("../../packages/store/src/$1"',
			),
			loader: "ts",
		}));
	},
};

/** Loaded at the first use: the path of a running daemon needs no child process, and the module costs milliseconds. */
const lazyChildProcess: Plugin = {
	name: "lazy-child-process",
	setup(context) {
		context.onResolve({ filter: /^node:child_process$/ }, ({ path, kind }) =>
			kind === "import-statement" ? { path, namespace: "lazy" } : undefined,
		);
		context.onLoad({ filter: /.*/, namespace: "lazy" }, ({ path }) => {
			const names = ["execFile", "execFileSync", "fork", "spawn", "spawnSync"];
			const getters = names.map((name) => `get ${name}() { return require(${JSON.stringify(path)}).${name}; }`);
			return { contents: `module.exports = { ${getters.join(", ")} };`, loader: "js" };
		});
	},
};

async function buildClient(): Promise<void> {
	const next = `${client}.next`;
	rmSync(next, { recursive: true, force: true });
	await build({
		entryPoints: [...entries, ...workers].map((name) => ({ in: join(source, `${name}.ts`), out: basename(name) })),
		outdir: next,
		outExtension: { ".js": ".cjs" },
		bundle: true,
		platform: "node",
		format: "cjs",
		target: "node26",
		external: ["typescript", "ts-node", "tsx", "node-pty"],
		define: {
			"import.meta.dirname": "__dirname",
			"import.meta.filename": "__filename",
			"import.meta.url": "importMetaUrl",
			"process.env.NODE_ENV": '"production"',
		},
		banner: { js: 'const importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
		plugins: [engineFromSource, separateEntries, hashingThreads, lazyChildProcess],
		minifySyntax: true,
		minifyWhitespace: true,
		legalComments: "none",
		logLevel: "warning",
	});
	// oclif wants a package.json beside its commands.
	writeFileSync(join(next, "package.json"), `${JSON.stringify({ name: "devenv", type: "commonjs" })}\n`);
	rmSync(client, { recursive: true, force: true });
	mkdirSync(join(top, "build"), { recursive: true });
	renameSync(next, client);
}

/**
 * Runs commands once in an empty folder, which keeps their compiled code; what they say does not matter. `shell` keeps
 * its own when it first enters an environment.
 */
function keepCompiledCode(): void {
	const folder = mkdtempSync(join(tmpdir(), "devenv-build-"));
	const env = { ...process.env, DEVENV_HOME: join(folder, "home") };
	for (const args of [
		["daemon", "status"],
		["nix-instantiate", "--eval", "-E", "1"],
		["nix-store", "--gc", "--print-roots"],
	]) {
		spawnSync(process.execPath, [join(client, "main.cjs"), ...args], { cwd: folder, env, stdio: "ignore" });
	}
	rmSync(folder, { recursive: true, force: true });
	// Node writes its cache for the owner alone; other users of the installation read it too.
	const cache = join(client, "cache");
	for (const name of readdirSync(cache, { recursive: true, encoding: "utf8" })) {
		if (statSync(join(cache, name)).isFile()) chmodSync(join(cache, name), 0o644);
	}
}

/** Without a compiler bwrap does what the helper does, slower; that is no failure of the build. */
function buildHelper(): void {
	const { status, stderr, error } = spawnSync("/bin/sh", [join(top, "native/build.sh")], { encoding: "utf8" });
	if (status === 0) return;
	const reason = (error?.message ?? stderr).trim();
	process.stderr.write(
		`devenv: the native helper was not built; devenv works without it, but starts slower\n${reason}\n`,
	);
}

/** The texts of `devenv hook`, which the launcher prints itself: every interactive shell asks for one. */
function writeHooks(): void {
	const folder = join(top, "build/hooks");
	mkdirSync(folder, { recursive: true });
	for (const shell of ["bash", "zsh", "fish"] as const) {
		for (const mode of ["view", "shims"] as const) {
			writeFileSync(join(folder, `${shell}-${mode}`), hookText(shell, mode));
		}
	}
	for (const shell of ["nu", "direnv"] as const) writeFileSync(join(folder, `${shell}-view`), hookText(shell, "view"));
}

await buildClient();
writeHooks();
buildHelper();
keepCompiledCode();
