/** What `devenv doctor` finds. Layer 5. */

export interface Finding {
	/** What was looked at. */
	readonly name: string;
	/** `warn`: something is slower or missing; `fail`: something does not work. */
	readonly state: "ok" | "warn" | "fail";
	/** What was seen, as one line. */
	readonly found: string;
	/** What to do; null where nothing is wrong. */
	readonly remedy: string | null;
}

export function ok(name: string, found: string): Finding {
	return { name, state: "ok", found, remedy: null };
}

export function warn(name: string, found: string, remedy: string): Finding {
	return { name, state: "warn", found, remedy };
}

export function bad(name: string, found: string, remedy: string): Finding {
	return { name, state: "fail", found, remedy };
}
