/** Input URLs of the form `debian:<suite>[?components=main,contrib]`. Layer 3 (engine), pure. */

import { fail } from "@devenv/diagnostics";
import type { ArchiveName } from "./archive-access.ts";

/** A suite and the archive that holds it. */
export interface DebianSuite {
	readonly suite: string;
	readonly archive: ArchiveName;
}

export interface DebianUrl {
	/** As written after `debian:`. */
	readonly suite: string;
	/** The suites that make up the package set; the one written comes first. */
	readonly suites: readonly DebianSuite[];
	/** Archive components, `main` unless told otherwise. */
	readonly components: readonly string[];
}

/** Suites that are updated in place, without suites of updates beside them. */
const ROLLING: ReadonlySet<string> = new Set(["sid", "unstable"]);

/** Fails with `DEBIAN_URL`. */
export function parseDebianUrl(url: string): DebianUrl {
	const match = /^debian:([a-z][a-z0-9-]*)(?:\?(.*))?$/.exec(url);
	const suite = match?.[1];
	if (suite === undefined) badUrl(url, "after 'debian:' comes a suite, such as 'trixie'");
	let components = ["main"];
	for (const [key, value] of new URLSearchParams(match?.[2] ?? "")) {
		if (key !== "components") badUrl(url, `'${key}' is not known; the only parameter is 'components'`);
		components = value.split(",");
		const bad = components.find((each) => !/^[a-z][a-z-]*$/.test(each));
		if (bad !== undefined)
			badUrl(url, `'${bad}' is no component; Debian has main, contrib, non-free and non-free-firmware`);
	}
	const suites: DebianSuite[] = [{ suite, archive: "debian" }];
	if (!ROLLING.has(suite)) {
		suites.push({ suite: `${suite}-updates`, archive: "debian" });
		suites.push({ suite: `${suite}-security`, archive: "debian-security" });
	}
	return { suite, suites, components: [...new Set(components)].sort() };
}

function badUrl(url: string, what: string): never {
	return fail("DEBIAN_URL", `'${url}' names no Debian archive: ${what}`, {
		hint: "For example: debian:trixie, debian:bookworm?components=main,contrib, debian:sid",
	});
}
