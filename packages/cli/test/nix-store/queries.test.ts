/** `nix-store`'s questions and complaints, beside real Nix's. */

import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { findProgram, skip } from "@devenv/test-support";
import test from "ava";
import { type Run, TwoStores } from "./two-stores.ts";

const NONE = "/nix/store/00000000000000000000000000000000-none";

function cases(paths: TwoStores["paths"]): readonly (readonly string[])[] {
	const { base, middle, top, tree, drv } = paths;
	return [
		...[
			"--references",
			"--referrers",
			"--requisites",
			"-R",
			"--referrers-closure",
			"--hash",
			"--size",
			"--deriver",
		].map((flag) => ["-q", flag, top, base, tree]),
		["-qR", drv],
		["-q", drv, top],
		["-q", "--outputs", drv],
		["-q", "--include-outputs", "-R", drv],
		["-q", "--binding", "quoted", drv],
		["-q", "--binding", "none", drv],
		["-q", "--binding", "quoted", top],
		["-q", "--binding"],
		["-q", "-u", "--requisites", top, middle],
		["-q", "--tree", top, middle],
		["-q", "--graph", top, middle],
		["-q", "--graphml", top, drv],
		["-q", "--resolve", "result", `${tree}/sub/file`, "twice"],
		["-q", "--roots", base],
		["-q", "--roots", tree],
		["-q", "--size", NONE],
		["-q", "-R", NONE],
		["-q", "--references", "/etc/passwd"],
		["-q", "--size", "--hash", top],
		["-q", "--nonsense", top],
		["-q", "--gc"],
		[],
		["--nonsense"],
		["--check-validity", top, base],
		["--check-validity", top, NONE, base],
		["--check-validity", "--print-invalid", top, NONE],
		["--print-env", drv],
		["--print-env"],
		["--dump-db", top, tree],
		["--dump", `ROOT${tree}`],
		["--dump", "tree"],
		["--dump", "a", "b"],
		["--dump"],
		["--export", top, tree],
		["--verify-path", top, tree],
		["--gc", "--print-roots"],
		["--gc", "--print-live"],
		["--gc", "--print-dead"],
		["--gc", "--nonsense"],
		["--gc", "x"],
		["--print-fixed-path", "sha256", "0".repeat(64), "name"],
		["--print-fixed-path", "--recursive", "sha1", "0".repeat(40), "name"],
		["--print-fixed-path", "sha1"],
		["-l", drv],
		["--optimise", "x"],
		["--load-db", "x"],
		["--restore"],
		["--init"],
		["--init", "x"],
		["-r", top],
		["-r", top, "--add-root", join("/nowhere", "..", "ROOT/../kept")],
		["-r", "--no-gc-warning", top, "--no-output"],
		["-r", `${drv}!none`],
		["-r", NONE],
		["-r", "--dry-run", NONE, `${NONE}.drv`],
		["-r", "--ignore-unknown", NONE, top],
		["-r", `${NONE}.drv`, top],
		["-r", "--dry-run", drv, top],
		["-r", "--nonsense", top],
		["--verify"],
		["--verify", "--check-contents"],
	];
}

test("answers, complaints and exit statuses are real Nix's", (t) => {
	if (findProgram("nix-store") === undefined) {
		skip(t, "no Nix here");
		return;
	}
	const stores = new TwoStores(t);
	symlinkSync(join(stores.folder, "result"), join(stores.folder, "twice"));
	const all = cases(stores.paths);
	const said = stores.bothAll(all.map((args) => ["nix-store", ...args]));
	const [ours, real] = [said.ours.map(comparable), said.real.map(comparable)];
	t.deepEqual(
		ours.map((each, index) => ({ args: all[index], ...each })),
		real.map((each, index) => ({ args: all[index], ...each })),
	);
	// Nix has written the beginning of a stream by then.
	const none = stores.both("nix-store", ["--export", NONE]);
	t.deepEqual([none.ours.status, none.ours.stderr], [none.real.status, none.real.stderr]);
	t.deepEqual(stores.state(stores.ours), stores.state(stores.real));
});

/** Of what is said beside, the last line counts. */
function comparable({ status, stdout, stderr }: Run): Run {
	return { status, stdout, stderr: stderr.trimEnd().split("\n").at(-1) ?? "" };
}
