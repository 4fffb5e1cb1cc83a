/** `devenv store path-info`. Layer 5. */

import { formatHash, type StorePath } from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { Args, Flags } from "@oclif/core";
import { fail } from "@devenv/diagnostics";
import { formatBytes } from "../../progress/render-progress.ts";
import { findObject, StoreCommand } from "../../store/store-command.ts";
import { formatTable } from "../../text-table.ts";

interface PathReport {
	readonly path: string;
	readonly narHash: string;
	readonly narSize: number;
	readonly closureSize?: number;
	readonly references: readonly string[];
	readonly deriver: string | null;
	readonly ca: string | null;
	readonly registrationTime: number;
	readonly ultimate: boolean;
	readonly signatures: readonly string[];
}

export default class StorePathInfo extends StoreCommand {
	static override summary = "List store objects with their sizes";
	static override description =
		"Sizes are those of the objects as archives (NAR); what objects share on disk counts in each.";
	static override examples = [
		"<%= config.bin %> store path-info --all --json",
		"<%= config.bin %> store path-info -r --closure-size ./result",
	];
	static override usage = ["store path-info [--recursive] [--closure-size] [--json] PATH...", "store path-info --all"];
	static override enableJsonFlag = true;
	static override strict = false;
	static override args = { path: Args.string({ description: "objects" }) };
	static override flags = {
		all: Flags.boolean({ description: "all objects of the store", default: false }),
		recursive: Flags.boolean({ char: "r", description: "with all that they refer to", default: false }),
		"closure-size": Flags.boolean({
			char: "S",
			description: "also the size of each with all that it refers to",
			default: false,
		}),
	};

	override async run(): Promise<readonly PathReport[]> {
		const { argv, flags } = await this.parse(StorePathInfo);
		if (flags.all === argv.length > 0) {
			fail("USAGE_INVALID", "either paths are named or --all", {
				hint: "for example `devenv store path-info -r ./result`",
			});
		}
		const reports = await this.withStore((store) => {
			const named = argv.map((each) => findObject(store, String(each)).storePath);
			const chosen = flags.all ? store.queryAllValidPaths() : flags.recursive ? store.computeClosure(named) : named;
			return chosen.map((path) => report(store, path, flags["closure-size"]));
		});
		if (reports.length > 0) {
			this.print(
				formatTable(
					reports.map(({ path, narSize, closureSize }) => [
						path,
						formatBytes(narSize),
						...(closureSize === undefined ? [] : [formatBytes(closureSize)]),
					]),
				),
			);
		}
		return reports;
	}
}

function report(store: Store, path: StorePath, withClosure: boolean): PathReport {
	const info = store.pathInfo(path);
	const size = (): number => store.computeClosure([path]).reduce((sum, each) => sum + store.pathInfo(each).narSize, 0);
	return {
		path,
		narHash: formatHash(info.narHash, "sri"),
		narSize: info.narSize,
		...(withClosure ? { closureSize: size() } : {}),
		references: info.references,
		deriver: info.deriver ?? null,
		ca: info.contentAddress ?? null,
		registrationTime: info.registrationTime,
		ultimate: info.ultimate,
		signatures: info.signatures,
	};
}
