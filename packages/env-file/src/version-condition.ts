/** `require_version`: conditions such as `>=0.1, <2` on this program's version. Layer 1 (pure). */

const comparison = /(>=|<=|>|<|=)?\s*(\d+(?:\.\d+){0,2})/g;

/** Whether a version (`0.1.0`, a suffix such as `-rc.1` ignored) meets every comparison; a bare version means `>=`. */
export function meetsCondition(version: string, condition: string): boolean {
	const own = parts(version.replace(/[-+].*$/, ""));
	for (const [, operator = ">=", wanted = ""] of condition.matchAll(comparison)) {
		const order = compare(own, parts(wanted));
		const met =
			operator === ">="
				? order >= 0
				: operator === "<="
					? order <= 0
					: operator === ">"
						? order > 0
						: operator === "<"
							? order < 0
							: order === 0;
		if (!met) return false;
	}
	return true;
}

function parts(version: string): readonly number[] {
	return version.split(".").map(Number);
}

function compare(a: readonly number[], b: readonly number[]): number {
	for (let index = 0; index < 3; index++) {
		const difference = (a[index] ?? 0) - (b[index] ?? 0);
		if (difference !== 0) return difference;
	}
	return 0;
}
