/** Folders of a test's own, removed after it, whatever modes their contents have. */

import { chmodSync, existsSync, lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The part of ava's `t` that is needed. */
export interface Teardown {
	teardown(action: () => void): void;
}

/** Makes an empty folder, without links in its path, that is deleted when the test ends. */
export function temporaryFolder(t: Teardown): string {
	const folder = realpathSync(mkdtempSync(join(tmpdir(), "devenv-test-")));
	t.teardown(() => {
		removeFolder(folder);
	});
	return folder;
}

/** Deletes a folder, whatever the modes in it are; nothing where it is not there. */
export function removeFolder(folder: string): void {
	if (!existsSync(folder)) return;
	makeDeletable(folder);
	rmSync(folder, { recursive: true, force: true });
}

/** An ordinary user cannot delete from a folder without write permission. Names may be any bytes. */
function makeDeletable(folder: string | Buffer): void {
	chmodSync(folder, 0o700);
	for (const name of readdirSync(folder, { encoding: "buffer" })) {
		const path = Buffer.concat([typeof folder === "string" ? Buffer.from(folder) : folder, Buffer.from("/"), name]);
		if (lstatSync(path).isDirectory()) makeDeletable(path);
	}
}
