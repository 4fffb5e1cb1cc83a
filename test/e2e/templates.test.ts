/** What `devenv init -t` writes, built and run as its env.yaml says, and what is installed in it. Needs the mirror. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Installation } from "./installation.ts";

const names = ["node", "python", "go", "rust", "java", "c", "php", "ruby"] as const;

const installation = new Installation();

test.after.always(() => installation.remove());

test.serial("network: every template builds and runs inside", async (t) => {
	t.timeout(900_000);
	const folders = names.map((name) => installation.project(`${name}-project`, {}));
	const written = await Promise.all(
		folders.map((cwd, index) => installation.devenv(["init", "-t", names[index] ?? ""], { cwd })),
	);
	for (const { code, stderr } of written) t.is(code, 0, stderr);
	const [first = ""] = folders;
	const locked = await installation.devenv(["update"], { cwd: first });
	t.is(locked.code, 0, locked.stderr);
	for (const folder of folders) writeFileSync(join(folder, "env.lock"), readFileSync(join(first, "env.lock")));
	// All at once: packages that they share are fetched once.
	const outcomes = await Promise.all(
		folders.map((cwd) => {
			const line = /^# (?:Build and run|Run) it: +devenv (shell -- .*)$/m.exec(
				readFileSync(join(cwd, "env.yaml"), "utf8"),
			)?.[1];
			if (line === undefined) throw new Error(`${cwd}/env.yaml does not say how it is run`);
			// As a shell reads what the comment says.
			return installation.run(["sh", "-c", `"$0" ${line}`, join(import.meta.dirname, "../../scripts/devenv")], { cwd });
		}),
	);
	for (const [index, { code, stdout, stderr }] of outcomes.entries()) {
		t.is(code, 0, `${names[index] ?? ""}: ${stderr}`);
		t.regex(stdout, /^Hello from /m, names[index]);
	}
	// A second time in the same folder, nothing is overwritten.
	const again = await installation.devenv(["init", "-t", "rust"], { cwd: folders[names.indexOf("rust")] ?? "" });
	t.is(again.code, 1);
	t.regex(again.stderr, /^error\[INIT_EXISTS\]: .*env\.yaml exists already/);
});

/** A wheel made by a build backend of the project's own, so that nothing has to be fetched. */
const backend = `import zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = "greet_py-1.0-py3-none-any.whl"
    info = "greet_py-1.0.dist-info/"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("greet_py.py", "def main():\\n    print('hello from pip')\\n")
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: greet-py\\nVersion: 1.0\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "entry_points.txt", "[console_scripts]\\ngreet-py = greet_py:main\\n")
        wheel.writestr(info + "RECORD", "")
    return name
`;

test.serial("network: what pip and npm install for all is the project's own, and on PATH", async (t) => {
	t.timeout(600_000);
	const python = installation.project("python-project", {
		"greet/pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
		"greet/backend.py": backend,
	});
	const pip = ["pip", "install", "--no-index", "--no-build-isolation", "--quiet", "./greet"];
	const installed = await installation.devenv(["shell", "--", ...pip], { cwd: python });
	t.is(installed.code, 0, installed.stderr);
	const greeted = await installation.devenv(["shell", "--", "sh", "-c", "greet-py; command -v greet-py"], {
		cwd: python,
	});
	t.regex(
		greeted.stdout,
		new RegExp(`^hello from pip\n${installation.home}/state/prefixes/[0-9a-f]{16}/python/bin/greet-py\n$`),
	);

	const node = installation.project("node-project", {
		"greet/package.json": '{ "name": "greet-js", "version": "1.0.0", "bin": { "greet-js": "cli.js" } }\n',
		"greet/cli.js": '#!/usr/bin/env node\nconsole.log("hello from npm");\n',
	});
	const npm = "npm pack --silent ./greet && npm install --global --offline --silent ./greet-js-1.0.0.tgz && greet-js";
	const packed = await installation.devenv(["shell", "--", "sh", "-c", npm], { cwd: node });
	t.regex(packed.stdout, /hello from npm\n$/, packed.stderr);
	// The user's own choice.
	const own = await installation.devenv(["shell", "--", "npm", "config", "get", "prefix"], {
		cwd: node,
		env: { npm_config_prefix: "/elsewhere" },
	});
	t.is(own.stdout, "/elsewhere\n");
});
