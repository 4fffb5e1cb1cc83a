/** Packages of an input that is a folder of Nix files, beside Debian's. Needs the mirror. */

import { join } from "node:path";
import test from "ava";
import { Installation } from "./installation.ts";

const installation = new Installation();
const project = installation.project("project", {
	"env.yaml": `inputs: { tools: { url: path:tools } }
packages: [hello, tools#greeter]
`,
	"tools/default.nix": `{ pkgs, system, ... }: {
	greeter = derivation {
		name = "greeter-1.0";
		inherit system;
		builder = "\${pkgs.busybox-static}/usr/bin/busybox";
		args = [ "sh" ./build.sh ];
		busybox = "\${pkgs.busybox-static}/usr/bin/busybox";
	};
}
`,
	"tools/build.sh": `$busybox mkdir -p $out/bin
{ echo "#!$busybox sh"; echo 'echo "greetings from $0"'; } > $out/bin/greeter
$busybox chmod +x $out/bin/greeter
`,
});
const devenv = (...args: string[]) => installation.devenv(args, { cwd: project });

test.after.always(() => installation.remove());

test.serial("network: a package built from an input's default.nix runs beside Debian's", async (t) => {
	t.timeout(600_000);
	const first = await devenv("shell", "--", "sh", "-c", "greeter && hello");
	t.regex(
		first.stdout,
		/^greetings from \/nix\/store\/[a-z0-9]{32}-greeter-1\.0\/bin\/greeter\nHello, world!\n$/,
		first.stderr,
	);
	t.is((await devenv("shell", "--offline", "--", "sh", "-c", "greeter && hello")).stdout, first.stdout);
	// The garbage collector knows what the environment needs.
	t.is((await devenv("gc")).code, 0);
	t.is((await devenv("shell", "--offline", "--", "sh", "-c", "greeter && hello")).stdout, first.stdout);
	const alone = "inputs: { tools: { url: path:tools } }\npackages: [tools#greeter]\n";
	installation.write(join(project, "env.yaml"), alone);
	const second = await devenv("shell", "--", "sh", "-c", "greeter; command -v hello");
	t.regex(second.stdout, /^greetings from .*\n$/, second.stderr);
});
