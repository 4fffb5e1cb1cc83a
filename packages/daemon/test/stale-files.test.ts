import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { sweepStaleFiles } from "../src/stale-files.ts";

const DAY = 24 * 3600;

test("what was not changed for long goes, whole; what was, and what is not known, stays", (t) => {
	const folder = temporaryFolder(t);
	const folders = { cache: join(folder, "cache"), state: join(folder, "state"), storeRoot: join(folder, "root") };
	const { cache, state, storeRoot } = folders;
	const now = Date.now() / 1000;
	/** `days` ago. */
	const put = (path: string, days: number): void => {
		mkdirSync(dirname(join(folder, path)), { recursive: true });
		writeFileSync(join(folder, path), "x".repeat(5000));
		utimesSync(join(folder, path), now, now - days * DAY);
	};
	const age = (path: string, days: number): void => {
		utimesSync(join(folder, path), now, now - days * DAY);
	};
	put("cache/git/old/HEAD", 50);
	put("cache/git/fetched/FETCH_HEAD", 1);
	put("cache/indexes/a", 50);
	put("cache/indexes/b", 1);
	put("cache/other/a", 50);
	put("state/log/drvs/ab/old.drv.zst", 50);
	put("state/log/drvs/ab/new.drv.zst", 1);
	put("root/nix/var/log/nix/drvs/ab/old.drv", 50);
	put("root/nix/var/log/nix/drvs/ab/new.drv", 1);
	put("state/log/daemon.log", 50);
	age("cache/git/old", 50);
	age("cache/git/fetched", 50);
	const before = Date.now() - 30 * DAY * 1000;

	const said = sweepStaleFiles(folders, before, true);
	t.is(said.count, 4);
	t.true(said.bytes >= 20_000 && said.bytes < 100_000, String(said.bytes));
	t.true(existsSync(join(folder, "cache/git/old/HEAD")));
	t.deepEqual(sweepStaleFiles(folders, before, false), said);
	t.deepEqual(readdirSync(join(cache, "git")), ["fetched"]);
	t.deepEqual(readdirSync(join(cache, "indexes")), ["b"]);
	t.deepEqual(readdirSync(join(cache, "other")), ["a"]);
	t.deepEqual(readdirSync(join(state, "log/drvs/ab")), ["new.drv.zst"]);
	t.deepEqual(readdirSync(join(storeRoot, "nix/var/log/nix/drvs/ab")), ["new.drv"]);
	t.true(existsSync(join(state, "log/daemon.log")));
	t.deepEqual(sweepStaleFiles(folders, before, false), { count: 0, bytes: 0 });
	const none = join(folder, "none");
	t.deepEqual(sweepStaleFiles({ cache: none, state: none, storeRoot: none }, before, false), { count: 0, bytes: 0 });
});
