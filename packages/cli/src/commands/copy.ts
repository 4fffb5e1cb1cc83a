/** `devenv copy`. Layer 5. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "@devenv/diagnostics";
import { copyPaths, type CopyResult } from "@devenv/protocol";
import { Args, Flags } from "@oclif/core";
import { callerEnvironment } from "../caller.ts";
import { callDaemon } from "../daemon-connection.ts";
import { DevenvCommand } from "../devenv-command.ts";
import { formatBytes } from "../progress/render-progress.ts";

export default class Copy extends DevenvCommand {
	static override summary = "Copy store objects to a binary cache, or from one";
	static override description = [
		"Copies the project's environment, or the store paths that are named, with all that they refer to. A cache is a folder or an address: file:///srv/cache, https://cache.example.org; settings follow as in Nix: ?compression=xz, ?secret-key=/path, ?priority=30.",
		"What others copied is taken where it is signed by a key of `trusted_public_keys` in the user's config.yaml; caches that are named there under `substituters` are asked before anything is built.",
	].join("\n\n");
	static override examples = [
		"<%= config.bin %> copy --to /srv/cache --key ~/.config/devenv/cache.key",
		"<%= config.bin %> copy --from https://cache.example.org",
	];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = { paths: Args.string({ description: "store paths (default: the project's environment)" }) };
	static override flags = {
		to: Flags.string({ description: "the cache to copy to", exclusive: ["from"] }),
		from: Flags.string({ description: "the cache to copy from", exclusive: ["to"] }),
		key: Flags.string({ description: "file with the key that signs what is copied (`devenv cache key` makes one)" }),
		compression: Flags.string({
			description: "how it is compressed",
			options: ["none", "xz", "zstd", "gzip", "bzip2", "br"],
		}),
	};

	override async run(): Promise<CopyResult> {
		const { flags, argv } = await this.parse(Copy);
		const { to, from, key, compression } = flags;
		const named = to ?? from;
		if (named === undefined) {
			return fail("USAGE_INVALID", "neither --to nor --from is given", {
				hint: "for example `devenv copy --to /srv/cache`",
			});
		}
		if (to === undefined && (key !== undefined || compression !== undefined)) {
			fail("USAGE_INVALID", "--key and --compression are for copying to a cache");
		}
		const cache = cacheAddress(named, { "secret-key": key === undefined ? undefined : resolve(key), compression });
		const paths = argv as string[];
		const variables = callerEnvironment(process.env);
		const project = paths.length > 0 ? null : this.projectParams().project;
		const result = await callDaemon(copyPaths, {
			direction: to === undefined ? "from" : "to",
			cache,
			paths,
			project,
			variables,
		});
		this.showDiagnostics(result.diagnostics);
		this.print(`${result.paths.join("\n")}\n${describe(result)}`);
		return result;
	}
}

/** A folder's name stands for its address. */
function cacheAddress(text: string, settings: Readonly<Record<string, string | undefined>>): string {
	const address = /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : pathToFileURL(resolve(text)).href;
	const added = Object.entries(settings).flatMap(([name, value]) =>
		value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
	);
	return added.length === 0 ? address : `${address}${address.includes("?") ? "&" : "?"}${added.join("&")}`;
}

function describe({ copied, present, bytes }: CopyResult): string {
	const was = present === 0 ? "" : `; ${present} were there already`;
	return `Copied ${copied} store objects (${formatBytes(bytes)})${was}.\n`;
}
