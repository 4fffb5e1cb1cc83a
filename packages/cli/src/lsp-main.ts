/** `devenv lsp`: the language server on standard input and output, a bundle of its own. Layer 5. */

import { userLayout } from "@devenv/client";
import { callerEnvironment } from "./caller.ts";
import { LanguageServer, type ServerOptions } from "./lsp/language-server.ts";

/** Milliseconds between two looks at whether the editor is there still. */
const EDITOR_CHECK = 3000;

/** Serves until the editor says `exit`, closes the pipe or is gone; gives the exit status. */
export function main(options: Pick<ServerOptions, "patience"> = {}): Promise<number> {
	const { promise, resolve } = Promise.withResolvers<number>();
	let check: NodeJS.Timeout | undefined;
	const server = new LanguageServer({
		...options,
		layout: userLayout(callerEnvironment(process.env)),
		write: (text) => process.stdout.write(text),
		log: (text) => process.stderr.write(`devenv lsp: ${text}\n`),
		onEditor: (pid) => {
			check = setInterval(() => {
				if (isGone(pid)) end(1);
			}, EDITOR_CHECK);
			check.unref();
		},
		onExit: (status) => {
			end(status);
		},
	});
	const end = (status: number): void => {
		clearInterval(check);
		process.stdin.destroy();
		server.close();
		resolve(status);
	};
	process.stdin.on("data", (chunk: Buffer) => {
		server.push(chunk);
	});
	// Without `exit` before, the editor ended without a word.
	for (const event of ["end", "error"]) {
		process.stdin.on(event, () => {
			end(1);
		});
	}
	return promise;
}

function isGone(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return false;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "ESRCH";
	}
}
