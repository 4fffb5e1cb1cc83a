/** `devenv --help`: all commands on one page, in the order in which people meet them. Layer 5. */

import { Help } from "@oclif/core";
import { VERSION } from "./installation.ts";

export class RootHelp extends Help {
	protected override showRootHelp(): Promise<void> {
		this.log(formatRootHelp(this.config.commands.map(({ id, summary }) => [id, summary ?? ""])));
		return Promise.resolve();
	}
}

/** Command ids in the order of the page; a new command that is missing here comes last. */
const order: readonly string[] = [
	"init",
	"shell",
	"search",
	"add",
	"remove",
	"info",
	"update",
	"lock",
	"run",
	"up",
	"down",
	"processes:list",
	"processes:logs",
	"processes:restart",
	"processes:wait",
	"history",
	"diff",
	"rollback",
	"reload",
	"allow",
	"revoke",
	"explain",
	"explain:rebuild",
	"explain:package",
	"explain:variable",
	"explain:host",
	"print-env",
	"shims",
	"hook",
	"doctor",
	"copy",
	"cache:key",
	"cache:serve",
	"gc",
	"store:query",
	"store:path-info",
	"store:why-depends",
	"store:diff-closures",
	"store:ls",
	"store:cat",
	"store:add",
	"store:delete",
	"store:dump",
	"store:restore",
	"store:export",
	"store:import",
	"store:dump-db",
	"store:load-db",
	"store:optimise",
	"store:roots",
	"store:verify",
	"eval",
	"eval-jobs",
	"repl",
	"fmt",
	"lsp",
	"nix-instantiate",
	"nix-build",
	"nix-store",
	"nix-hash",
	"nix-collect-garbage",
	"nix-prefetch-url",
	"nix-copy-closure",
];

function formatRootHelp(commands: readonly (readonly [id: string, summary: string])[]): string {
	const rank = (id: string): number => (order.includes(id) ? order.indexOf(id) : order.length);
	const sorted = [...commands].sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
	const width = Math.max(...sorted.map(([id]) => id.length));
	return [
		`devenv ${VERSION}: a declarative, pinned, reproducible shell for a project, from one file: env.yaml`,
		"",
		"usage: devenv COMMAND [ARGUMENTS]",
		"",
		...sorted.map(([id, summary]) => `  ${id.replace(":", " ").padEnd(width)}  ${summary}`),
		"",
		"`devenv COMMAND --help` says more about a command; `devenv explain CODE` about an error.",
		"`devenv --trace FILE COMMAND` writes what it spends its time on, for ui.perfetto.dev.",
	].join("\n");
}
