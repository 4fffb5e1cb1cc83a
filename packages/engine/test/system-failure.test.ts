import test from "ava";
import { failureOf } from "../src/queue/build-failure.ts";
import { systemFailure } from "../src/system-failure.ts";

test("a full disk, quota or database, and a read-only file system, are the user's to mend", (t) => {
	const error = (detail: object): Error => Object.assign(new Error("no"), detail);
	t.is(systemFailure(error({ code: "ENOSPC", path: "/x" }))?.code, "DISK_FULL");
	t.is(systemFailure(error({ code: "EDQUOT" }))?.code, "DISK_FULL");
	t.is(systemFailure(error({ errcode: 13 }))?.code, "DISK_FULL");
	t.is(systemFailure(error({ code: "EROFS" }))?.code, "DISK_READ_ONLY");
	t.is(systemFailure(error({ code: "ENOENT" })), undefined);
	t.is(systemFailure("ENOSPC"), undefined);
	const failure = failureOf(error({ code: "ENOSPC", path: "/x" }), { drvPath: "d", name: "n" });
	t.deepEqual(
		failure.diagnostics.map(({ code, notes }) => [code, notes]),
		[["DISK_FULL", [{ message: "while writing /x" }]]],
	);
});
