import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@devenv/test-support";
import test from "ava";
import { sweepStaleFiles } from "../src/stale-files.ts";

const DAY = 24 * 3600;

test("what was not changed for long goes, whole; what was, and what is not known, stays", (t) => {
	const folder = temporaryFolder(t);
	const [cache, state] = [join(folder, "cache"), join(folder, "state")];
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
	put("state/log/drvs/ab/old.drv.gz", 50);
	put("state/log/drvs/ab/new.drv.gz", 1);
	put("state/log/daemon.log", 50);
	age("cache/git/old", 50);
	age("cache/git/fetched", 50);
	const before = Date.now() - 30 * DAY * 1000;

	const said = sweepStaleFiles({ cache, state }, before, true);
	t.is(said.count, 3);
	t.true(said.bytes >= 15_000 && said.bytes < 100_000, String(said.bytes));
	t.true(existsSync(join(folder, "cache/git/old/HEAD")));
	t.deepEqual(sweepStaleFiles({ cache, state }, before, false), said);
	t.deepEqual(readdirSync(join(cache, "git")), ["fetched"]);
	t.deepEqual(readdirSync(join(cache, "indexes")), ["b"]);
	t.deepEqual(readdirSync(join(cache, "other")), ["a"]);
	t.deepEqual(readdirSync(join(state, "log/drvs/ab")), ["new.drv.gz"]);
	t.true(existsSync(join(state, "log/daemon.log")));
	t.deepEqual(sweepStaleFiles({ cache, state }, before, false), { count: 0, bytes: 0 });
	t.deepEqual(sweepStaleFiles({ cache: join(folder, "none"), state: join(folder, "none") }, before, false), {
		count: 0,
		bytes: 0,
	});
});
