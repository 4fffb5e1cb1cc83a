/**
 * Adds to package-lock.json the optional platform packages that it names but does not list, as happens where the
 * registry at hand lacks some platforms. npm 11 refuses such a lock in `npm ci`; npm 9 does not mind. Added entries have
 * a version and a platform but no hash: they are never installed on the platforms that this program supports.
 *
 * Usage: node scripts/complete-lock.ts, after every `npm install`.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
	version?: string;
	dev?: boolean;
	optional?: boolean;
	os?: string[];
	cpu?: string[];
	libc?: string[];
	optionalDependencies?: Record<string, string>;
}

const path = join(import.meta.dirname, "../package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockedPackage> };
const systems = new Set([
	"android",
	"darwin",
	"freebsd",
	"linux",
	"netbsd",
	"openbsd",
	"openharmony",
	"sunos",
	"win32",
]);
let added = 0;

for (const [where, entry] of Object.entries(lock.packages)) {
	if (where === "") continue;
	for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
		const key = `node_modules/${name}`;
		if (lock.packages[key] !== undefined || lock.packages[`${where}/${key}`] !== undefined) continue;
		lock.packages[key] = { version, ...(entry.dev === true ? { dev: true } : {}), optional: true, ...platform(name) };
		added++;
	}
}
const packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(path, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
console.log(`${added} added`);

/** What a name such as `@oxc-parser/binding-linux-arm-gnueabihf` says of its platform. Throws where it says nothing. */
function platform(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
	const parts = (name.split("/").at(-1) ?? "").split("-");
	const at = parts.findIndex((part) => systems.has(part));
	const [os, cpu, abi] = parts.slice(at);
	if (at < 0 || os === undefined || cpu === undefined) throw new Error(`no platform in the name of ${name}`);
	return {
		os: [os],
		cpu: [cpu],
		...(os === "linux" && abi !== undefined ? { libc: [abi.startsWith("musl") ? "musl" : "glibc"] } : {}),
	};
}
