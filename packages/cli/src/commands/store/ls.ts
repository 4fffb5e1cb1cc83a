/** `devenv store ls`. Layer 5. */

import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@devenv/diagnostics";
import { Args, Flags } from "@oclif/core";
import { findObject, StoreCommand } from "../../store/store-command.ts";
import { formatTable } from "../../text-table.ts";

interface Entry {
	/** Relative to what is listed; `.` for itself. */
	readonly path: string;
	readonly type: "regular" | "directory" | "symlink";
	readonly size?: number;
	readonly executable?: boolean;
	readonly target?: string;
}

export default class StoreLs extends StoreCommand {
	static override summary = "List what is in a store object";
	static override description = "Works without the store being where its paths say, unlike ls.";
	static override examples = [
		"<%= config.bin %> store ls -R ./result",
		"<%= config.bin %> store ls /nix/store/…-hello/bin",
	];
	static override enableJsonFlag = true;
	static override args = { path: Args.string({ description: "object, or a path in it", required: true }) };
	static override flags = {
		recursive: Flags.boolean({ char: "R", description: "folders too", default: false }),
		long: Flags.boolean({ char: "l", description: "kinds, sizes and targets", default: false }),
	};

	override async run(): Promise<readonly Entry[]> {
		const { args, flags } = await this.parse(StoreLs);
		const entries = await this.withStore((store) => {
			const { storePath, subPath } = findObject(store, args.path);
			const top = store.physical(storePath) + subPath;
			if (lstatSync(top, { throwIfNoEntry: false }) === undefined) {
				fail("STORE_FILE_MISSING", `${storePath} has no '${subPath}'`);
			}
			return list(top, ".", flags.recursive);
		});
		const rows = entries.map(({ path, type, size, executable, target }) =>
			flags.long
				? [
						type === "regular" && executable === true ? "executable" : type,
						String(size ?? ""),
						target === undefined ? path : `${path} -> ${target}`,
					]
				: [path],
		);
		if (rows.length > 0) this.print(formatTable(rows));
		return entries;
	}
}

function list(top: string, path: string, recursive: boolean): Entry[] {
	const info = lstatSync(join(top, path));
	if (!info.isDirectory()) return [describe(top, path)];
	return readdirSync(join(top, path))
		.sort()
		.flatMap((name) => {
			const inner = path === "." ? name : `${path}/${name}`;
			const entry = describe(top, inner);
			return entry.type === "directory" && recursive ? [entry, ...list(top, inner, true)] : [entry];
		});
}

function describe(top: string, path: string): Entry {
	const file = join(top, path);
	const info = lstatSync(file);
	if (info.isDirectory()) return { path, type: "directory" };
	if (info.isSymbolicLink()) return { path, type: "symlink", target: readlinkSync(file) };
	return { path, type: "regular", size: info.size, executable: (info.mode & 0o100) !== 0 };
}
