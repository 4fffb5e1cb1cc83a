/**
 * From a derivation to a build request: what Nix promises a builder that it sees. Layer 3.
 *
 * The builder sees an otherwise empty root in which its input closure appears read-only below the store folder, and may
 * write below `/build`, `/tmp` and the store folder, where it leaves its outputs. Only these lie on the disk: making and
 * deleting the places of twenty mounts takes longer than a small build.
 * Source: Nix manual, "Builder execution" and "Advanced attributes".
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { BuildLimits, BuildRequest, SandboxBind, SandboxFile } from "@devenv/builder";
import { type Diagnostic, DiagnosticError, diagnose } from "@devenv/diagnostics";
import {
	type ByteString,
	bytesFromText,
	type Derivation,
	fixedOutput,
	hashBytes,
	encodeBase32,
	type StorePath,
	textFromBytes,
} from "@devenv/nix-formats";
import type { Store } from "@devenv/store";
import { referencesGraphFiles, referencesGraphJson } from "./references-graph.ts";
import { structuredAttributes } from "./structured-attributes.ts";

/** Longest text of one environment entry, `name=value` and its NUL, that the kernel takes (`MAX_ARG_STRLEN`). */
const ENVIRONMENT_ENTRY_LIMIT: number = 128 * 1024;

const BUILD_FOLDER = "/build";

export interface SandboxBuildOptions {
	readonly store: Store;
	/** Closure of the inputs. */
	readonly closure: readonly StorePath[];
	/** Empty host folder on the store's file system. */
	readonly scratch: string;
	/** `NIX_BUILD_CORES`. */
	readonly cores: number;
	readonly limits: BuildLimits;
	/** Of the host, besides the closure. */
	readonly binds?: readonly SandboxBind[];
	readonly onOutput: (chunk: Uint8Array) => unknown;
	readonly signal: AbortSignal;
	/** The environment of this process, of which fixed-output builds may see what `impureEnvVars` names. */
	readonly hostEnvironment: Readonly<Record<string, string | undefined>>;
}

/** Where the builder left an output, as a host path, if it did. */
export function builtOutputPath(scratch: string, outPath: StorePath): string {
	return join(outputsFolder(scratch), basename(outPath));
}

/** The folder that the builder works in, as a host path. */
export function buildFolder(scratch: string): string {
	return join(scratch, "build");
}

function outputsFolder(scratch: string): string {
	return join(scratch, "outputs");
}

/** Prepares the folders and gives the request. Throws `BUILD_ENVIRONMENT_SIZE` for attributes that are too large. */
export function sandboxBuild(drv: Derivation, options: SandboxBuildOptions): BuildRequest {
	const { store, closure, scratch } = options;
	const folders = [
		{ source: outputsFolder(scratch), target: store.storeDir },
		{ source: buildFolder(scratch), target: BUILD_FOLDER },
	];
	for (const { source } of folders) mkdirSync(source, { mode: 0o755 });
	const mountPoint = join(store.builderCache, "mount-point");
	mkdirSync(mountPoint, { recursive: true });
	const rewrite = placeholders(drv);
	const { env, files } = buildEnvironment(drv, options, rewrite);
	refuseLargeEntries(drv, env);
	for (const [name, text] of files) writeFileSync(join(buildFolder(scratch), name), text);
	const binds: SandboxBind[] = folders.map((folder) => ({ ...folder, writable: true }));
	for (const path of closure) binds.push({ source: store.physical(path), target: path });
	binds.push(...(options.binds ?? []));
	const network = fixedOutput(drv) !== undefined;
	if (network) {
		// Minimal systems lack some of them.
		for (const file of ["/etc/resolv.conf", "/etc/services", "/etc/hosts"].filter((each) => existsSync(each)))
			binds.push({ source: file, target: file });
	}
	return {
		name: drv.name,
		temporary: scratch,
		root: { kind: "empty" },
		mountPoint,
		binds,
		files: accountFiles(),
		builder: textFromBytes(rewrite(drv.builder)),
		args: drv.args.map(rewrite),
		env,
		cwd: BUILD_FOLDER,
		network,
		uid: 1000,
		gid: 100,
		limits: options.limits,
		onOutput: options.onOutput,
		signal: options.signal,
	};
}

