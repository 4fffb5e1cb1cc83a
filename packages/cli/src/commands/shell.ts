/** `devenv shell` for those who need its help or made a mistake; the fast path serves the rest. Layer 5. */

import { diagnose, DiagnosticError } from "@devenv/diagnostics";
import { Args, Flags } from "@oclif/core";
import { DevenvCommand } from "../devenv-command.ts";
import { enterShell } from "../enter-shell.ts";

export default class Shell extends DevenvCommand {
	static override summary = "Enter the environment, or run a command in it";
	static override description =
		"Without a command, your shell starts with the packages and variables of the nearest env.yaml; leave it with `exit`. With one, it runs in the current folder, and its exit code is passed on (128 + n when signal n ended it).";
	static override examples = [
		{ description: "an interactive shell", command: "<%= config.bin %> shell" },
		{ description: "one command", command: "<%= config.bin %> shell -- make test" },
		{ description: "without a project", command: "<%= config.bin %> shell -p jq -p ripgrep" },
		{ description: "nothing of the host", command: "<%= config.bin %> shell --pure --keep EDITOR" },
		{
			description: "as an ordinary user, for programs that refuse root",
			command: "sudo <%= config.bin %> shell --user -- initdb -D data",
		},
	];
	static override usage = ["shell [OPTIONS]", "shell [OPTIONS] -- COMMAND [ARGUMENTS...]"];
	static override strict = false;
	static override args = { command: Args.string({ description: "program and arguments, after `--`" }) };
	static override flags = {
		user: Flags.boolean({
			description: "when you are root: appear as an ordinary user, with root's file rights",
			default: false,
		}),
		locked: Flags.boolean({ description: "fail rather than write env.lock", default: false }),
		offline: Flags.boolean({ description: "fail rather than use the network", default: false }),
		pure: Flags.boolean({
			description:
				"without the host's variables and programs, as `clean: true` in env.yaml; HOME, TERM and the like stay",
			default: false,
		}),
		keep: Flags.string({
			description: "with --pure: a variable that comes in nevertheless (may be repeated)",
			multiple: true,
		}),
		package: Flags.string({
			char: "p",
			description: "an environment of these packages alone, in any folder (may be repeated)",
			multiple: true,
		}),
		fresh: Flags.boolean({ description: "with -p: pin the newest state of the packages", default: false }),
		profile: Flags.string({ description: "merge this profile of env.yaml over the rest", helpValue: "NAME" }),
		ambient: Flags.boolean({
			description: "as the hook does: fail unless the content is allowed, and never write env.lock",
			default: false,
			hidden: true,
		}),
	};

	override async run(): Promise<void> {
		const split = this.argv.indexOf("--");
		const own = split < 0 ? this.argv : this.argv.slice(0, split);
		// Parsing changes it.
		const command = split < 0 ? [] : this.argv.slice(split + 1);
		const { flags, argv } = await this.parse(Shell, [...own]);
		if (argv.length > 0) {
			throw new DiagnosticError(
				diagnose("USAGE_COMMAND", `unexpected argument '${String(argv[0])}'`, {
					hint: `to run a command, put -- before it: devenv shell -- ${argv.map(String).join(" ")}`,
				}),
			);
		}
		if (split >= 0 && command.length === 0) {
			throw new DiagnosticError(
				diagnose("USAGE_COMMAND", "there is no command after --", { hint: "for example: devenv shell -- make test" }),
			);
		}
		const { keep = [] } = flags;
		if (keep.length > 0 && !flags.pure) {
			throw new DiagnosticError(
				diagnose("USAGE_INVALID", "--keep is of use with --pure only", {
					hint: `without --pure the environment has ${keep.join(", ")} as it is`,
				}),
			);
		}
		const { package: packages = [] } = flags;
		if (flags.fresh && packages.length === 0) {
			throw new DiagnosticError(
				diagnose("USAGE_INVALID", "--fresh is of use with -p only", { hint: "`devenv update` pins a project anew" }),
			);
		}
		process.exitCode = await enterShell(
			{
				asUser: flags.user,
				ambient: flags.ambient,
				locked: flags.locked,
				offline: flags.offline,
				pure: flags.pure,
				keep,
				packages,
				fresh: flags.fresh,
				profile: flags.profile ?? null,
				command: split < 0 ? null : command,
			},
			() => undefined,
		);
	}
}
