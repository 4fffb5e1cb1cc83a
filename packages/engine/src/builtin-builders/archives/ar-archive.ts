/**
 * The member table of an `ar` archive, the outer format of a .deb (deb(5), ar(5)). Layer 3; reads an open file.
 */

import { readSync } from "node:fs";
import { fail } from "@devenv/diagnostics";

export interface ArMember {
	readonly name: string;
	/** Offset of the contents in the file. */
	readonly offset: number;
	readonly size: number;
}

const magic = "!<arch>\n";
const headerSize = 60;
/** A .deb has three members, perhaps a signature; more than this is no .deb. */
const mostMembers = 64;

/** Reads the table. Fails with `DEB_MALFORMED` on what is no `ar` archive and on one that ends early. `name` is for messages. */
export function readArMembers(fd: number, fileSize: number, name: string): readonly ArMember[] {
	if (readText(fd, 0, magic.length) !== magic) malformed(name, "it does not begin as an ar archive");
	const members: ArMember[] = [];
	for (let at = magic.length; at < fileSize; ) {
		const header = readText(fd, at, headerSize);
		if (header.length < headerSize || !header.endsWith("`\n")) malformed(name, `no member header at offset ${at}`);
		const digits = header.slice(48, 58).trimEnd();
		const size = Number(digits);
		const offset = at + headerSize;
		if (!/^\d+$/.test(digits) || offset + size > fileSize)
			malformed(name, "a member reaches beyond its end (truncated?)");
		members.push({ name: header.slice(0, 16).trimEnd().replace(/\/$/, ""), offset, size });
		if (members.length > mostMembers) malformed(name, "too many members");
		at = offset + size + (size % 2);
	}
	return members;
}

function malformed(name: string, why: string): never {
	fail("DEB_MALFORMED", `'${name}' is not a Debian package: ${why}`);
}

function readText(fd: number, offset: number, length: number): string {
	const buffer = Buffer.alloc(length);
	return buffer.toString("latin1", 0, readSync(fd, buffer, 0, length, offset));
}
