/** requirements.txt (pip's format) and pyproject.toml (PEP 621, and poetry's table). Layer 5 (pure). */

import { type TomlTable, parseToml } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { type Reading, wish, type Wish } from "./reading.ts";

/** Distributions whose wheels need, or that are compiled with, libraries of the system. */
const libraries: ReadonlyMap<string, readonly string[]> = new Map([
	["psycopg2", ["libpq-dev"]],
	["psycopg", ["libpq5"]],
	["mysqlclient", ["default-libmysqlclient-dev", "pkgconf"]],
	["lxml", ["libxml2-dev", "libxslt1-dev"]],
	["pycairo", ["libcairo2-dev", "pkgconf"]],
	["pygobject", ["libgirepository-2.0-dev", "pkgconf"]],
	["python-ldap", ["libldap-dev", "libsasl2-dev"]],
	["xmlsec", ["libxmlsec1-dev", "pkgconf"]],
	["pyodbc", ["unixodbc-dev"]],
	["python-magic", ["libmagic1"]],
	["weasyprint", ["libpango-1.0-0", "libpangoft2-1.0-0"]],
	["uwsgi", []],
]);

export function readRequirements(text: string): Reading {
	const names = text
		.split("\n")
		.map((line) => /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(line)?.[1])
		.filter((name) => name !== undefined);
	return reading("python", names, []);
}

export function readPyproject(text: string): Reading {
	const file = parseToml(bytesFromText(text));
	const project = tableOf(file, "project");
	const poetry = tableOf(tableOf(file, "tool"), "poetry");
	const poetryNames = [...(tableOf(poetry, "dependencies")?.entries.keys() ?? [])].filter((name) => name !== "python");
	const names = [...textsOf(project, "dependencies"), ...poetryNames].flatMap((each) => {
		const name = /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)/.exec(each)?.[1];
		return name === undefined ? [] : [name];
	});
	const requires = textOf(project, "requires-python") ?? textOf(tableOf(poetry, "dependencies"), "python");
	const backend = textOf(tableOf(file, "build-system"), "build-backend") ?? "";
	const remarks = backend === "" ? [] : [`the build backend ${backend} is installed by pip`];
	const tools: Wish[] = backend.startsWith("poetry") ? [wish("poetry", "python3-poetry")] : [];
	const known = reading(requires === undefined ? "python" : `python ${requires}`, names, remarks);
	return { ...known, wishes: [...known.wishes, ...tools] };
}

function reading(python: string, names: readonly string[], remarks: readonly string[]): Reading {
	const wishes: Wish[] = [wish(python, "python3"), wish("pip", "python3-pip"), wish("venv", "python3-venv")];
	const wanted = names.filter((name) => libraries.has(name.toLowerCase()));
	for (const name of wanted) {
		for (const each of libraries.get(name.toLowerCase()) ?? []) wishes.push(wish(name, each));
	}
	if (wanted.length > 0) wishes.push(wish(`${wanted.join(", ")} (compiled)`, "python3-dev"), wish("a compiler", "gcc"));
	const others = names.length === 0 ? [] : [`${names.length} Python packages are installed by pip, into the project`];
	return { wishes, env: [], remarks: [...remarks, ...others] };
}

function tableOf(table: TomlTable | undefined, name: string): TomlTable | undefined {
	const value = table?.entries.get(bytesFromText(name));
	return typeof value === "object" && "entries" in value && value.entries instanceof Map
		? (value as TomlTable)
		: undefined;
}

function textOf(table: TomlTable | undefined, name: string): string | undefined {
	const value = table?.entries.get(bytesFromText(name));
	return typeof value === "string" ? textFromBytes(value) : undefined;
}

function textsOf(table: TomlTable | undefined, name: string): string[] {
	const value = table?.entries.get(bytesFromText(name));
	if (!Array.isArray(value)) return [];
	return value.flatMap((each) => (typeof each === "string" ? [textFromBytes(each)] : []));
}