/** Puts output paths where `builtins.placeholder` stands for them. */
function placeholders(drv: Derivation): (text: ByteString) => ByteString {
	const pairs = [...drv.outputs].map(([name, { path }]): readonly [string, string] => {
		const digest = hashBytes("sha256", Buffer.from(`nix-output:${name}`, "latin1")).bytes;
		return [`/${encodeBase32(digest)}`, path];
	});
	return (text) => pairs.reduce((done, [placeholder, path]) => done.replaceAll(placeholder, () => path), text);
}

function accountFiles(): SandboxFile[] {
	return [
		{
			path: "/etc/passwd",
			text: [
				"root:x:0:0:Nix build user:/build:/noshell",
				"nixbld:x:1000:100:Nix build user:/build:/noshell",
				"nobody:x:65534:65534:Nobody:/:/noshell",
				"",
			].join("\n"),
		},
		{ path: "/etc/group", text: "root:x:0:\nnixbld:!:100:\nnogroup:x:65534:\n" },
		{ path: "/etc/hosts", text: "127.0.0.1 localhost\n::1 localhost\n" },
	];
}

interface BuildEnvironment {
	readonly env: ReadonlyMap<ByteString, ByteString>;
	/** Texts of files in the folder that the builder works in, by name. */
	readonly files: ReadonlyMap<string, string>;
}

/** The builder's whole environment, and the files to which attributes go. */
function buildEnvironment(
	drv: Derivation,
	options: SandboxBuildOptions,
	rewrite: (text: ByteString) => ByteString,
): BuildEnvironment {
	const files = new Map<string, string>();
	const env = new Map<ByteString, ByteString>([
		["PATH", "/path-not-set"],
		["HOME", "/homeless-shelter"],
		["NIX_STORE", options.store.storeDir],
		["NIX_BUILD_CORES", String(options.cores)],
	]);
	const structured = structuredAttributes(drv, rewrite, () => referencesGraphJson(drv, options.store, options.closure));
	if (structured === undefined) {
		const inFiles = new Set((drv.env.get("passAsFile") ?? "").split(/[ \t\n]+/).filter((name) => name !== ""));
		for (const [name, raw] of drv.env) {
			const value = rewrite(raw);
			if (!inFiles.has(name)) {
				env.set(name, value);
				continue;
			}
			const file = `.attr-${encodeBase32(hashBytes("sha256", Buffer.from(name, "latin1")).bytes)}`;
			files.set(file, textFromBytes(value));
			env.set(`${name}Path`, `${BUILD_FOLDER}/${file}`);
		}
		for (const [name, text] of referencesGraphFiles(drv, options.store, options.closure)) {
			files.set(name, text);
		}
	} else {
		files.set(".attrs.json", textFromBytes(structured.json));
		files.set(".attrs.sh", textFromBytes(structured.shell));
		env.set("NIX_ATTRS_JSON_FILE", `${BUILD_FOLDER}/.attrs.json`);
		env.set("NIX_ATTRS_SH_FILE", `${BUILD_FOLDER}/.attrs.sh`);
	}
	env.set("NIX_BUILD_TOP", BUILD_FOLDER);
	for (const name of ["TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD"]) env.set(name, BUILD_FOLDER);
	if (fixedOutput(drv) !== undefined) {
		for (const name of (drv.env.get("impureEnvVars") ?? "").split(/[ \t\n]+/)) {
			if (name !== "") env.set(name, bytesFromText(options.hostEnvironment[textFromBytes(name)] ?? ""));
		}
	}
	env.set("NIX_LOG_FD", "2");
	env.set("TERM", "xterm-256color");
	return { env, files };
}

function refuseLargeEntries(drv: Derivation, env: ReadonlyMap<ByteString, ByteString>): void {
	const faults: Diagnostic[] = [];
	for (const [name, value] of env) {
		if (name.length + value.length + 2 <= ENVIRONMENT_ENTRY_LIMIT) continue;
		const message = `attribute '${textFromBytes(name)}' of '${drv.name}' is too large for an environment variable`;
		faults.push(
			diagnose("BUILD_ENVIRONMENT_SIZE", `${message} (${value.length} bytes, the kernel takes 131,072)`, {
				hint: `name it in 'passAsFile', or set '__structuredAttrs = true'`,
			}),
		);
	}
	if (faults.length > 0) throw new DiagnosticError(faults);
}
