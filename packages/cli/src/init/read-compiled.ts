/** go.mod (https://go.dev/ref/mod) and Cargo.toml (https://doc.rust-lang.org/cargo/reference/manifest.html). Layer 5 (pure). */

import { TomlTable, parseToml } from "@devenv/evaluator";
import { bytesFromText, textFromBytes } from "@devenv/nix-formats";
import { type Reading, wish, type Wish } from "./reading.ts";

/** Modules with C code, and what that is linked with. */
const goModules: ReadonlyMap<string, readonly string[]> = new Map([
	["github.com/mattn/go-sqlite3", []],
	["github.com/confluentinc/confluent-kafka-go", []],
	["github.com/go-gl/gl", ["libgl-dev", "libx11-dev"]],
	["github.com/libgit2/git2go", ["libgit2-dev", "pkgconf"]],
]);

export function readGoMod(text: string): Reading {
	const version = /^go\s+(\S+)/m.exec(text)?.[1];
	if (!/^module\s+\S/m.test(text)) throw new SyntaxError("it names no module");
	const wishes: Wish[] = [wish(version === undefined ? "go" : `go ${version}`, "golang-go")];
	const modules = [...text.matchAll(/^\s*(?:require\s+)?([\w.-]+\.[\w.-]+\/\S+)\s+v\d/gm)].map(([, name = ""]) => name);
	const native = modules.map((name) => name.replace(/\/v\d+$/, "")).filter((name) => goModules.has(name));
	for (const name of native) {
		for (const each of ["gcc", ...(goModules.get(name) ?? [])]) wishes.push(wish(`${name} (cgo)`, each));
	}
	return { wishes, env: [], remarks: modules.length === 0 ? [] : [`${modules.length} modules are fetched by go`] };
}

/** Crates that link libraries of the system. */
const crates: ReadonlyMap<string, readonly string[]> = new Map([
	["openssl", ["libssl-dev", "pkgconf"]],
	["openssl-sys", ["libssl-dev", "pkgconf"]],
	["native-tls", ["libssl-dev", "pkgconf"]],
	["reqwest", ["libssl-dev", "pkgconf"]],
	["diesel", ["libpq-dev"]],
	["pq-sys", ["libpq-dev"]],
	["libsqlite3-sys", ["libsqlite3-dev", "pkgconf"]],
	["rusqlite", ["libsqlite3-dev", "pkgconf"]],
	["git2", ["libgit2-dev", "pkgconf"]],
	["libz-sys", ["zlib1g-dev", "pkgconf"]],
	["zstd-sys", ["libzstd-dev", "pkgconf"]],
	["rdkafka", ["librdkafka-dev", "pkgconf"]],
	["bindgen", ["libclang-dev"]],
	["prost-build", ["protobuf-compiler"]],
	["tonic-build", ["protobuf-compiler"]],
	["alsa", ["libasound2-dev", "pkgconf"]],
	["gtk4", ["libgtk-4-dev", "pkgconf"]],
]);

export function readCargoToml(text: string): Reading {
	const file = parseToml(bytesFromText(text));
	const version = stringIn(tableIn(file, "package"), "rust-version");
	const tables = ["dependencies", "dev-dependencies", "build-dependencies"];
	const workspace = tableIn(file, "workspace");
	const names = [file, workspace].flatMap((table) =>
		tables.flatMap((name) => [...(tableIn(table, name)?.entries.keys() ?? [])].map(textFromBytes)),
	);
	const wishes: Wish[] = [wish(version === undefined ? "rustc" : `rustc ${version}`, "rustc"), wish("cargo", "cargo")];
	for (const name of names) for (const each of crates.get(name) ?? []) wishes.push(wish(name, each));
	return { wishes, env: [], remarks: names.length === 0 ? [] : [`${names.length} crates are fetched by cargo`] };
}

function tableIn(table: TomlTable | undefined, name: string): TomlTable | undefined {
	const value = table?.entries.get(bytesFromText(name));
	return value instanceof TomlTable ? value : undefined;
}

function stringIn(table: TomlTable | undefined, name: string): string | undefined {
	const value = table?.entries.get(bytesFromText(name));
	return typeof value === "string" ? textFromBytes(value) : undefined;
}
