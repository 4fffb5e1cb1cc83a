/** Versions as Nix orders them, and derivation names taken apart. Layer 1, pure. Source: Nix manual, `nix-env --upgrade`. */

/**
 * The components of a version: longest runs of digits, or of what is neither a digit nor a separator (`.` and `-`).
 */
export function splitVersion(version: string): string[] {
	return version.match(/[0-9]+|[^0-9.-]+/g) ?? [];
}

/** -1, 0 or 1 as `left` is older than, as old as, or newer than `right`. */
export function compareVersions(left: string, right: string): -1 | 0 | 1 {
	const a = splitVersion(left);
	const b = splitVersion(right);
	for (let at = 0; at < a.length || at < b.length; at++) {
		const x = a[at] ?? "";
		const y = b[at] ?? "";
		if (isOlder(x, y)) return -1;
		if (isOlder(y, x)) return 1;
	}
	return 0;
}

/** Numbers compare as numbers; `pre` is older than everything; a number is newer than any other word. */
function isOlder(x: string, y: string): boolean {
	const a = componentNumber(x);
	const b = componentNumber(y);
	if (a !== undefined && b !== undefined) return a < b;
	if (x === "" && b !== undefined) return true;
	if (x === "pre" && y !== "pre") return true;
	if (y === "pre") return false;
	if (b !== undefined) return true;
	if (a !== undefined) return false;
	return x < y;
}

/** The number, where it fits into 32 bits; what does not is compared as a word. */
function componentNumber(component: string): number | undefined {
	const first = component.charCodeAt(0);
	if (!(first >= 0x30 && first <= 0x39)) return undefined;
	const value = Number(component);
	return value <= 0x7fffffff ? value : undefined;
}

/** Takes `name-version` apart at the first dash that is not followed by a letter. */
export function parseDrvName(text: string): { readonly name: string; readonly version: string } {
	const at = text.search(/-[^A-Za-z]/s);
	if (at < 0) return { name: text, version: "" };
	return { name: text.slice(0, at), version: text.slice(at + 1) };
}
