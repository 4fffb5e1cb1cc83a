/** Moments of an archive as people write them. Layer 3 (engine), pure. */

import { fail } from "@devenv/diagnostics";

/**
 * A day, at whose end the archive is looked at, or a time in UTC: `2026-11-01`, `2026-11-01T12:00:00Z`. Fails with
 * `UPDATE_TO`, for days that have not begun too.
 */
export function momentOf(text: string, now: Date): Date {
	const match = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d)?Z?)?$/.exec(text);
	const [, day = "", time] = match ?? [];
	const begin = new Date(time === undefined ? `${day}T00:00:00Z` : `${day}${time.replace(/Z$/, "")}Z`);
	// A day that a month does not have becomes one of the next.
	if (match === null || Number.isNaN(begin.getTime()) || !begin.toISOString().startsWith(day)) {
		return fail("UPDATE_TO", `'${text}' is not a date, and Debian's archive is pinned by dates`, {
			hint: "for example 2026-11-01 or 2026-11-01T12:00:00Z, in UTC",
		});
	}
	if (begin > now) {
		fail("UPDATE_TO", `${text} is to come`, { hint: "without --to the newest state is pinned" });
	}
	return time === undefined ? new Date(begin.getTime() + 24 * 60 * 60 * 1000 - 1000) : begin;
}
