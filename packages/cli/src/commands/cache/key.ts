/** `devenv cache key`. Layer 5. */

import { writeFileSync } from "node:fs";
import { fail } from "@devenv/diagnostics";
import { formatPublicKey, formatSecretKey, generateKey, publicKeyOf } from "@devenv/nix-formats";
import { Args } from "@oclif/core";
import { DevenvCommand } from "../../devenv-command.ts";

export default class CacheKey extends DevenvCommand {
	static override summary = "Make a key that signs what is copied to a binary cache";
	static override description =
		"Writes the secret key to a new file that only you can read, and prints the public key: those who take objects from the cache put it under `trusted_public_keys` in their config.yaml. Nix's keys have the same form.";
	static override examples = ["<%= config.bin %> cache key cache.example.org-1 ~/.config/devenv/cache.key"];
	static override enableJsonFlag = true;
	static override args = {
		name: Args.string({ description: "name of the key, by custom the cache's host and a number", required: true }),
		file: Args.string({ description: "file for the secret key", required: true }),
	};

	override async run(): Promise<{ readonly publicKey: string }> {
		const { args } = await this.parse(CacheKey);
		const secret = generateKey(args.name);
		try {
			writeFileSync(args.file, `${formatSecretKey(secret)}\n`, { mode: 0o600, flag: "wx" });
		} catch (error) {
			const { code } = error as NodeJS.ErrnoException;
			if (code === "EEXIST") {
				fail("KEY_EXISTS", `${args.file} exists already`, {
					hint: "name another file; a key that is lost cannot be made again",
				});
			}
			fail("KEY_UNWRITABLE", `cannot write ${args.file}: ${String(code)}`);
		}
		const publicKey = formatPublicKey(publicKeyOf(secret));
		this.print(publicKey);
		return { publicKey };
	}
}
