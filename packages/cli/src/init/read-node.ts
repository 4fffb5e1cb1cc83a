/** package.json (https://docs.npmjs.com/cli/configuring-npm/package-json). Layer 5 (pure). */

import { isObject, jsonObject, keysOf, type Reading, wish, type Wish } from "./reading.ts";

const addons: ReadonlyMap<string, readonly string[]> = new Map([
	["canvas", ["libcairo2-dev", "libpango1.0-dev", "libjpeg-dev", "libgif-dev", "librsvg2-dev"]],
	["better-sqlite3", []],
	["bcrypt", []],
	["sqlite3", []],
	["node-pty", []],
	["node-gyp", []],
	["argon2", []],
	["pg-native", ["libpq-dev"]],
	["zeromq", []],
]);

const browsers: readonly string[] = ["puppeteer", "playwright", "@playwright/test", "cypress"];

export function readPackageJson(text: string): Reading {
	const file = jsonObject(text);
	const remarks: string[] = [];
	const wishes: Wish[] = [];
	const engines = isObject(file["engines"]) ? file["engines"] : {};
	const wanted = typeof engines["node"] === "string" ? `node ${engines["node"]}` : "node";
	wishes.push(wish(wanted, "nodejs"));
	const manager = typeof file["packageManager"] === "string" ? file["packageManager"] : "npm";
	const [name = "npm"] = manager.split("@");
	if (name === "npm") wishes.push(wish("npm", "npm"));
	else remarks.push(`${manager} (packageManager): \`corepack enable\` of nodejs provides it`);
	const dependencies = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((key) => keysOf(file[key]));
	const native = dependencies.filter((each) => addons.has(each));
	if (native.length > 0) {
		const why = `${native.join(", ")} (compiled)`;
		const libraries = native.flatMap((each) => addons.get(each) ?? []);
		for (const each of ["python3", "make", "g++", ...libraries]) wishes.push(wish(why, each));
	}
	const driven = dependencies.filter((each) => browsers.includes(each));
	if (driven.length > 0) wishes.push(wish(`${driven.join(", ")} (a browser)`, "chromium"));
	return { wishes, env: [], remarks };
}
