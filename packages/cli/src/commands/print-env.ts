/** `devenv print-env`: the environment as data. Layer 5. */

import { type PrintedEnvironment, printEnvironment, type PrintResult } from "@devenv/protocol";
import { Flags } from "@oclif/core";
import { callerIds } from "../caller.ts";
import { callDaemon, callerLayout } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { followEnvironment } from "../follow-environment.ts";
import { shellText, textForms } from "../shell-text.ts";

export default class PrintEnv extends DevenvCommand {
	static override summary = "Print the environment for editors, scripts and other shells";
	static override description = [
		"What the project's environment is to programs that are not in its shell: variables, and a folder of shims that comes first on PATH, each of which runs its program inside. With --json also where the root lies on the host, and its folders of headers, libraries and pkg-config files.",
		"A program that reads this acts on what the project says, so that its content has to be allowed (`devenv allow`); else the exit code is 2. On a terminal it is only shown. env.lock is never written.",
	].join("\n\n");
	static override examples = [
		'eval "$(<%= config.bin %> print-env --shell bash)"',
		"<%= config.bin %> print-env --json",
		{
			description: "clangd finds the headers of the root",
			command: "<%= config.bin %> print-env --compile-flags > compile_flags.txt",
		},
		{ description: "one line of JSON now and for each change", command: "<%= config.bin %> print-env --watch" },
	];
	static override enableJsonFlag = true;
	static override flags = {
		shell: Flags.string({
			description: "text for this shell to evaluate (default: for yours); direnv: bash, with what direnv is to watch",
			options: [...textForms],
			exclusive: ["json", "watch", "compile-flags"],
		}),
		watch: Flags.boolean({
			description:
				"print a line of JSON for the environment and for each change of it, until interrupted or nobody reads it",
			default: false,
			exclusive: ["json", "compile-flags"],
		}),
		"compile-flags": Flags.boolean({
			description: "print compiler flags, one a line, by which clangd outside the environment sees the root's headers",
			default: false,
			exclusive: ["json"],
		}),
	};

	override async run(): Promise<PrintedEnvironment> {
		const { flags } = await this.parse(PrintEnv);
		const isRead = process.stdin.isTTY && process.stdout.isTTY;
		const result = await callDaemon(printEnvironment, {
			...this.projectParams(),
			...callerIds(),
			consent: isRead ? "given" : "needed",
		});
		this.showDiagnostics(result.diagnostics);
		if (flags.watch) return watch(result);
		const { report } = result;
		if (flags["compile-flags"]) this.print(compileFlags(report));
		else {
			const wanted = flags.shell ?? process.env["SHELL"]?.split("/").at(-1);
			this.print(shellText(textForms.find((each) => each === wanted) ?? "bash", report));
		}
		return report;
	}
}

/** Clang and GCC look for headers, libraries and the standard library below it, as they would below `/`. */
function compileFlags({ root }: PrintedEnvironment): string {
	return root === null ? "" : `--sysroot=${root}\n`;
}

function watch({ report, registration }: PrintResult): Promise<never> {
	const print = (line: string): void => {
		process.stdout.write(`${line}\n`);
	};
	print(JSON.stringify({ kind: "environment", message: "", environment: report }));
	// White space between lines means nothing in JSON; writing it tells whether anybody reads.
	return followEnvironment(callerLayout().runtime, registration, print, () => {
		process.stdout.write(" ");
	});
}
