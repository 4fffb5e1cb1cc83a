/** How two trees of files differ, in lines for people. Layer 3. */

import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from "node:fs";
import { type ByteString, bytesFromText, textFromBytes } from "@devenv/nix-formats";

/** Lines after which no more is looked for. */
const MOST = 20;
const PIECE = 1_048_576;

/** At most twenty lines, each with a path relative to the trees; what a NAR does not have (times, other modes) does not count. */
export function treeDifference(first: string, second: string): readonly string[] {
	const lines: string[] = [];
	const pending: ByteString[] = [""];
	for (let path = pending.pop(); path !== undefined && lines.length < MOST; path = pending.pop()) {
		const [one, other] = [place(first, path), place(second, path)];
		const [a, b] = [lstatSync(one), lstatSync(other)];
		const shown = path === "" ? "the output itself" : textFromBytes(path);
		const below = (name: ByteString): ByteString => (path === "" ? name : `${path}/${name}`);
		if (kindOf(a) !== kindOf(b)) {
			lines.push(`${shown}: ${kindOf(a)}, then ${kindOf(b)}`);
			continue;
		}
		if (a.isDirectory()) {
			const [names, others] = [new Set(readdirSync(one, "latin1")), new Set(readdirSync(other, "latin1"))];
			for (const name of [...names].filter((each) => !others.has(each)).sort())
				lines.push(`${textFromBytes(below(name))}: not there again`);
			for (const name of [...others].filter((each) => !names.has(each)).sort())
				lines.push(`${textFromBytes(below(name))}: new`);
			pending.push(
				...[...names]
					.filter((name) => others.has(name))
					.sort()
					.reverse()
					.map(below),
			);
		} else if (a.isSymbolicLink()) {
			const [target, otherTarget] = [readlinkSync(one, "latin1"), readlinkSync(other, "latin1")];
			if (target !== otherTarget)
				lines.push(`${shown}: a link to ${textFromBytes(target)}, then to ${textFromBytes(otherTarget)}`);
		} else {
			const offset = firstDifference(one, other);
			if (offset !== undefined) lines.push(`${shown}: ${a.size} bytes, then ${b.size}; other from byte ${offset} on`);
		}
	}
	return lines.slice(0, MOST);
}

function place(tree: string, path: ByteString): Buffer {
	const bytes = bytesFromText(tree);
	return Buffer.from(path === "" ? bytes : `${bytes}/${path}`, "latin1");
}

function kindOf(stats: Stats): string {
	if (stats.isDirectory()) return "a folder";
	if (stats.isSymbolicLink()) return "a link";
	return (stats.mode & 0o100) === 0 ? "a file" : "a program";
}

/** The offset of the first byte that differs, or of the shorter one's end; undefined for equal files. */
function firstDifference(one: Buffer, other: Buffer): number | undefined {
	const files: number[] = [];
	const [piece, otherPiece] = [Buffer.alloc(PIECE), Buffer.alloc(PIECE)];
	try {
		const [first, second] = [openSync(one, "r"), openSync(other, "r")];
		files.push(first, second);
		for (let offset = 0; ; offset += PIECE) {
			const read = fill(first, piece, offset);
			const otherRead = fill(second, otherPiece, offset);
			if (!piece.subarray(0, read).equals(otherPiece.subarray(0, otherRead))) {
				const shorter = Math.min(read, otherRead);
				let at = 0;
				while (at < shorter && piece[at] === otherPiece[at]) at++;
				return offset + at;
			}
			if (read < PIECE) return undefined;
		}
	} finally {
		for (const file of files) closeSync(file);
	}
}

/** Reads until the piece is full or the file ends. */
function fill(file: number, piece: Buffer, offset: number): number {
	let done = 0;
	while (done < piece.length) {
		const read = readSync(file, piece, done, piece.length - done, offset + done);
		if (read === 0) break;
		done += read;
	}
	return done;
}
