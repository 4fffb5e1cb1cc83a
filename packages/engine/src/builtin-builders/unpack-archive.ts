/**
 * Unpacks one .deb into a folder, in the form in which roots are composed from it. Layer 3; no threads, no derivations.
 *
 * The data archive comes with `/usr` merged: what Debian ships below `/bin`, `/sbin` and `/lib*` goes below `usr/`. The
 * control files go to `var/lib/devenv/control/<package>/`. Owners, times and set-id bits are left out: a store object
 * has none.
 */

import { closeSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { DiagnosticError, diagnose, fail } from "@devenv/diagnostics";
import { parseStanza } from "../debian/control-file.ts";
import { type ArMember, readArMembers } from "./archives/ar-archive.ts";
import { decompressed } from "./archives/decompressed.ts";
import { type TarEntry, TarError, TarParser, type TarSink } from "./archives/tar-parser.ts";
import { normalName, TreeWriter } from "./archives/tree-writer.ts";

/** Folder of what we add to an unpacked package; roots do not have it. */
export const ownFolder = "var/lib/devenv";
/** Folder of folders of control files, by package, relative to the unpacked object. */
export const controlFolder = "var/lib/devenv/control";

/** Top-level names that a merged `/usr` makes links to `usr/<name>`. */
export const mergedNames: readonly string[] = ["bin", "sbin", "lib", "lib32", "lib64", "libo32", "libx32"];

export interface UnpackRequest {
	/** Host path of the .deb. */
	readonly source: string;
	/** Host folder to make. */
	readonly output: string;
	/** Debian's name of the package, as the control file must have it. */
	readonly packageName: string;
	readonly onProgress?: (bytes: number) => void;
	readonly signal?: AbortSignal;
}

/** A control archive holds some texts; templates in a hundred languages are the largest. */
const mostControlBytes = 64 * 2 ** 20;
/** The control file's Installed-Size is an estimate: bytes beyond it and the factor that are still believed. */
const sizeSlack = 256 * 2 ** 20;
const sizeFactor = 4;

/** Rejects with `DEB_MALFORMED`, `DEB_UNSAFE` or `DEB_WRONG_PACKAGE`. */
export async function unpackArchive(request: UnpackRequest): Promise<void> {
	const { packageName } = request;
	if (!/^[a-z0-9][a-z0-9+.-]+$/.test(packageName)) fail("DEB_WRONG_PACKAGE", `'${packageName}' is no package name`);
	const fd = openSync(request.source, "r");
	try {
		const members = readArMembers(fd, fstatSync(fd).size, packageName);
		const version = members[0]?.name === "debian-binary" ? readMember(fd, members[0]).toString("latin1") : "";
		if (!version.startsWith("2.")) fail("DEB_MALFORMED", `'${packageName}' is not a Debian package of format 2`);
		const controlFiles = await readControlFiles(fd, findMember(members, "control.tar", packageName), request);
		const stanza = parseStanza(controlFiles.get("control")?.contents.toString("utf8") ?? "");
		const named = stanza?.get("package");
		if (named !== packageName) {
			fail("DEB_WRONG_PACKAGE", `the package '${packageName}' says that it is '${named ?? "nothing"}'`);
		}
		const installed = Number(stanza?.get("installed-size") ?? "0") * 1024;
		const maximum = (Number.isFinite(installed) ? installed : 0) * sizeFactor + sizeSlack;
		mkdirSync(request.output, 0o755);
		const writer = new TreeWriter({ folder: request.output, place: placeInMergedRoot, maximum });
		try {
			await parseMember(fd, findMember(members, "data.tar", packageName), { sink: writer, request });
			for (const [name, file] of controlFiles) {
				writer.addFile(`${controlFolder}/${packageName}/${name}`, file.executable ? 0o755 : 0o644, file.contents);
			}
		} catch (error) {
			throw asRefusal(error, request);
		} finally {
			writer.abandon();
		}
	} finally {
		closeSync(fd);
	}
}

function findMember(members: readonly ArMember[], prefix: string, packageName: string): ArMember {
	const found = members.filter(({ name }) => name === prefix || name.startsWith(`${prefix}.`));
	const [member] = found;
	if (member === undefined || found.length > 1)
		fail("DEB_MALFORMED", `'${packageName}' has ${found.length} members '${prefix}'`);
	return member;
}

function readMember(fd: number, member: ArMember): Buffer {
	const data = Buffer.allocUnsafe(member.size);
	for (let done = 0; done < data.length; ) {
		const length = readSync(fd, data, done, data.length - done, member.offset + done);
		if (length === 0) throw new Error("the file shrank while it was read");
		done += length;
	}
	return data;
}

interface ControlFile {
	readonly executable: boolean;
	readonly contents: Buffer;
}

/** The files of the control archive, by name. */
async function readControlFiles(
	fd: number,
	member: ArMember,
	request: UnpackRequest,
): Promise<Map<string, ControlFile>> {
	const files = new Map<string, ControlFile>();
	let pieces: Buffer[] = [];
	let total = 0;
	const sink: TarSink = {
		onEntry: (entry) => {
			const name = normalName(entry.name);
			if (entry.kind === "directory") return;
			if (entry.kind !== "file" || name.includes("/") || name === "" || files.has(name)) {
				throw new TarError(`'${entry.name}' is not a plain control file`);
			}
			total += entry.size;
			if (total > mostControlBytes) throw new TarError("the control files are too large");
			pieces = [];
			files.set(name, { executable: (entry.mode & 0o111) !== 0, contents: Buffer.alloc(0) });
		},
		onData: (chunk) => pieces.push(Buffer.from(chunk)),
		onEntryEnd: () => {
			const last = [...files].at(-1);
			if (last !== undefined && pieces.length > 0) files.set(last[0], { ...last[1], contents: Buffer.concat(pieces) });
			pieces = [];
		},
	};
	await parseMember(fd, member, { request, sink });
	return files;
}

async function parseMember(
	fd: number,
	member: ArMember,
	to: { readonly sink: TarSink; readonly request: UnpackRequest },
): Promise<void> {
	const { request } = to;
	const parser = new TarParser(to.sink);
	let bytes = 0;
	try {
		for await (const piece of await decompressed({
			name: member.name,
			data: readMember(fd, member),
			archive: request.source,
		})) {
			request.signal?.throwIfAborted();
			parser.push(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
			bytes += piece.length;
			request.onProgress?.(bytes);
		}
		parser.end();
	} catch (error) {
		throw asRefusal(error, request, `${member.name}: `);
	}
}

/** The diagnostic for an error that the archive is to blame for; any other error as it is. */
function asRefusal(error: unknown, request: UnpackRequest, where: string = ""): unknown {
	if (request.signal?.aborted === true || error instanceof DiagnosticError || isSystemError(error)) return error;
	const why = error instanceof Error ? error.message : String(error);
	const code = error instanceof TarError ? "DEB_UNSAFE" : "DEB_MALFORMED";
	return new DiagnosticError(
		diagnose(code, `the package '${request.packageName}' cannot be unpacked: ${where}${why}`, {
			hint: "the file is damaged or not a Debian package; a fetched one was checked by its hash, so report it to its maker",
		}),
	);
}

/** A full disk and the like: the machine's fault, not the archive's. */
function isSystemError(error: unknown): boolean {
	const code = (error as NodeJS.ErrnoException).code;
	return code !== undefined && (error as NodeJS.ErrnoException).syscall !== undefined && !code.startsWith("Z_");
}

function placeInMergedRoot(name: string, entry: TarEntry): string | undefined {
	const slash = name.indexOf("/");
	const top = slash < 0 ? name : name.slice(0, slash);
	if (name === ownFolder || name.startsWith(`${ownFolder}/`))
		throw new TarError(`'${name}' lies in a folder that is ours`);
	if (!mergedNames.includes(top)) return name;
	/* base-files ships the links of a merged root themselves; every root has them. */
	if (slash < 0 && entry.kind === "symbolic-link") {
		if (normalName(entry.linkName) !== `usr/${top}`) throw new TarError(`'${top}' is a link to '${entry.linkName}'`);
		return undefined;
	}
	return `usr/${name}`;
}
