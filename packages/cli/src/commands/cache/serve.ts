/** `devenv cache serve`. Layer 5. */

import { fail } from "@devenv/diagnostics";
import { readSecretKey, startCacheServer } from "@devenv/engine";
import { Flags } from "@oclif/core";
import { callerLayout } from "../../daemon-connection.ts";
import { DevenvCommand } from "../../devenv-command.ts";
import { writeError } from "../../standard-error.ts";

export default class CacheServe extends DevenvCommand {
	static override summary = "Offer the store as a binary cache over HTTP";
	static override description =
		"Serves all store objects, read only, until it is interrupted, in the form of Nix: other machines name the address under `substituters` in their config.yaml (or as a substituter of real Nix) and the key under `trusted_public_keys`. It listens on this machine only unless --listen says otherwise; whoever reaches it can read all of the store.";
	static override examples = [
		"<%= config.bin %> cache serve --key ~/.config/devenv/cache.key",
		"<%= config.bin %> cache serve --listen 0.0.0.0:8080",
	];
	static override flags = {
		listen: Flags.string({ description: "address and port; port 0: any that is free", default: "127.0.0.1:8321" }),
		key: Flags.string({ description: "file with the key that signs what is offered" }),
		priority: Flags.integer({ description: "smaller is asked first", default: 30, min: 0, max: 1000 }),
	};

	override async run(): Promise<void> {
		const { flags } = await this.parse(CacheServe);
		const [, host = "", port = ""] = /^\[?([^\]]*)\]?:(\d{1,5})$/.exec(flags.listen) ?? [];
		if (host === "" || Number(port) > 65_535) {
			fail("USAGE_INVALID", `--listen ${flags.listen} is no address and port`, { hint: "for example 127.0.0.1:8321" });
		}
		const server = await startCacheServer({
			storeRoot: callerLayout().storeRoot,
			host,
			port: Number(port),
			priority: flags.priority,
			...(flags.key === undefined ? {} : { secretKey: readSecretKey(flags.key) }),
			onRequest: (line) => {
				writeError(`${new Date().toISOString()} ${line}\n`);
			},
		});
		this.print(`serving on ${server.url}`);
		await new Promise((resolve) => {
			for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, resolve);
		});
		await server.close();
	}
}
