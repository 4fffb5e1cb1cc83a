/** `nix-collect-garbage`: the drop-in for Nix's program. Layer 5. */

import { join } from "node:path";
import { nixConfiguration } from "../nix-programs/nix-configuration.ts";
import { ArgumentReader } from "../nix-programs/nix-arguments.ts";
import { failUsage, reportFailure } from "../nix-programs/nix-error.ts";
import { ProgramStore } from "../nix-programs/program-store.ts";
import { tellAbout } from "../nix-programs/tell-about.ts";
import { deleteGarbage, parseMaxFreed } from "../nix-store/store-garbage.ts";
import { writeError } from "../standard-error.ts";
import { removeOldGenerations } from "./old-generations.ts";

const PROGRAM = "nix-collect-garbage";

const SECONDS_OF_DAY = 86_400;

const usage = `Usage: nix-collect-garbage [options]

Deletes all store objects that nothing keeps.

  -d, --delete-old          delete the old generations of all profiles first
  --delete-older-than DAYS  those older than so many days (30d)
  --max-freed BYTES         stop after so much was freed; K, M, G and T stand for powers of 1024
  --dry-run                 say which generations would be deleted, and delete nothing
  --store ROOT              use the store below ROOT
  --version, --help
`;

/** Runs the program; `argv` is without the program's name. Gives the exit status. */
export async function runNixCollectGarbage(argv: readonly string[]): Promise<number> {
	let world: ProgramStore | undefined;
	try {
		if (await tellAbout(PROGRAM, usage, argv)) return 0;
		const reader = new ArgumentReader(PROGRAM, argv, nixConfiguration());
		let [removeOld, dryRun] = [false, false];
		let [olderThan, maxFreed]: (string | undefined)[] = [];
		for (let word = reader.next(new Set()); word !== undefined; word = reader.next(new Set())) {
			if (word === "--delete-old" || word === "-d") removeOld = true;
			else if (word === "--delete-older-than") olderThan = reader.value(word);
			else if (word === "--dry-run") dryRun = true;
			else if (word === "--max-freed") maxFreed = reader.value(word);
			else failUsage(PROGRAM, `unrecognised flag '${word}'`);
		}
		const limit = maxFreed === undefined ? undefined : parseMaxFreed(PROGRAM, maxFreed);
		const before = olderThan === undefined ? undefined : Date.now() / 1000 - parseDays(olderThan) * SECONDS_OF_DAY;
		const loud = reader.common().verbosity > 0;
		world = new ProgramStore(reader.common());
		if (removeOld || olderThan !== undefined) {
			const stateDir = world.place.stateDir ?? join(world.place.root, "nix/var/nix");
			const tell = (message: string): void => {
				if (loud) writeError(`${message}\n`);
			};
			removeOldGenerations(join(stateDir, "profiles"), { olderThan: before, dryRun, tell });
		}
		if (!dryRun) deleteGarbage(world, limit, reader.common());
		return 0;
	} catch (error) {
		return reportFailure(error);
	} finally {
		await world?.close();
	}
}

function parseDays(text: string): number {
	if (!text.endsWith("d")) {
		failUsage(PROGRAM, `invalid number of days specifier '${text}', expected something like '14d'`);
	}
	const [, days] = /^([1-9]\d{0,8})d$/.exec(text) ?? [];
	return days === undefined ? failUsage(PROGRAM, `invalid number of days specifier '${text}'`) : Number(days);
}
