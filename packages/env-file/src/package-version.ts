/** Versions that `packages` asks for: `attr@version`. Layer 1 (pure). */

/**
 * Attributes that may have a package of that version, the first that does is taken: its own, then those that Debian names after a
 * version, such as `postgresql-17`, `python3.13` and `php8.4`, and nixpkgs, such as `nodejs_20`. Each once.
 */
export function versionedNames(attr: string, version: string): string[] {
	const parts = version.split(".");
	const beginnings = parts.map((_, index) => parts.slice(0, index + 1).join(".")).toReversed();
	// python3@3.13 is python3.13, and gcc@14.2 is gcc-14.
	const stem = attr.replace(/-?\d+$/, "");
	const stems = stem === attr || stem === "" ? [attr] : [attr, stem];
	const names = (name: string, each: string): string[] => [
		...[`${name}-${each}`, `${name}${each}`],
		// As nixpkgs has it: nodejs_20, python313.
		...[`${name}_${each.replaceAll(".", "_")}`, `${name}${each.replaceAll(".", "")}`],
	];
	return [...new Set([attr, ...stems.flatMap((name) => beginnings.flatMap((each) => names(name, each)))])];
}

/**
 * Whether a version of Debian's (`epoch:upstream-revision`, Debian Policy 5.6.12) is the one that was asked for: the whole of it, or
 * the upstream version, or how that begins.
 */
export function isVersion(actual: string, asked: string): boolean {
	const upstream = actual.replace(/^\d+:/, "").replace(/-[^-]*$/, "");
	return (
		actual === asked ||
		actual.replace(/^\d+:/, "") === asked ||
		upstream === asked ||
		(upstream.startsWith(asked) && /^[.+~-]/.test(upstream.slice(asked.length)))
	);
}
