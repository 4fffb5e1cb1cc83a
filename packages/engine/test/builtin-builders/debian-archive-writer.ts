/** Writes .deb files by hand, good ones and hostile ones. */

import { spawnSync } from "node:child_process";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { storedXz } from "./stored-xz.ts";

export interface TarItem {
	readonly name: string;
	/** Default "0", a file. */
	readonly type?: string;
	readonly mode?: number;
	readonly contents?: string | Buffer;
	readonly link?: string;
}

/** One ustar header with its contents, padded. */
export function tarItem(item: TarItem): Buffer<ArrayBuffer> {
	const contents = Buffer.from(item.contents ?? "");
	const header = Buffer.alloc(512);
	header.write(item.name, 0, 100, "latin1");
	const octal = (value: number, at: number, length: number): void => {
		header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, length, "latin1");
	};
	octal(item.mode ?? 0o644, 100, 8);
	octal(0, 108, 8);
	octal(0, 116, 8);
	octal(contents.length, 124, 12);
	octal(1, 136, 12);
	header.write(item.type ?? "0", 156, 1, "latin1");
	header.write(item.link ?? "", 157, 100, "latin1");
	header.write("ustar\x0000", 257, 8, "latin1");
	header.fill(" ", 148, 156);
	const sum = header.reduce((total, byte) => total + byte, 0);
	header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
	return Buffer.concat([header, contents, Buffer.alloc((512 - (contents.length % 512)) % 512)]);
}

export function tarArchive(items: readonly TarItem[]): Buffer<ArrayBuffer> {
	return Buffer.concat([...items.map(tarItem), Buffer.alloc(1024)]);
}

export function arArchive(members: readonly (readonly [name: string, contents: Buffer])[]): Buffer {
	const parts: Buffer[] = [Buffer.from("!<arch>\n")];
	for (const [name, contents] of members) {
		const head = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}`;
		parts.push(Buffer.from(`${head}${String(contents.length).padEnd(10)}\`\n`, "latin1"), contents);
		if (contents.length % 2 === 1) parts.push(Buffer.from("\n"));
	}
	return Buffer.concat(parts);
}

export type Compression = "none" | "gz" | "xz" | "zst";

export function compressed(data: Buffer<ArrayBuffer>, compression: Compression): Buffer<ArrayBuffer> {
	switch (compression) {
		case "none":
			return data;
		case "gz":
			return Buffer.from(gzipSync(data));
		case "zst":
			return Buffer.from(zstdCompressSync(data));
		case "xz": {
			const { stdout, status } = spawnSync("xz", ["--compress", "--stdout", "-0"], { input: data, maxBuffer: 2 ** 30 });
			return status === 0 ? Buffer.from(stdout) : storedXz(data);
		}
	}
}

export interface DebOptions {
	readonly name: string;
	readonly version?: string;
	/** Lines of the control file beside Package, Version and Architecture. */
	readonly fields?: readonly string[];
	readonly data?: readonly TarItem[];
	/** Control files beside `control`. */
	readonly control?: Readonly<Record<string, string>>;
	readonly compression?: Compression;
}

/** A whole .deb. */
export function deb(options: DebOptions): Buffer {
	const compression = options.compression ?? "none";
	const ending = compression === "none" ? "" : `.${compression}`;
	const stanza = [
		`Package: ${options.name}`,
		`Version: ${options.version ?? "1.0"}`,
		...(options.fields?.some((field) => field.startsWith("Architecture:")) === true ? [] : ["Architecture: all"]),
		...(options.fields ?? []),
		"",
	].join("\n");
	const control: TarItem[] = [
		{ name: "./", type: "5", mode: 0o755 },
		{ name: "./control", contents: stanza },
	];
	for (const [name, contents] of Object.entries(options.control ?? {})) {
		control.push({ name: `./${name}`, contents, mode: name.endsWith("inst") ? 0o755 : 0o644 });
	}
	return arArchive([
		["debian-binary", Buffer.from("2.0\n")],
		[`control.tar${ending}`, compressed(tarArchive(control), compression)],
		[`data.tar${ending}`, compressed(tarArchive(options.data ?? []), compression)],
	]);
}
