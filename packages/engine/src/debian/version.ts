/**
 * Debian package versions: `[epoch:]upstream[-revision]`, ordered as Debian Policy 5.6.12 and dpkg's `verrevcmp` say.
 * Layer 3 (engine), pure.
 */

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. */
export function compareVersions(a: string, b: string): number {
	if (a === b) return 0;
	const left = splitVersion(a);
	const right = splitVersion(b);
	return (
		compareNumbers(left.epoch, right.epoch) ||
		comparePart(left.upstream, right.upstream) ||
		comparePart(left.revision, right.revision)
	);
}

/** Relations of a dependency; `<` and `>` are the obsolete spellings of `<=` and `>=`. */
export type VersionRelation = "<<" | "<=" | "=" | ">=" | ">>";

/** Whether `version relation bound` holds. */
export function satisfiesVersion(version: string, relation: VersionRelation, bound: string): boolean {
	const order = compareVersions(version, bound);
	switch (relation) {
		case "<<":
			return order < 0;
		case "<=":
			return order <= 0;
		case "=":
			return order === 0;
		case ">=":
			return order >= 0;
		case ">>":
			return order > 0;
		default:
			return relation satisfies never;
	}
}

function splitVersion(version: string): { epoch: string; upstream: string; revision: string } {
	const colon = version.indexOf(":");
	const epoch = colon < 0 ? "" : version.slice(0, colon);
	const rest = version.slice(colon + 1);
	const hyphen = rest.lastIndexOf("-");
	if (hyphen < 0) return { epoch, upstream: rest, revision: "" };
	return { epoch, upstream: rest.slice(0, hyphen), revision: rest.slice(hyphen + 1) };
}

/** Compares decimal numbers of any length; an empty one is zero. */
function compareNumbers(a: string, b: string): number {
	const left = a.replace(/^0+/, "");
	const right = b.replace(/^0+/, "");
	if (left.length !== right.length) return left.length - right.length;
	return left < right ? -1 : left > right ? 1 : 0;
}

function comparePart(a: string, b: string): number {
	let i = 0;
	let j = 0;
	while (i < a.length || j < b.length) {
		while ((i < a.length && !isDigit(a, i)) || (j < b.length && !isDigit(b, j))) {
			const order = weight(a, i) - weight(b, j);
			if (order !== 0) return order;
			i++;
			j++;
		}
		const startA = i;
		const startB = j;
		while (isDigit(a, i)) i++;
		while (isDigit(b, j)) j++;
		const order = compareNumbers(a.slice(startA, i), b.slice(startB, j));
		if (order !== 0) return order;
	}
	return 0;
}

function isDigit(text: string, at: number): boolean {
	const code = text.charCodeAt(at);
	return code >= 48 && code <= 57;
}

/** `~` before the end of the part (and digits), then letters, then everything else. */
function weight(text: string, at: number): number {
	if (at >= text.length) return 0;
	const code = text.charCodeAt(at);
	if (code >= 48 && code <= 57) return 0;
	if (code === 126) return -1;
	if ((code >= 65 && code <= 90) || (code >= 97 && code <= 122)) return code;
	return code + 256;
}
